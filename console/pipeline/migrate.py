"""Prepares the stores for the programs: tables, future partitions, the key, the snapshot."""

from dataclasses import dataclass

from console.connections import open_resources
from console.publication import publishing_transaction
from shared.access.program_logins import extend_logins, stored_logins
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
    with open_resources(settings) as resources:
        migrated = migrate(resources.connection, finish=finish)
        if stored_logins(resources.connection):
            with open_servers(settings.redis_url) as servers:
                extend_logins(resources.connection, servers, revoke=finish)
        partitions = make_partitions(resources.connection, clock())
        with publishing_transaction(resources):
            pass  # changes nothing, publishes the content of the tables
    return MigratedStores(migrated.applied, migrated.waiting, partitions)
