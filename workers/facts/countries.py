"""Determines the country of an event: the one its sender gives, else that of its IP address."""

from collections.abc import Callable
from pathlib import Path

from shared.countries import country_code
from shared.country_database import CountryDatabase
from shared.events import Event
from workers.core.addresses import public_address

CountryOf = Callable[[Event], str | None]


def sender_country(event: Event) -> str | None:
    """Returns the code in the parameter `country`; None for anything else, as an unfilled macro."""
    return country_code(event.parameters.get("country"))


def country_reader(path: str) -> CountryOf:
    """Returns a function that uses the country database at `path`, or none if `path` is empty.

    Raises OperatorError if the database cannot be read.
    """
    if not path:
        return sender_country
    database = CountryDatabase(Path(path))

    def country_of(event: Event) -> str | None:
        country = sender_country(event)
        if country is not None:
            return country
        address = public_address(event.ip_address)
        return None if address is None else database.country(address)

    return country_of
