"""`waybill rejections`"""

import click
from rich.table import Table

from console.options import count_option, json_option
from console.output import show, table
from console.rejections import RejectionReport, report_rejections
from console.stores import Place, open_installation, settings_here


@click.command()
@count_option(20, "refused requests")
@json_option
@click.pass_obj
def rejections(place: Place, count: int, as_json: bool) -> None:
    """Show the last refused requests, and how often each reason was."""
    with open_installation(settings_here(place)) as installation:
        report = report_rejections(installation.connection, installation.redis, count)
    people = (_counts(report), _recent(report)) if report.counts else ("Nothing was refused yet.",)
    show(report, *people, as_json=as_json)


def _counts(report: RejectionReport) -> Table:
    return table(("code", "requests"), report.counts.items())


def _recent(report: RejectionReport) -> Table:
    return table(
        ("at (UTC)", "app", "request", "answer", "field", "parameters"),
        (
            (
                refused.at,
                refused.app,
                f"{refused.method} {refused.endpoint}",
                f"{refused.status} {refused.code}",
                refused.field,
                refused.parameters,
            )
            for refused in report.recent
        ),
    )
