"""Failed callbacks are tried again for at least a day, and never before they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.deliver.retry_schedule import (
    ATTEMPTS_MAX,
    DELAYS_SECONDS,
    RETRY_AFTER_SECONDS_MAX,
    delay_seconds,
    wished_seconds,
)

NOW = 1_767_323_045.0


@given(st.integers(1, ATTEMPTS_MAX - 1), st.floats(0, 1))
def test_a_delay_is_drawn_between_half_and_the_whole(attempts: int, drawn: float) -> None:
    delay = delay_seconds(attempts, None, NOW, lambda: drawn)

    whole = DELAYS_SECONDS[attempts - 1]
    assert delay is not None
    assert whole / 2 <= delay <= whole


def test_however_they_are_drawn_the_attempts_span_a_day() -> None:
    delays = [
        delay_seconds(attempts, None, NOW, lambda: 0.0) for attempts in range(1, ATTEMPTS_MAX)
    ]

    assert sum(delay or 0 for delay in delays) >= 24 * 3600


def test_after_the_last_attempt_there_is_none() -> None:
    assert delay_seconds(ATTEMPTS_MAX, None, NOW, lambda: 0.0) is None


@given(st.integers(1, 5), st.integers(1, ATTEMPTS_MAX))
def test_what_was_replayed_has_as_many_attempts_again(rounds: int, attempts: int) -> None:
    again = delay_seconds(rounds * ATTEMPTS_MAX + attempts, None, NOW, lambda: 1.0)

    assert again == delay_seconds(attempts, None, NOW, lambda: 1.0)


@given(st.integers(0, 10**12))
def test_nothing_is_sent_before_it_may(seconds: int) -> None:
    delay = delay_seconds(1, str(seconds), NOW, lambda: 0.0)

    assert delay is not None
    assert delay >= min(seconds, RETRY_AFTER_SECONDS_MAX, 999_999_999)


@given(st.integers(0, 10**12), st.integers(0, 100))
def test_zeros_before_a_number_change_nothing(seconds: int, zeros: int) -> None:
    assert wished_seconds("0" * zeros + str(seconds), NOW) == wished_seconds(str(seconds), NOW)
    assert wished_seconds("0" * 60 + "120", NOW) == 120.0


def test_a_date_is_read_and_what_is_none_is_ignored() -> None:
    assert wished_seconds("Fri, 02 Jan 2026 03:05:05 GMT", NOW) == 60.0
    for text in (None, "", "soon", "-5", "1e9", "Fri, 99 Jan 2026", "١٢"):
        assert wished_seconds(text, NOW) == 0.0
    assert wished_seconds("Fri, 31 Dec 9999 23:59:59 -1200", NOW) == RETRY_AFTER_SECONDS_MAX


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 02 Jan 99999999999999 00:00:00 GMT",
        "Fri, 02 Jan 2026 03:05:05 +99999999999999999999",
        "Fri, 02 Jan 2026 99999999999:05:05 GMT",
        "Fri, 02 Jan 2026 03:05:05 +9999",
        "Mon, 01 Jan 0001 00:00:00 +1400",
    ],
)
def test_a_date_that_does_not_exist_is_ignored(text: str) -> None:
    assert wished_seconds(text, NOW) == 0.0


@given(st.text(max_size=40))
def test_no_text_of_a_receiver_breaks_it(text: str) -> None:
    assert 0 <= wished_seconds(text, NOW) <= RETRY_AFTER_SECONDS_MAX
