"""`waybill migrate`: the stores of this version."""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.connections import CommandContext, load_settings
from console.pipeline.migrate import migrate_stores
from shared.clock import now_ms


@click.command()
@click.option(
    "--finish",
    is_flag=True,
    help="Also apply the migrations that must wait until only this version runs.",
)
@json_option
@click.pass_obj
def migrate(context: CommandContext, finish: bool, as_json: bool) -> None:
    """Migrate the stores to this version; safe at any time.

    Applies migrations, creates the partitions of the next days and publishes the tokens.
    """
    migrated = migrate_stores(load_settings(context), now_ms, finish=finish)
    applied = f"Migrations applied: {len(migrated.migrations)}."
    sentences = [f"{applied} Partitions created: {len(migrated.partitions)}. Tokens published."]
    if migrated.waiting:
        sentences.append(
            f"Migrations that wait for the end of the rolling upgrade: {len(migrated.waiting)}. "
            "Run `waybill migrate --finish` once only this version runs."
        )
    show(migrated, *sentences, as_json=as_json)
