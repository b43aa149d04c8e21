"""An observer keeps what it saw last, as long as it is fresh, and outlives every fault."""

import pytest

from console.metrics.observer import Observer
from shared import metrics
from shared.database import DatabaseError
from shared.redis import RedisError
from shared.tally import MetricSeries, gauge

SEEN = [gauge(metrics.RECOMPUTES, 1)]


class Store:
    """What is looked at; the clock is in it too."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.now = 0.0

    def look(self) -> list[MetricSeries]:
        if self.fault:
            raise self.fault
        return SEEN

    def observer(self) -> Observer:
        return Observer("redis", self.look, 0.01, 5.0, lambda: self.now)


def test_before_the_first_look_nothing_is_seen() -> None:
    assert Store().observer().seen() is None


def test_what_was_seen_counts_while_it_is_fresh() -> None:
    store = Store()
    observer = store.observer()
    observer.look()

    store.now = 5.0
    assert observer.seen() == SEEN
    store.now = 5.1
    assert observer.seen() is None


@pytest.mark.parametrize(
    "fault",
    [RedisError(), DatabaseError(), OSError(), ValueError("not a number"), KeyError("maxmemory")],
)
def test_a_store_that_fails_is_not_seen_until_it_answers_again(fault: Exception) -> None:
    store = Store()
    observer = store.observer()
    observer.look()

    store.fault = fault
    observer.look()
    assert observer.seen() is None

    store.fault = None
    observer.look()
    assert observer.seen() == SEEN


def test_it_looks_until_it_is_stopped() -> None:
    store = Store()
    observer = store.observer()
    alive = [observer.is_alive]
    observer.start()
    alive.append(observer.is_alive)
    observer.stop()
    observer.join()
    alive.append(observer.is_alive)

    assert alive == [False, True, False]
    assert observer.seen() == SEEN
