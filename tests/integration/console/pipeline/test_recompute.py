"""A recalculation seen from the console: requested, and followed until its end."""

from datetime import date

import msgspec
import pytest

from console.apps.apps import App
from console.audit import list_changes
from console.pipeline.recompute import days_from, follow_recompute, start_recompute
from console.resources import Resources
from shared.errors import OperatorError
from shared.recompute import Recompute, RecomputeState, read_recompute, report_recompute
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from tests.support.build import ADMIN


def test_progress_is_given_until_the_worker_is_done(
    resources: Resources, redis: Redis, shop: App
) -> None:
    seen: list[Recompute] = []

    start_recompute(resources, ADMIN, shop)
    for progress in follow_recompute(redis, shop):
        seen.append(progress)
        done = min(progress.done + 2, 3)
        state = RecomputeState.RUNNING if progress.done < 3 else RecomputeState.DONE
        report_recompute(
            redis, shop.id, msgspec.structs.replace(progress, done=done, total=3, state=state)
        )

    assert [(progress.done, progress.state) for progress in seen] == [
        (0, RecomputeState.WAITING),
        (2, RecomputeState.RUNNING),
        (3, RecomputeState.RUNNING),
        (3, RecomputeState.DONE),
    ]
    assert waiting_jobs(redis) == 1


def test_a_failure_is_an_end_too(resources: Resources, redis: Redis, shop: App) -> None:
    start_recompute(resources, ADMIN, shop)
    for progress in follow_recompute(redis, shop):
        failed = msgspec.structs.replace(progress, state=RecomputeState.FAILED)
        report_recompute(redis, shop.id, failed)

    assert read_recompute(redis, shop.id) == failed


def test_a_recomputation_that_nobody_takes_up_is_not_watched_for_ever(
    resources: Resources, redis: Redis, shop: App
) -> None:
    start_recompute(resources, ADMIN, shop)

    with pytest.raises(OperatorError, match="There was no progress"):
        list(follow_recompute(redis, shop, standstill_seconds_max=0.3))


def test_a_recalculation_of_days_does_not_replace_one_that_does_more(
    resources: Resources, redis: Redis, shop: App
) -> None:
    week = (date(2026, 11, 2), date(2026, 11, 8))
    start_recompute(resources, ADMIN, shop, week)
    start_recompute(resources, ADMIN, shop, (date(2026, 11, 1), date(2026, 11, 30)))
    with pytest.raises(OperatorError, match="is under way"):
        start_recompute(resources, ADMIN, shop, week)
    start_recompute(resources, ADMIN, shop)
    with pytest.raises(OperatorError, match="is under way"):
        start_recompute(resources, ADMIN, shop, week)
    known = read_recompute(redis, shop.id)
    assert known
    assert known.days is None

    report_recompute(redis, shop.id, msgspec.structs.replace(known, state=RecomputeState.DONE))
    start_recompute(resources, ADMIN, shop, week)

    changes = [change.after for change in list_changes(resources.connection, shop.id, 4)]
    assert changes == [
        {"first": "2026-11-02", "last": "2026-11-08"},
        {},
        {"first": "2026-11-01", "last": "2026-11-30"},
        {"first": "2026-11-02", "last": "2026-11-08"},
    ]


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 1, 1), None), (None, date(2026, 1, 1)), (date.max, date.min)]
)
def test_days_without_a_beginning_or_an_end_are_refused(
    first: date | None, last: date | None
) -> None:
    with pytest.raises(OperatorError, match="From must be a day"):
        days_from(first, last)
