"""Stores exchange rates, and tells the process which are in force."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.rate_files import PublishedRate, read_own_file
from console.rates import use_rates
from shared.database import Connection, run, transaction


class RateOrigin(StrEnum):
    """The origin of stored rates: the European Central Bank, or the operator."""

    ECB = "ecb"
    OWN = "own"


@dataclass(frozen=True)
class RateSource:
    """The state of an origin: up to which day it has rates, from which file, and when it was read.

    `fault` says why the last attempt to read the file failed.
    """

    origin: RateOrigin
    location: str
    read_at: datetime | None
    fault: str | None
    rates: int
    newest_day: date | None


_INSERT = """
INSERT INTO exchange_rates (origin, currency, day, per_euro)
SELECT %s, currency, day, per_euro
FROM unnest(%s::text[], %s::date[], %s::numeric[]) AS sent (currency, day, per_euro)
ON CONFLICT (origin, currency, day) DO UPDATE SET per_euro = excluded.per_euro
WHERE exchange_rates.per_euro <> excluded.per_euro
"""
_NOTE_READ = """
INSERT INTO rate_sources (origin, location, read_at, changed_at)
VALUES (%s, %s, now(), clock_timestamp())
ON CONFLICT (origin) DO UPDATE SET
    location = excluded.location, read_at = now(), fault = NULL, changed_at = clock_timestamp()
"""
_NOTE_FAULT = """
INSERT INTO rate_sources (origin, location, fault, changed_at)
VALUES (%s, %s, %s, clock_timestamp())
ON CONFLICT (origin) DO UPDATE SET
    location = excluded.location, fault = excluded.fault, tried_at = now()
"""
_SOURCES = """
SELECT origin, location, read_at, fault, count(currency), max(day)
FROM rate_sources LEFT JOIN exchange_rates USING (origin)
GROUP BY origin, location, read_at, fault ORDER BY origin
"""


class _Loaded:
    """The time at which the rates in use were stored; None for the package's rates alone."""

    changed_at: datetime | None = None


def load_rates(connection: Connection) -> None:
    """Makes this process convert by the stored rates; reads them only if they have changed."""
    (changed_at,) = run(connection, "SELECT max(changed_at) FROM rate_sources").fetchone() or (
        None,
    )
    if changed_at == _Loaded.changed_at:
        return
    stored: dict[RateOrigin, list[PublishedRate]] = {origin: [] for origin in RateOrigin}
    for origin, *values in run(
        connection, "SELECT origin, currency, day, per_euro FROM exchange_rates"
    ):
        stored[RateOrigin(origin)].append(PublishedRate(*values))
    use_rates(stored[RateOrigin.ECB], stored[RateOrigin.OWN])
    _Loaded.changed_at = changed_at


def list_rate_sources(connection: Connection) -> list[RateSource]:
    rows = run(connection, _SOURCES)
    return [RateSource(RateOrigin(origin), *values) for origin, *values in rows]


def store_ecb_rates(connection: Connection, location: str, rates: list[PublishedRate]) -> None:
    """Stores rates of the ECB in addition to those that are stored, and uses them here."""
    with transaction(connection):
        _insert(connection, RateOrigin.ECB, rates)
        run(connection, _NOTE_READ, (RateOrigin.ECB, location))
    load_rates(connection)


def note_fault(connection: Connection, location: str, fault: str) -> None:
    """Remembers why the ECB's file could not be read; the rates stay as they are."""
    run(connection, _NOTE_FAULT, (RateOrigin.ECB, location, fault))


def replace_own_rates(connection: Connection, actor: Actor, name: str, content: bytes) -> int:
    """Replaces the operator's own rates by those of a file, and returns their number.

    Raises OperatorError for a wrong file, when nothing is changed, and NotAllowed for a viewer.
    """
    require_admin(actor)
    rates = read_own_file(content)
    with transaction(connection):
        run(connection, "DELETE FROM exchange_rates WHERE origin = %s", (RateOrigin.OWN,))
        _insert(connection, RateOrigin.OWN, rates)
        run(connection, _NOTE_READ, (RateOrigin.OWN, name))
        after = {"rates": len(rates), "currencies": sorted({rate.currency for rate in rates})}
        record_change(connection, actor, None, Change(Action.RATES_IMPORT, name, None, after))
    load_rates(connection)
    return len(rates)


def _insert(connection: Connection, origin: RateOrigin, rates: list[PublishedRate]) -> None:
    columns = (
        [rate.currency for rate in rates],
        [rate.day for rate in rates],
        [rate.per_euro for rate in rates],
    )
    run(connection, _INSERT, (origin, *columns))
