"""`waybill status`: the backlog, and the users who are set aside."""

from functools import partial

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import pairs, show
from console.connections import CommandContext, load_settings, open_database, open_redis
from console.pipeline.health import read_status, with_set_aside


@click.command()
@json_option
@click.pass_obj
def status(context: CommandContext, as_json: bool) -> None:
    """Show the backlog and the number of accepted events.

    Works while PostgreSQL is down, except that the number of users set aside is then unknown.
    """
    settings = load_settings(context)
    with open_redis(settings) as redis:
        now = with_set_aside(read_status(redis), partial(open_database, settings))
    set_aside = "not known" if now.set_aside_users is None else f"{now.set_aside_users:,}"
    counts = pairs(
        (
            ("events waiting", f"{now.backlog_events:,}"),
            ("oldest event waiting", f"{now.oldest_ms / 1000:.1f} s"),
            ("events accepted in total", f"{now.accepted:,}"),
            ("jobs waiting", f"{now.waiting_jobs:,}"),
            ("users set aside", set_aside),
        )
    )
    show(now, counts, as_json=as_json)
