"""A recalculation seen from the console: requested, and followed until its end."""

import msgspec
import pytest

from console.apps.apps import App
from console.pipeline.recompute import follow_recompute, start_recompute
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
