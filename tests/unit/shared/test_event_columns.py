"""The columns of an event: all of the table, each readable, and spelled out in few files."""

from importlib.resources import files
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from console.event_records import EventRecord, present_values, record_from_event
from shared.event_columns import (
    EVENT_COLUMNS,
    PLAIN_COLUMNS,
    EventColumn,
    imported_columns,
    raw_select,
    record_select,
)
from shared.events import Event, Kind
from shared.lines.line import ImportedLine
from tests.support.build import event

PRODUCT = ("ingest", "workers", "shared", "console", "deploy")
ROOT = Path(__file__).parents[3]


def test_the_columns_are_those_of_the_table() -> None:
    table = files("shared").joinpath("schema.sql").read_text().split("CREATE TABLE events (")[1]
    lines = table.split("PRIMARY KEY")[0].splitlines()
    names = [line.split()[0] for line in lines if line.strip()]

    assert sorted(names) == sorted(column.name for column in EVENT_COLUMNS)


def test_a_record_has_a_field_for_every_column_that_it_selects() -> None:
    shown = [column.shown_as for column in EVENT_COLUMNS if column.record]

    assert list(EventRecord.__dataclass_fields__) == shown
    assert "token_id" not in shown
    assert {"app", "event_type", "ip_address", "sale_amount"} <= set(shown)


def test_what_people_must_not_see_is_not_exported() -> None:
    for name in ("token_id", "would_refuse", "environment"):
        assert f"page.{name}" not in raw_select("page").replace(",", "").split()


def test_an_amount_is_text_in_a_record_and_a_number_in_the_raw_export() -> None:
    assert "trim_scale(e.sale_amount)::text AS sale_amount" in record_select("e").split(", ")
    assert "e.sale_amount" in raw_select("e").split(", ")


@pytest.mark.parametrize("column", PLAIN_COLUMNS, ids=lambda column: column.name)
def test_a_plain_column_is_a_field_of_the_event_of_its_type(column: EventColumn) -> None:
    field = next(field for field in msgspec.structs.fields(Event) if field.name == column.name)

    assert set(get_args(field.type)) == {column.plain, type(None)}
    assert field.default is None


def test_the_record_of_an_event_without_a_row_has_its_plain_values() -> None:
    record = record_from_event(event(ad_network="alpha", ad_impressions=3), {})
    names = {column.name for column in PLAIN_COLUMNS}
    values = {name: value for name, value in present_values(record) if name in names}

    assert values == {"ad_network": "alpha", "ad_impressions": 3}


def test_an_imported_line_has_the_plain_columns_of_its_type() -> None:
    assert imported_columns(Kind.AD_REVENUE) == {column.name for column in PLAIN_COLUMNS}
    assert imported_columns(Kind.CLICK) == frozenset()
    assert imported_columns(Kind.AD_REVENUE) <= set(ImportedLine.__struct_fields__)


def test_a_plain_column_is_spelled_out_only_where_it_is_read_and_declared() -> None:
    placement = PLAIN_COLUMNS[2].name
    spelled = {
        str(path.relative_to(ROOT))
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        if placement in path.read_text()
    }

    assert spelled == {
        "shared/events.py", "shared/event_columns.py", "ingest/dialects/adjust/event_fields.py",
        "ingest/dialects/adjust/plain_event.py",
        # A macro of callbacks, and the facts from which macros are filled in.
        "shared/callbacks/macros.py", "shared/callbacks/conversion_facts.py",
    }  # fmt: skip
