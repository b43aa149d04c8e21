"""In which country an event happened: as its sender says, else where its address is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from shared.countries import country_code
from shared.country_database import CountryDatabase
from shared.events import Event
from workers.core.addresses import public_address

CountryOf = Callable[[Event], str | None]


def said_country(event: Event) -> str | None:
    """By the parameter `country`. What is no code there, as an unfilled macro, says nothing."""
    return country_code(event.parameters.get("country"))


def country_reader(path: str) -> CountryOf:
    """With the database at `path`, unless empty. Raises OperatorError when it cannot be read."""
    return partial(_country, CountryDatabase(Path(path))) if path else said_country


def _country(database: CountryDatabase, event: Event) -> str | None:
    said = said_country(event)
    if said is not None:
        return said
    address = public_address(event.ip_address)
    return None if address is None else database.country(address)
