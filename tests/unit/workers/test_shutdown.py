from collections.abc import Iterator

import pytest

from workers import shutdown


@pytest.fixture(autouse=True)
def working() -> Iterator[None]:
    """Leaves the process as it was: a request to stop holds until the process ends."""
    yield
    shutdown._requested.clear()


def test_a_worker_works_until_it_is_asked_to_stop() -> None:
    assert not shutdown.is_stopping()


def test_a_worker_that_was_asked_to_stop_stays_asked() -> None:
    shutdown.request()
    shutdown.request()

    assert shutdown.is_stopping()
    assert shutdown.is_stopping()
