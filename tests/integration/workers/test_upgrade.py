"""A roll: workers of this version drain what ingest of the version before has written."""

from decimal import Decimal

from shared.inbox import GROUP, append
from tests.integration.workers.conftest import Bench
from tests.support import versions
from tests.support.redis_names import NAMES


def test_a_stream_of_the_version_before_is_drained_whole(bench: Bench) -> None:
    append(bench.redis, versions.EVENTS, versions.EVENT_COUNT, wire_version=1)

    recorded = bench.drain()

    assert (recorded.events, recorded.quarantined) == (versions.EVENT_COUNT, 0)
    assert bench.redis.xlen(NAMES.inbox) == 0
    rows = bench.connection.execute(
        "SELECT kind, user_id, event_id, sale_amount, idempotency_key, parameters FROM events "
        "ORDER BY receipt"
    ).fetchall()
    assert rows == [
        ("open", "0000-AAAA-BBBB-CCCC", "__open", None, None, {}),
        (
            *("event", "0000-AAAA-BBBB-CCCC", "purchase"),
            *(Decimal("42.50"), "order-1", {"shelf": "upper"}),
        ),
    ]
    clicks = bench.connection.execute("SELECT click_id, link_id, device_ids FROM clicks").fetchall()
    assert clicks == [("click-1", 7, {"idfa": "11111111-2222-4333-8444-555555555555"})]


def test_decisions_follow_from_events_of_the_version_before(bench: Bench) -> None:
    append(bench.redis, versions.EVENTS, versions.EVENT_COUNT, wire_version=1)

    bench.drain()

    row = bench.connection.execute(
        "SELECT rule, click_id, origin FROM attributions WHERE superseded_at IS NULL"
    ).fetchone()
    assert row == ("click_id", "click-1", "7")


def test_what_a_worker_of_the_version_before_held_is_taken_over(bench: Bench) -> None:
    append(bench.redis, versions.EVENTS, versions.EVENT_COUNT, wire_version=1)
    bench.inbox().make_group()
    bench.redis.xreadgroup(GROUP, "of the version before", {NAMES.inbox: ">"})
    bench.inbox("of the version before").release(bench.inbox("of the version before").claim_own())

    assert bench.drain().events == versions.EVENT_COUNT
