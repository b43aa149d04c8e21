"""Endpoints that never answer, however many, keep nothing from those that do."""

import time

from tests.integration.workers.deliver.conftest import Office

DEAD = 12  # with this many requests at once each, more than may be in flight in all
CONCURRENCY = 64
HEALTHY = 600
TIMED_OUT_SECONDS = 9.0  # sooner than any dead endpoint gives a place back


def test_a_dozen_endpoints_that_never_answer_delay_no_other(office: Office) -> None:
    for number in range(DEAD):
        dead = office.endpoint("never", f"dead {number}", concurrency_max=CONCURRENCY)
        office.due(dead, 2 * CONCURRENCY)
    office.due(office.endpoint("200"), HEALTHY)
    began = time.monotonic()

    def arrived() -> int:
        return sum(target.startswith("/200") for target in office.receiver.targets())

    def is_over() -> bool:
        return arrived() == HEALTHY or time.monotonic() - began > TIMED_OUT_SECONDS

    office.deliver(is_over=is_over)

    assert arrived() == HEALTHY
    assert any(target.startswith("/never") for target in office.receiver.targets())
