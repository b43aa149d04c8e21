"""`waybill access`: what each program may do in the stores, by a login of its own."""

from collections.abc import Sequence
from pathlib import Path

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import lines, show, table
from console.connections import CommandContext, load_settings, open_database
from deploy.folder import DataFolder
from shared.access.access_urls import AccessFolder, AccessKey, Store
from shared.access.program_logins import check_logins, create_logins, stored_logins
from shared.access.redis_users import readable_secrets, save_users
from shared.access.rights_tables import (
    COMMAND_HEAD,
    KEY_HEAD,
    TABLE_HEAD,
    command_rows,
    key_rows,
    table_rows,
)
from shared.redis import Redis, open_servers

_FORGETFUL = (
    "A Redis keeps its users in memory only: after a restart every program is refused until you "
    "repeat this command. Set `aclfile` in its configuration, then repeat it."
)
_TELLS = "A Redis tells ingest a password by CONFIG GET {}: use an ACL file instead."


@click.group()
def access() -> None:
    """Give each program a login and rights of its own.

    Programs that share one login continue to work.
    """


@access.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder of the programs' URLs; by default `access` in the data folder.",
)
@click.option(
    "--only-add",
    is_flag=True,
    help="Take no right from logins that are there: programs of the version before may need it.",
)
@json_option
@click.pass_obj
def create(context: CommandContext, folder: Path | None, only_add: bool, as_json: bool) -> None:
    """Create the users of Redis and the roles of PostgreSQL; may be repeated.

    Each program's URLs are in files of their own, such as `workers_database_url`: name them in
    DATABASE_URL_FILE and REDIS_URL_FILE of the program. Files that are there are kept, and users
    are made as they say.
    """
    settings = load_settings(context)
    urls = AccessFolder(folder or DataFolder.at(context.data).access)
    urls.make({Store.REDIS: settings.redis_url, Store.DATABASE: settings.database_url})
    with (
        open_database(settings) as connection,
        open_servers(settings.redis_url, settings.names) as servers,
    ):
        logins = create_logins(connection, servers, urls, revoke=not only_add)
        remarks = _remarks(servers)
    files = [(*login, AccessKey(login.grantee, login.store).file_name) for login in logins]
    show(
        {"folder": str(urls.path), "logins": logins, "remarks": remarks},
        table(("program", "store", "user", "file"), files),
        lines([f"The files are in {urls.path}.", *remarks]),
        as_json=as_json,
    )


@access.command("show")
@json_option
def show_(as_json: bool) -> None:
    """Show what each program may do with each table and each key."""
    parts: dict[str, tuple[Sequence[str], Sequence[Sequence[str]]]] = {
        "postgresql": (TABLE_HEAD, table_rows()),
        "redis": (KEY_HEAD, key_rows()),
        "commands": (COMMAND_HEAD, command_rows()),
    }
    document = {
        name: [dict(zip(head, row, strict=True)) for row in rows]
        for name, (head, rows) in parts.items()
    }
    show(document, *(table(head, rows) for head, rows in parts.values()), as_json=as_json)


@access.command()
@json_option
@click.pass_obj
def check(context: CommandContext, as_json: bool) -> int:
    """Compare what the logins may do with what they need; the exit status is 1 if that differs."""
    settings = load_settings(context)
    with (
        open_database(settings) as connection,
        open_servers(settings.redis_url, settings.names) as servers,
    ):
        logins = stored_logins(connection)
        found = check_logins(connection, servers)
        remarks = _remarks(servers) if logins else []
    if not logins:
        remarks = ["The programs share one login. `waybill access create` makes one for each."]
    elif not found:
        remarks = [f"{len(logins)} logins have what they need, and no more.", *remarks]
    document = {"logins": logins, "discrepancies": found, "remarks": remarks}
    show(document, lines([*map(str, found), *remarks]), as_json=as_json)
    return 1 if found else 0


def _remarks(servers: list[Redis]) -> list[str]:
    told = sorted({name for redis in servers for name in readable_secrets(redis)})
    forgetful = [] if all(map(save_users, servers)) else [_FORGETFUL]
    return [*forgetful, *([_TELLS.format(" and ".join(told))] if told else [])]
