import pytest

from console.pipeline.health import Status, read_status
from console.pipeline.migrate import migrate_stores
from console.pipeline.rejections import report_rejections
from console.resources import Resources
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.events import Event, encode_event, join_events
from shared.inbox import append
from shared.rejections import (
    Rejection,
    encode_rejection,
)
from shared.rq_queue import enqueue
from shared.settings import read_settings
from tests.support.redis_names import NAMES


def test_preparing_publishes_and_may_be_repeated(
    resources: Resources, variables: dict[str, str]
) -> None:
    migrate_stores(read_settings(variables), now_ms)
    again = migrate_stores(read_settings(variables), now_ms)

    assert resources.redis.exists(NAMES.snapshot)
    assert (again.migrations, again.partitions) == ([], [])


def test_preparing_with_another_key_publishes_nothing(
    resources: Resources, variables: dict[str, str]
) -> None:
    migrate_stores(read_settings(variables), now_ms)
    before = resources.redis.get(NAMES.snapshot)

    with pytest.raises(OperatorError, match="WAYBILL_SECRET_KEY"):
        migrate_stores(read_settings(variables | {"WAYBILL_SECRET_KEY": "another" * 8}), now_ms)

    assert resources.redis.get(NAMES.snapshot) == before


def test_the_status_counts_what_waits(resources: Resources, event: Event) -> None:
    append(resources.redis, join_events([encode_event(event)] * 3), 3)
    enqueue(resources.redis, "drain")

    status = read_status(resources.redis)

    assert status == Status(3, status.oldest_ms, 3, 1)


def test_rejections_are_counted_and_shown_with_the_app(resources: Resources, event: Event) -> None:
    redis = resources.redis
    for at_ms, code in ((1000, "unauthorized"), (2000, "missing_field")):
        refused = Rejection(at_ms, "/postback", "GET", 400, code, None, event.app_id, {"a": "b"})
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    redis.hset(NAMES.rejection_counts, mapping={"unauthorized": 1, "missing_field": 7})

    report = report_rejections(resources.connection, redis, 1)

    assert list(report.counts.items()) == [("missing_field", 7), ("unauthorized", 1)]
    assert [(refused.code, refused.app) for refused in report.recent] == [("missing_field", "Shop")]
