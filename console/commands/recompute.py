"""`waybill recompute`: past data under the present rules."""

from datetime import date

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.terminal.options import app_option, day_options, json_option
from console.commands.terminal.output import show
from console.commands.terminal.progress import progress_bar
from console.connections import CommandContext, load_settings, open_resources
from console.pipeline.recompute import days_from, follow_recompute, start_recompute
from shared.recompute import Recompute, RecomputeState


@click.command("recompute")
@app_option
@day_options
@json_option
@click.pass_obj
def recompute_(
    context: CommandContext, app: str, first: date | None, last: date | None, as_json: bool
) -> int:
    """Recalculate the past data of an app.

    Applies the app's present rules to its attributions, sessions and activity, and waits until a
    worker has finished. With --from and --to, only to users with events on these days.
    """
    days = days_from(first, last)
    progress = Recompute()
    with (
        open_resources(load_settings(context)) as resources,
        progress_bar("users", enabled=not as_json) as advance,
    ):
        target = find_app(resources.connection, app)
        start_recompute(resources, terminal_actor(), target, days)
        for progress in follow_recompute(resources.redis, target):
            advance(progress.done, progress.total or None)
    is_done = progress.state is RecomputeState.DONE
    place = f"after {progress.done:,} of {progress.total:,} users"
    failure = f"The recalculation failed {place}. See the worker's log for the reason."
    decided = progress.decided if progress.days else progress.done
    sentence = f"Recalculated {decided:,} users." if is_done else failure
    show({"app": target, "recompute": progress}, sentence, as_json=as_json)
    return 0 if is_done else 1
