"""Rows of events: what one is, and what the statement reads of it."""

import json
import re
from importlib.resources import files

import msgspec
from hypothesis import given

from shared.events import Event
from tests.build import NOW_MS, RECEIPT, event
from tests.unit.strategies import events
from workers.event_rows import _INSERT, _row


def columns(sql: str, opening: str) -> list[str]:
    """First word of each element of the list behind `opening`."""
    inner = sql.split(opening, 1)[1].split("\n)", 1)[0]
    return [part.split()[0] for part in inner.split(",")]


def test_a_row_has_exactly_the_fields_that_the_statement_reads() -> None:
    assert list(_row(event())) == columns(_INSERT, "AS sent (")


def test_the_statement_fills_every_column_of_the_table() -> None:
    schema = files("shared").joinpath("schema.sql").read_text()
    table = schema.split("CREATE TABLE events (", 1)[1]
    names = re.findall(r"^    ([a-z_]+) ", table.split("PARTITION BY", 1)[0], re.MULTILINE)

    assert sorted([*columns(_INSERT, "INSERT INTO events ("), "counted"]) == sorted(names)


@given(events)
def test_every_field_of_an_event_is_in_its_row(sent: Event) -> None:
    row = _row(sent)

    # A link is what a click comes through; a described device is a signal's, its words are kept.
    elsewhere = {"event_time_ms", "link_id", "described_device"}
    assert set(sent.__struct_fields__) - elsewhere <= set(row)
    assert row["happened_at_ms"] == sent.happened_at_ms


@given(events)
def test_rows_travel_as_json_that_loses_nothing(sent: Event) -> None:
    (row,) = json.loads(msgspec.json.encode([_row(sent)]))

    assert row["receipt"] == str(sent.receipt)
    assert row["kind"] == sent.kind.value
    assert row["environment"] == sent.environment.value
    assert row["parameters"] == sent.parameters
    assert row["sale_amount"] == sent.sale_amount
    assert row["received_at_ms"] == sent.received_at_ms


def test_an_amount_travels_as_text_so_that_no_digit_is_lost() -> None:
    (row,) = json.loads(msgspec.json.encode([_row(event(sale_amount="99999999999.999999"))]))

    assert row["sale_amount"] == "99999999999.999999"


def test_a_row_without_options_holds_nulls() -> None:
    (row,) = json.loads(msgspec.json.encode([_row(event())]))

    assert row["receipt"] == str(RECEIPT)
    assert row["happened_at_ms"] == NOW_MS
    assert row["ip_address"] is None
    assert row["parameters"] == {}
