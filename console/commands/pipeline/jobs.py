"""`waybill jobs`: what RQ knows of the workers' jobs."""

import click
from rich.console import RenderableType

from console.actor import terminal_actor
from console.commands.terminal.options import count_option, json_option
from console.commands.terminal.output import pairs, show, table
from console.connections import CommandContext, load_settings, open_resources
from console.pipeline.jobs import delete_job, report_jobs, retry_job


@click.group()
def jobs() -> None:
    """Inspect jobs of workers; retry and delete failed ones."""


@jobs.command("list")
@count_option(20, "failed jobs")
@click.option("--before", help="Go on behind the last job of a list, by the text under it.")
@json_option
@click.pass_obj
def list_(context: CommandContext, count: int, before: str | None, as_json: bool) -> None:
    """Count jobs by state, and list those that failed within a day."""
    with open_resources(load_settings(context)) as resources:
        report = report_jobs(resources.redis, count, before)
    counts = ((state, f"{number:,}") for state, number in report.counts.items())
    parts: list[RenderableType] = [pairs(counts)]
    if report.failed:
        columns = ("job", "ID", "failed (UTC)", "reason")
        rows = [(job.name, job.id, job.failed_at, job.reason) for job in report.failed]
        parts.append(table(columns, rows))
    if report.older:
        parts.append(f"More: --before {report.older}")
    show(report, *parts, as_json=as_json)


@jobs.command("retry")
@click.argument("job")
@json_option
@click.pass_obj
def retry_(context: CommandContext, job: str, as_json: bool) -> None:
    """Put a failed job back into the queue.

    JOB is the ID of the job.
    """
    with open_resources(load_settings(context)) as resources:
        retry_job(resources, terminal_actor(), job)
    show({"retried": job}, "The job is back in the queue.", as_json=as_json)


@jobs.command("delete")
@click.argument("job")
@json_option
@click.pass_obj
def delete_(context: CommandContext, job: str, as_json: bool) -> None:
    """Delete a failed job; its work waits in the inbox or the tables.

    JOB is the ID of the job.
    """
    with open_resources(load_settings(context)) as resources:
        delete_job(resources, terminal_actor(), job)
    show({"deleted": job}, "The job was deleted.", as_json=as_json)
