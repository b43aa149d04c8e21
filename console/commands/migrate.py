"""`waybill migrate`"""

import click

from console.options import json_option
from console.output import show
from console.prepare import prepare
from console.stores import Place, settings_here
from shared.clock import now_ms


@click.command()
@json_option
@click.pass_obj
def migrate(place: Place, as_json: bool) -> None:
    """Bring the stores to this version; safe at any time."""
    done = prepare(settings_here(place), now_ms)
    sentence = (
        f"{len(done.migrations)} migrations applied, {len(done.partitions)} days made ahead, "
        "tokens published."
    )
    show(done, sentence, as_json=as_json)
