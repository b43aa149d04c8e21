"""Makes the stores ready for the programs: tables, days ahead, the key, the published snapshot."""

from dataclasses import dataclass

from console.connections import open_resources
from console.publication import published
from shared.clock import Clock
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.settings import Settings


@dataclass(frozen=True)
class MigratedStores:
    """What had to be done, empty when everything was there; `waiting` for the end of the roll."""

    migrations: list[str]
    waiting: list[str]
    partitions: list[str]


def migrate_stores(settings: Settings, clock: Clock, *, finish: bool = False) -> MigratedStores:
    """May run at any time, in several programs at once; `finish` when only this version runs.

    Raises OperatorError when the installation has another key, or Redis does not answer.
    """
    with open_resources(settings) as resources:
        migrated = migrate(resources.connection, finish=finish)
        partitions = make_partitions(resources.connection, clock())
        with published(resources):
            pass  # nothing changes: what the tables hold is published
    return MigratedStores(migrated.applied, migrated.waiting, partitions)
