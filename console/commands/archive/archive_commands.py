"""Adds `rename`, `archive` and `restore` to the groups of what can be archived."""

from collections.abc import Callable

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.apps.archive import (
    Archivable,
    ArchiveSubject,
    archive,
    rename,
    require_typed,
    restore,
    set_destination,
)
from console.apps.event_types import find_event_type
from console.apps.links import find_link, find_partner
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import show
from console.connections import CommandContext, load_settings, open_resources
from console.resources import Resources
from shared.database import Connection

# Finds the number of what is named in an app; a partner has none.
Finder = Callable[[Connection, str, str], int]
Command = Callable[..., None]


_FINDERS: dict[Archivable, Finder] = {
    Archivable.APP: lambda connection, app, _: find_app(connection, app).id,
    Archivable.EVENT_TYPE: lambda connection, app, mapping_id: (
        find_event_type(connection, find_app(connection, app), mapping_id).id
    ),
    Archivable.LINK: lambda connection, app, name: (
        find_link(connection, find_app(connection, app), name).id
    ),
    Archivable.PARTNER: lambda connection, _, name: find_partner(connection, name).id,
}


def add_archive_commands(group: click.Group, kind: Archivable) -> None:
    """Adds the commands of one kind to its group."""

    def change(
        context: CommandContext,
        app: str,
        name: str,
        as_json: bool,
        operation: Callable[[Resources, int], ArchiveSubject],
    ) -> None:
        with open_resources(load_settings(context)) as resources:
            subject = operation(resources, _FINDERS[kind](resources.connection, app, name))
        state = "in use" if subject.archived_at is None else "archived"
        show({"subject": subject}, f"{subject.name}: {state}.", as_json=as_json)

    @_named(kind)
    @click.pass_obj
    def archive_(context: CommandContext, app: str, name: str, as_json: bool) -> None:
        def operation(resources: Resources, number: int) -> ArchiveSubject:
            if kind is Archivable.APP:
                require_typed(find_app(resources.connection, app).name, name)
            return archive(resources, terminal_actor(), kind, number)

        change(context, app, name, as_json, operation)

    @_named(kind, confirms=False)
    @click.pass_obj
    def restore_(context: CommandContext, app: str, name: str, as_json: bool) -> None:
        change(
            context,
            app,
            name,
            as_json,
            lambda resources, number: restore(resources, terminal_actor(), kind, number),
        )

    @_named(kind, confirms=False)
    @click.option("--to", "new_name", required=True, help="New name.")
    @click.pass_obj
    def rename_(context: CommandContext, app: str, name: str, new_name: str, as_json: bool) -> None:
        change(
            context,
            app,
            name,
            as_json,
            lambda resources, number: rename(resources, terminal_actor(), kind, number, new_name),
        )

    group.command("archive", help=f"Archive a {kind}; it can be restored.")(archive_)
    group.command("restore", help=f"Restore a {kind} that was archived.")(restore_)
    if kind is not Archivable.APP:  # `waybill app set --name`
        group.command("rename", help=f"Rename a {kind}, in reports of the past as well.")(rename_)


def _named(kind: Archivable, *, confirms: bool = True) -> Callable[[Command], Command]:
    """Adds the options that name one thing of a kind."""

    def add(command: Command) -> Command:
        command = json_option(command)
        if kind is Archivable.PARTNER:
            command = click.option("--app", hidden=True, default="")(command)
            return click.argument("name")(command)
        if kind is Archivable.EVENT_TYPE:
            command = click.option("--mapping-id", "name", required=True, help="Mapping ID.")(
                command
            )
        elif kind is Archivable.LINK:
            command = click.argument("name")(command)
        else:
            command = click.option(
                "--confirm",
                "name",
                required=confirms,
                default=None if confirms else "",
                hidden=not confirms,
                help="Name of the app, to confirm.",
            )(command)
        return app_option(command)

    return add


@click.command("point")
@app_option
@click.argument("name")
@click.option("--destination", required=True, help="Address to redirect to, with macros.")
@json_option
@click.pass_obj
def point(context: CommandContext, app: str, name: str, destination: str, as_json: bool) -> None:
    """Lead a link elsewhere; its tracking link stays the same."""
    with open_resources(load_settings(context)) as resources:
        number = _FINDERS[Archivable.LINK](resources.connection, app, name)
        subject = set_destination(resources, terminal_actor(), number, destination)
    show({"subject": subject}, f"{subject.name} leads to {destination}.", as_json=as_json)
