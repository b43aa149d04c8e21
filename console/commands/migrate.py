"""`waybill migrate`"""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.connections import CommandContext, load_settings
from console.pipeline.migrate import migrate_stores
from shared.clock import now_ms


@click.command()
@click.option("--finish", is_flag=True, help="Also what waits until only this version runs.")
@json_option
@click.pass_obj
def migrate(context: CommandContext, finish: bool, as_json: bool) -> None:
    """Bring the stores to this version; safe at any time."""
    done = migrate_stores(load_settings(context), now_ms, finish=finish)
    applied = f"{len(done.migrations)} migrations applied, {len(done.partitions)} days made ahead"
    sentences = [f"{applied}, tokens published."]
    if done.waiting:
        sentences.append(
            f"{len(done.waiting)} wait for the end of the roll: `waybill migrate --finish`, when "
            "only this version runs."
        )
    show(done, *sentences, as_json=as_json)
