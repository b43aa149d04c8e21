"""Tests that an observer keeps its last result while it is fresh, and survives every error."""

import pytest

from console.metrics.observer import Observer
from shared import metrics
from shared.database import DatabaseError
from shared.redis import RedisError
from shared.tally import MetricSeries, gauge

SERIES = [gauge(metrics.RECOMPUTES, 1)]


class Store:
    """A store to observe, which also has the clock."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.now = 0.0

    def read(self) -> list[MetricSeries]:
        if self.error:
            raise self.error
        return SERIES

    def observer(self) -> Observer:
        return Observer("redis", self.read, 0.01, 5.0, lambda: self.now)


def test_before_the_first_look_nothing_is_seen() -> None:
    assert Store().observer().latest() is None


def test_what_was_seen_counts_while_it_is_fresh() -> None:
    store = Store()
    observer = store.observer()
    observer.observe()

    store.now = 5.0
    assert observer.latest() == SERIES
    store.now = 5.1
    assert observer.latest() is None


@pytest.mark.parametrize(
    "error",
    [RedisError(), DatabaseError(), OSError(), ValueError("not a number"), KeyError("maxmemory")],
)
def test_a_store_that_fails_is_not_seen_until_it_answers_again(error: Exception) -> None:
    store = Store()
    observer = store.observer()
    observer.observe()

    store.error = error
    observer.observe()
    assert observer.latest() is None

    store.error = None
    observer.observe()
    assert observer.latest() == SERIES


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
    assert observer.latest() == SERIES
