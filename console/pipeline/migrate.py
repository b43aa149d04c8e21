"""Prepares the stores for the programs: tables, future partitions, the key, the snapshot."""

from collections.abc import Collection
from dataclasses import dataclass

from console.connections import open_database, open_redis, open_resources
from console.publication import publishing_transaction
from shared.access.access_urls import AccessFolder, Store
from shared.access.program_logins import create_logins, extend_logins, stored_logins
from shared.clock import Clock
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.redis import open_servers
from shared.settings import Settings


@dataclass(frozen=True)
class MigratedStores:
    """The work that was done; each list is empty when everything was up to date.

    `waiting` migrations are applied once only this version runs.
    """

    migrations: list[str]
    waiting: list[str]
    partitions: list[str]


def migrate_stores(settings: Settings, clock: Clock, *, finish: bool = False) -> MigratedStores:
    """Migrates the stores. It may run at any time, in several programs at once.

    `finish` also applies what has to wait until only this version runs. Raises OperatorError when
    the installation has another key, or Redis is unavailable.
    """
    with open_resources(settings, is_patient=True) as resources:
        migrated = migrate(resources.connection, finish=finish)
        if stored_logins(resources.connection):
            with open_servers(settings.redis_url, settings.names) as servers:
                extend_logins(resources.connection, servers, revoke=finish)
        partitions = make_partitions(resources.connection, clock())
        with publishing_transaction(resources):
            pass  # changes nothing, publishes the content of the tables
    return MigratedStores(migrated.applied, migrated.waiting, partitions)


def create_program_logins(
    settings: Settings, folder: AccessFolder, stores: Collection[Store]
) -> None:
    """Gives each program a login in `stores`, which are this installation's alone.

    It may be repeated: files that are missing are made, and all follow the addresses of the stores.
    Raises as `create_logins` does.
    """
    urls = {Store.REDIS: settings.redis_url, Store.DATABASE: settings.database_url}
    folder.make({store: urls[store] for store in stores}, move=True)
    with open_database(settings) as connection, open_redis(settings) as redis:
        create_logins(connection, [redis] if Store.REDIS in stores else [], folder, stores)
