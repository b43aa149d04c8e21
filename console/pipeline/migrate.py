"""Makes the stores ready for the programs: tables, days ahead, the key, the published snapshot."""

from dataclasses import dataclass

from console.connections import open_installation
from console.publication import published
from shared.clock import Clock
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.settings import Settings


@dataclass(frozen=True)
class Prepared:
    """What had to be done, empty when everything was there; `waiting` for the end of the roll."""

    migrations: list[str]
    waiting: list[str]
    partitions: list[str]


def prepare(settings: Settings, clock: Clock, *, finish: bool = False) -> Prepared:
    """May run at any time, in several programs at once; `finish` when only this version runs.

    Raises OperatorError when the installation has another key, or Redis does not answer.
    """
    with open_installation(settings) as installation:
        migrated = migrate(installation.connection, finish=finish)
        partitions = make_partitions(installation.connection, clock())
        with published(installation):
            pass  # nothing changes: what the tables hold is published
    return Prepared(migrated.applied, migrated.waiting, partitions)
