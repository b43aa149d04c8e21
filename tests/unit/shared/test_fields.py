"""Times of imported lines; the other fields are tested where calls are read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import fields
from shared.errors import MalformedField
from tests.build import NOW_MS

DAY_MS = 86_400_000
OLDEST_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000


@given(st.integers(OLDEST_MS, NOW_MS + DAY_MS))
def test_an_imported_time_may_be_of_any_age_since_2000(time_ms: int) -> None:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)

    assert fields.imported_time("time", moment.isoformat(), NOW_MS) == time_ms


@pytest.mark.parametrize("time_ms", [OLDEST_MS - 1, NOW_MS + DAY_MS + 1])
def test_an_imported_time_out_of_that_is_refused(time_ms: int) -> None:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)

    with pytest.raises(MalformedField, match=r"2000|ahead"):
        fields.imported_time("time", moment.isoformat(), NOW_MS)
