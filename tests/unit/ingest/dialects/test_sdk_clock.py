"""The clocks of devices: in any digits and zone, and corrected where they are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.sdk_clock import SKEW_MS_MAX, device_time_ms
from shared.fields import iso_time
from tests.support.build import NOW_MS

DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९")
AT_MS = NOW_MS - 60_000  # 2026-01-02T03:03:05.678Z


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-01-02T03:03:05.678",
        "2026-01-02T03:03:05.678Z",
        "2026-01-02T03:03:05.678Z+0000",
        "2026-01-02T05:03:05.678Z+0200",
        "2026-01-01T22:03:05.678Z-0500",
        "2026-01-02T05:03:05.678Z 0200",
        "2026-01-02T03:03:05.678+00:00",
    ],
)
@pytest.mark.parametrize("digits", DIGITS)
def test_a_stamp_is_the_same_moment_in_every_form_and_script(stamp: str, digits: str) -> None:
    written = stamp.translate(str.maketrans(DIGITS[0], digits))
    assert device_time_ms(written, None, NOW_MS) == AT_MS


@given(
    age_ms=st.integers(0, 86_400_000),
    wrong_by_ms=st.integers(-40 * 86_400_000, 40 * 86_400_000),
)
def test_a_clock_that_is_wrong_by_minutes_tells_the_age_of_its_events(
    age_ms: int, wrong_by_ms: int
) -> None:
    stamp, sent_at = iso_time(NOW_MS + wrong_by_ms - age_ms), iso_time(NOW_MS + wrong_by_ms)
    told = device_time_ms(stamp, sent_at, NOW_MS)
    if abs(wrong_by_ms) > SKEW_MS_MAX:
        assert told == NOW_MS - age_ms
    else:
        assert told == min(NOW_MS, NOW_MS + wrong_by_ms - age_ms)


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-13-02T03:03:05", "1999-01-01T00:00:00"])
def test_what_is_no_time_or_too_old_is_none(stamp: str) -> None:
    assert device_time_ms(stamp, None, NOW_MS) is None
