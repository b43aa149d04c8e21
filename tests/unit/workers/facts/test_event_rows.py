"""Rows of events: what a line holds, and that it fills the table."""

import json
import re
from importlib.resources import files
from uuid import UUID

from hypothesis import given

from shared.events import Event
from tests.support.build import event
from tests.unit.strategies import events
from workers.facts.event_rows import COLUMNS, line

_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def read(
    sent: Event, types: dict[tuple[int, str], int] | None = None, country: str | None = None
) -> dict[str, str | None]:
    """What PostgreSQL reads, by column."""
    text = line(sent, types or {}, country)
    assert text.endswith("\n")
    assert text.count("\n") == 1
    fields = text.removesuffix("\n").split("\t")
    return dict(zip(COLUMNS, map(unescaped, fields), strict=True))


def unescaped(field: str) -> str | None:
    if field == r"\N":
        return None
    return re.sub(r"\\(.)", lambda found: _UNESCAPED[found[1]], field)


def test_a_line_fills_every_column_of_the_table() -> None:
    schema = files("shared").joinpath("schema.sql").read_text()
    table = schema.split("CREATE TABLE events (", 1)[1]
    names = re.findall(r"^    ([a-z_]+) ", table.split("PARTITION BY", 1)[0], re.MULTILINE)

    assert sorted([*COLUMNS, "counted"]) == sorted(names)


@given(events)
def test_a_line_loses_nothing(sent: Event) -> None:
    row = read(sent)

    # A link is what a click comes through; a described device is a signal's, its words are kept.
    elsewhere = {"event_time_ms", "received_at_ms", "link_id", "described_device"}
    assert UUID(row["receipt"]) == sent.receipt
    for name in set(sent.__struct_fields__) - elsewhere - {"receipt"}:
        value = getattr(sent, name)
        if isinstance(value, dict):
            assert json.loads(row[name] or "") == value
        else:
            assert row[name] == (None if value is None else str(value))


def test_times_are_written_to_the_millisecond() -> None:
    row = read(event(event_time_ms=1_795_000_000_007, received_at_ms=1_795_000_009_450))

    assert row["event_time"] == "2026-11-18 11:06:40.007+00"
    assert row["received_at"] == "2026-11-18 11:06:49.450+00"
    assert read(event(event_time_ms=None))["event_time"] == read(event())["received_at"]


def test_an_event_has_the_type_of_its_mapping_id_or_is_unmapped_or_built_in() -> None:
    types = {(7, "purchase"): 3}

    def told(**changes: object) -> tuple[str | None, str | None]:
        row = read(event(**changes), types)
        return row["event_type_id"], row["unmapped"]

    assert told(app_id=7, event_id="purchase") == ("3", "f")
    assert told(app_id=8, event_id="purchase") == (None, "t")
    assert told(app_id=7, event_id="__open") == (None, "f")


def test_a_country_that_is_not_known_is_null() -> None:
    assert [read(event(), country=country)["country"] for country in ("DE", None)] == ["DE", None]
