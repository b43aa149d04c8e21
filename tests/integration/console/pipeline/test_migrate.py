import pytest

from console.pipeline.migrate import prepare
from console.pipeline.rejections import report_rejections
from console.pipeline.status import Status, read_status
from console.resources import Installation
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.events import Event, encode_event, join_events
from shared.inbox import append
from shared.queues import enqueue
from shared.rejections import (
    REJECTION_COUNTS_KEY,
    REJECTIONS_KEY,
    Rejection,
    encode_rejection,
)
from shared.settings import read_settings
from shared.snapshot import SNAPSHOT_KEY


def test_preparing_publishes_and_may_be_repeated(
    installation: Installation, variables: dict[str, str]
) -> None:
    prepare(read_settings(variables), now_ms)
    again = prepare(read_settings(variables), now_ms)

    assert installation.redis.exists(SNAPSHOT_KEY)
    assert (again.migrations, again.partitions) == ([], [])


def test_preparing_with_another_key_publishes_nothing(
    installation: Installation, variables: dict[str, str]
) -> None:
    prepare(read_settings(variables), now_ms)
    before = installation.redis.get(SNAPSHOT_KEY)

    with pytest.raises(OperatorError, match="WAYBILL_SECRET_KEY"):
        prepare(read_settings(variables | {"WAYBILL_SECRET_KEY": "another" * 8}), now_ms)

    assert installation.redis.get(SNAPSHOT_KEY) == before


def test_the_status_counts_what_waits(installation: Installation, event: Event) -> None:
    append(installation.redis, join_events([encode_event(event)] * 3), 3)
    enqueue(installation.redis, "drain")

    status = read_status(installation.redis)

    assert status == Status(3, status.oldest_ms, 3, 1)


def test_rejections_are_counted_and_shown_with_the_app(
    installation: Installation, event: Event
) -> None:
    redis = installation.redis
    for at_ms, code in ((1000, "unauthorized"), (2000, "missing_field")):
        refused = Rejection(at_ms, "/postback", "GET", 400, code, None, event.app_id, {"a": "b"})
        redis.xadd(REJECTIONS_KEY, {"r": encode_rejection(refused)})
    redis.hset(REJECTION_COUNTS_KEY, mapping={"unauthorized": 1, "missing_field": 7})

    report = report_rejections(installation.connection, redis, 1)

    assert list(report.counts.items()) == [("missing_field", 7), ("unauthorized", 1)]
    assert [(refused.code, refused.app) for refused in report.recent] == [("missing_field", "Shop")]
