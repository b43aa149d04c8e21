"""Day files without a database: columns, names, settings, and what Parquet gives back."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.day_files.catalog import DayFile, receipt_bounds, receipt_day
from shared.day_files.columns import DAY_COLUMNS
from shared.day_files.day_file_settings import close_days
from shared.day_files.faults import DayFileFault, DayFilesUnreadable
from shared.day_files.folder import find_fault, put, require_sound
from shared.day_files.parquet import (
    count_unmapped,
    digest_of,
    find_receipts,
    measure,
    read_parquet,
    write_parquet,
)
from shared.event_columns import EVENT_COLUMNS
from shared.ids import new_receipt

_TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
_VALUES = {
    "UUID": "019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81",
    "BIGINT": "9223372036854775807",
    "INTEGER": "2147483647",
    "BOOLEAN": "true",
    "TIMESTAMP": "2026-09-01 12:00:00.123456+00",
    "DECIMAL(18, 6)": "-999999999999.000001",
}


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def _write(path: Path, *rows: dict[str, str | None]) -> None:
    lines = (",".join(_quoted(row[column.name]) for column in DAY_COLUMNS) for row in rows)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _row(text: str | None, **changes: str | None) -> dict[str, str | None]:
    return {column.name: _VALUES.get(column.type, text) for column in DAY_COLUMNS} | changes


def test_a_day_file_has_every_column_of_an_event() -> None:
    assert [column.name for column in DAY_COLUMNS] == [column.name for column in EVENT_COLUMNS]


@given(text=_TEXT | st.none())
def test_parquet_gives_back_the_bytes_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, text: str | None
) -> None:
    place = tmp_path_factory.mktemp("day")
    csv, parquet, again = place / "a.csv", place / "a.parquet", place / "b.csv"
    _write(csv, _row(text), _row(text, receipt="f" * 8 + _VALUES["UUID"][8:], sale_amount=None))

    write_parquet(csv, parquet)
    read_parquet([parquet], again)

    assert again.read_bytes() == csv.read_bytes()


def test_a_file_answers_by_receipt_and_counts(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    _write(csv, _row("level", ip_address=None, user_agent=None))
    write_parquet(csv, parquet)

    wanted = UUID(_VALUES["UUID"])
    assert find_receipts([parquet], [wanted, UUID(int=1)]) == [wanted]
    assert (count_unmapped(parquet, "level"), count_unmapped(parquet, "other")) == (1, 0)
    assert measure(parquet) == (1, 1, 0)


def test_what_is_no_parquet_is_unreadable_and_nothing_of_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"erikas-value" * 100)
    for read in (
        lambda: measure(path),
        lambda: find_receipts([path], [UUID(int=1)]),
        lambda: count_unmapped(path, "level"),
        lambda: read_parquet([path], tmp_path / "b.csv"),
        lambda: write_parquet(path, tmp_path / "b.parquet"),
        lambda: measure(tmp_path / "missing.parquet"),
    ):
        with pytest.raises(DayFilesUnreadable, match="could not be read") as caught:
            read()
        assert "erika" not in caught.value.at_terminal


def test_a_file_is_named_by_what_it_holds_and_refused_when_it_has_changed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"rows")
    id_ = UUID(_VALUES["UUID"])
    at = datetime(2026, 9, 1, tzinfo=UTC)
    file = DayFile(
        *(id_, 7, date(2026, 9, 1), str(tmp_path), 3, 2, 4, digest_of(source), b"", id_, id_),
        *(at, at, 0, 0),
    )
    assert file.name == f"2026-09/2026-09-01_app7_{id_}_3.parquet"
    assert find_fault(file) == "missing"

    put(source, file.path)
    assert require_sound(file) == file.path
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.path.write_bytes(b"r0ws")
    assert find_fault(file) == "damaged"
    with pytest.raises(DayFileFault, match="is damaged"):
        require_sound(file)


def test_a_receipt_belongs_to_the_day_of_its_time() -> None:
    day = date(2026, 9, 1)
    first, end = receipt_bounds(day)
    last_ms = (end.int >> 80) - 1
    assert (receipt_day(first), receipt_day(new_receipt(last_ms))) == (day, day)
    assert receipt_day(end) == date(2026, 9, 2)


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("60", 60), ("400", 400)])
def test_events_go_into_files_after_sixty_days_or_never(text: str, days: int) -> None:
    assert close_days(text) == days


@pytest.mark.parametrize("text", ["59", "1", "-1", "x", "1e9"])
def test_a_day_within_which_senders_may_be_late_is_not_closed(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        close_days(text)
