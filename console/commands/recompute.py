"""`waybill recompute`"""

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import show
from console.commands.terminal.progress import progress_bar
from console.connections import CommandContext, load_settings, open_resources
from console.pipeline.recompute import follow_recompute, start_recompute
from shared.recompute import Recompute, RecomputeState


@click.command("recompute")
@app_option
@json_option
@click.pass_obj
def recompute_(context: CommandContext, app: str, as_json: bool) -> int:
    """Decide attribution, sessions and activity of an app anew, by its present rules."""
    last = Recompute()
    with (
        open_resources(load_settings(context)) as resources,
        progress_bar("users", enabled=not as_json) as advance,
    ):
        found = find_app(resources.connection, app)
        start_recompute(resources, terminal_actor(), found)
        for last in follow_recompute(resources.redis, found):
            advance(last.done, last.total or None)
    show({"app": found, "recompute": last}, _sentence(last), as_json=as_json)
    return 0 if last.state is RecomputeState.DONE else 1


def _sentence(last: Recompute) -> str:
    if last.state is RecomputeState.DONE:
        return f"{last.done:,} users were decided anew."
    return f"It failed after {last.done:,} of {last.total:,} users. The worker's log says why."
