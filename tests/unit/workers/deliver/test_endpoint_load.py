"""An endpoint is sent what it can take, and a dead one hardly anything."""

from workers.deliver.endpoint_load import (
    FAILURES_MAX,
    PROBE_SECONDS,
    WINDOW_ATTEMPTS_MIN,
    EndpointLoad,
)


def fail(load: EndpointLoad, now: float, times: int) -> None:
    for _ in range(times):
        load.begin(now, 1)
        load.end(now, is_failure=True)


def test_no_more_begin_than_may_be_in_flight() -> None:
    load = EndpointLoad(4, None)
    assert load.room(0.0) == 4

    load.begin(0.0, 3)

    assert load.room(0.0) == 1


def test_a_row_of_failures_opens_the_breaker() -> None:
    load = EndpointLoad(4, None)
    fail(load, 0.0, FAILURES_MAX - 1)
    assert load.room(0.0) == 4

    fail(load, 0.0, 1)

    assert load.is_open
    assert load.room(0.0) == 0


def test_an_open_breaker_lets_one_probe_through_and_a_success_closes_it() -> None:
    load = EndpointLoad(4, None)
    fail(load, 0.0, FAILURES_MAX)
    assert load.room(PROBE_SECONDS) == 1
    load.begin(PROBE_SECONDS, 1)
    assert load.room(PROBE_SECONDS + 1) == 0
    load.end(PROBE_SECONDS + 1, is_failure=True)
    assert load.room(PROBE_SECONDS + 2) == 0

    load.begin(2 * PROBE_SECONDS + 1, 1)
    load.end(2 * PROBE_SECONDS + 1, is_failure=False)

    assert not load.is_open
    assert load.room(2 * PROBE_SECONDS + 1) >= 4


def test_most_of_a_minute_failing_opens_the_breaker() -> None:
    load = EndpointLoad(4, None)
    for number in range(30):
        load.begin(number / 10, 1)
        load.end(number / 10, is_failure=number % 3 != 0)
        if load.is_open:
            break

    assert load.is_open
    assert number >= WINDOW_ATTEMPTS_MIN - 1


def test_old_failures_are_forgotten() -> None:
    load = EndpointLoad(4, None)
    for number in range(12):
        load.begin(0.0, 1)
        load.end(0.0, is_failure=number % 6 != 0)

    for number in range(12):
        load.begin(100.0, 1)
        load.end(100.0, is_failure=number % 4 == 0)

    assert not load.is_open


def test_a_rate_is_kept_over_a_second() -> None:
    load = EndpointLoad(64, 10)
    begun = 0
    for tick in range(21):
        room = load.room(tick / 20)
        load.begin(tick / 20, room)
        begun += room
        for _ in range(room):
            load.end(tick / 20, is_failure=False)

    assert 10 <= begun <= 20


def test_an_endpoint_is_quick_while_it_answers_within_a_second() -> None:
    load = EndpointLoad(8, None)
    assert not load.is_quick(0.0)  # not asked yet
    load.begin(0.0, 2)
    load.end(0.2, is_failure=False, took_seconds=0.2)

    assert load.is_quick(1.1)
    assert not load.is_quick(1.3)  # the other request still has no answer
    load.end(9.0, is_failure=False, took_seconds=9.0)
    assert not load.is_quick(9.1)
    load.begin(10.0, 1)
    load.end(10.1, is_failure=True, took_seconds=0.1)
    assert load.is_quick(60.0)
