"""`waybill recompute`: past data under the present rules."""

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
    """Recalculate the past data of an app.

    Applies the app's present rules to its attributions, sessions and activity, and waits until a
    worker has finished.
    """
    last = Recompute()
    with (
        open_resources(load_settings(context)) as resources,
        progress_bar("users", enabled=not as_json) as advance,
    ):
        target = find_app(resources.connection, app)
        start_recompute(resources, terminal_actor(), target)
        for last in follow_recompute(resources.redis, target):
            advance(last.done, last.total or None)
    is_done = last.state is RecomputeState.DONE
    progress = f"after {last.done:,} of {last.total:,} users"
    failure = f"The recalculation failed {progress}. See the worker's log for the reason."
    sentence = f"Recalculated {last.done:,} users." if is_done else failure
    show({"app": target, "recompute": last}, sentence, as_json=as_json)
    return 0 if is_done else 1
