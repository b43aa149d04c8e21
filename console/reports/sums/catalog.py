"""Reads what every report needs first, once for all that a page adds up."""

from dataclasses import dataclass

from console.apps.apps import App
from console.reports.names import Names, read_names
from console.reports.sums.levels import Levels, read_levels
from shared.database import Connection


@dataclass(frozen=True)
class Catalog:
    """The names of an app, and the rollups that there are."""

    names: Names
    levels: Levels


def read_catalog(connection: Connection, app: App) -> Catalog:
    return Catalog(read_names(connection, app), read_levels(connection))
