"""A rate admits what a token bucket of the same limit admits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rate_limits.rate_schedule import BURST_SECONDS, RateSchedule

steps = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 50)), max_size=60)


@given(steps, st.integers(1, 100))
def test_a_rate_is_a_token_bucket(steps: list[tuple[int, int]], per_second_max: int) -> None:
    rate, tokens, now_ms = RateSchedule(), per_second_max * BURST_SECONDS, 0
    for pause_ms, amount in steps:
        now_ms += pause_ms
        tokens = min(per_second_max * BURST_SECONDS, tokens + per_second_max * pause_ms / 1000)
        is_admitted = rate.wait_seconds(now_ms / 1000) == 0
        if abs(tokens) > 1e-3:  # at the border itself both are right
            assert is_admitted == (tokens > 0)
        if is_admitted:
            rate.take(now_ms / 1000, amount, per_second_max)
            tokens -= amount


def test_who_waits_as_long_as_was_said_is_admitted() -> None:
    rate = RateSchedule()
    while not (wait_seconds := rate.wait_seconds(100.0)):
        rate.take(100.0, 3, 10)

    assert rate.wait_seconds(100.0 + wait_seconds) == pytest.approx(0, abs=1e-6)
    assert rate.wait_seconds(100.0 + wait_seconds / 2) > 1e-6


def test_half_a_share_admits_half() -> None:
    whole, half = RateSchedule(), RateSchedule(share=0.5)
    for rate in (whole, half):
        rate.take(0.0, 10, 10)

    assert (whole.due_seconds, half.due_seconds) == (1.0, 2.0)
