"""`waybill status`"""

import click

from console.options import json_option
from console.output import pairs, show
from console.status import read_status
from console.stores import Place, open_redis, settings_here


@click.command()
@json_option
@click.pass_obj
def status(place: Place, as_json: bool) -> None:
    """Show what waits and what was accepted."""
    with open_redis(settings_here(place)) as redis:
        now = read_status(redis)
    people = pairs(
        (
            ("events waiting", f"{now.backlog_events:,}"),
            ("oldest waiting", f"{now.oldest_ms / 1000:.1f} s"),
            ("events accepted in all", f"{now.accepted:,}"),
            ("jobs waiting", f"{now.waiting_jobs:,}"),
        )
    )
    show(now, people, as_json=as_json)
