"""Creates, extends and checks the logins of all programs, in every server of an installation.

Their names are in the table `program_logins`, so that a migration knows to whom to grant what is
new. An installation that never created them, and uses one login for everything, has none.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from shared.access.access_urls import AccessFolder, Store
from shared.access.discrepancies import Discrepancy
from shared.access.grantees import Grantee
from shared.access.redis_users import (
    compare_user,
    create_user,
    extend_user,
    has_user,
    limit_user,
    save_users,
)
from shared.access.roles import (
    allow_statistics,
    can_log_in,
    compare_role,
    ensure_role,
    grant_rights,
)
from shared.database import Connection, run, transaction
from shared.redis import Redis
from shared.shards.advisory_locks import AdvisoryLock, lock

_NOTE = """
INSERT INTO program_logins (program, store, name) VALUES (%s, %s, %s)
ON CONFLICT (program, store) DO UPDATE SET name = excluded.name
"""
_READ = "SELECT program, store, name FROM program_logins ORDER BY store, program"


class ProgramLogin(NamedTuple):
    """The name of a program's user in Redis, or of its role in PostgreSQL."""

    grantee: Grantee
    store: Store
    name: str


def create_logins(
    connection: Connection,
    servers: Sequence[Redis],
    folder: AccessFolder,
    stores: Collection[Store] = tuple(Store),
    *,
    revoke: bool = True,
) -> list[ProgramLogin]:
    """Creates the users and roles that a folder names, or corrects them; it may be repeated.

    Only those in `stores`. Without `revoke` it takes nothing from those that are there, which
    programs of the version before may use. Raises BadCredentials, RoleNotCreated; DatabaseError,
    RedisError.
    """
    created = []
    for key, login in folder.logins(stores):
        if key.store is Store.REDIS:
            for redis in servers:
                create_user(redis, login, key.grantee, revoke=revoke)
        elif not can_log_in(connection, folder.url(key) or "", login.name):
            ensure_role(connection, login)
        created.append(ProgramLogin(*key, login.name))
    with transaction(connection):
        lock(connection, AdvisoryLock.GRANT_RIGHTS)
        for each in created:
            run(connection, _NOTE, each)
            if each.store is Store.DATABASE:
                grant_rights(connection, each.name, each.grantee, revoke=revoke)
    for each in created:
        if each.store is Store.DATABASE and each.grantee is Grantee.METRICS:
            allow_statistics(connection, each.name)
    for redis in servers:
        save_users(redis)
    return created


def extend_logins(
    connection: Connection, servers: Sequence[Redis], *, revoke: bool = False
) -> None:
    """Grants the logins of this installation what they lack, as after a migration.

    With `revoke`, once no program of the version before runs, it also takes what is too much.
    A user that a Redis has lost stays lost: its password is not known here. Raises DatabaseError,
    RedisError.
    """
    change = limit_user if revoke else extend_user
    logins = stored_logins(connection)
    with transaction(connection):
        lock(connection, AdvisoryLock.GRANT_RIGHTS)
        for grantee, store, name in logins:
            if store is Store.DATABASE:
                grant_rights(connection, name, grantee, revoke=revoke)
    for redis in servers if logins else ():
        for grantee, store, name in logins:
            if store is Store.REDIS and has_user(redis, name):
                change(redis, name, grantee)
        save_users(redis)


def check_logins(connection: Connection, servers: Sequence[Redis]) -> list[Discrepancy]:
    """Lists what the logins of this installation lack, and what they have too much.

    Raises DatabaseError, RedisError.
    """
    found = []
    for grantee, store, name in stored_logins(connection):
        if store is Store.DATABASE:
            found += compare_role(connection, name, grantee)
        else:
            for redis in servers:
                found += compare_user(redis, name, grantee)
    return found


def stored_logins(connection: Connection) -> list[ProgramLogin]:
    """Returns the logins that were created here. Raises DatabaseError."""
    return [
        ProgramLogin(Grantee(program), Store(store), name)
        for program, store, name in run(connection, _READ)
    ]
