"""`waybill user`: the timeline of one user."""

import click

from console.apps.apps import find_app
from console.commands.terminal.options import count_option, environment_option, json_option
from console.commands.terminal.output import show
from console.commands.terminal.user_view import describe_user
from console.connections import CommandContext, load_settings, open_database
from console.lookup.user_timeline import user_timeline


@click.command("user")
@click.argument("app")
@click.argument("user_id")
@environment_option
@count_option(1_000, "events, sessions, clicks and attributions each")
@json_option
@click.pass_obj
def user_(
    context: CommandContext, app: str, user_id: str, environment: str, count: int, as_json: bool
) -> None:
    """Show the timeline of a user.

    Lists clicks, events, sessions and attributions in time order, and the reason of each
    attribution. USER_ID is the user ID or the adid.
    """
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        timeline = user_timeline(connection, owner, environment, user_id, count)
    show(timeline, *describe_user(timeline), as_json=as_json)
