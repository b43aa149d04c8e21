"""Tests cursors: each reads back what it was written from, and nothing else is one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cursor import Cursor
from shared.errors import OperatorError


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.uuids(),
)
def test_a_cursor_is_read_back_as_it_was(time: datetime, receipt: UUID) -> None:
    cursor = Cursor(time, receipt)

    assert Cursor.parse(str(cursor)) == cursor
    assert Cursor.parse(str(Cursor(time + timedelta(hours=1), receipt))) != cursor


@pytest.mark.parametrize("text", ["", "now", "2026-11-28_1", "_", "2026-11-28"])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="the page before"):
        Cursor.parse(text)
