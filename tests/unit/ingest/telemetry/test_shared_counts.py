"""Counts of several processes in shared memory. Here one process plays all of them."""

from ingest.telemetry.shared_counts import SharedCounts
from shared import metrics
from shared.tally import MetricSeries, Tally, gauge, merge_series


def counted(lost: int, connections: int = 0) -> list[MetricSeries]:
    tally = Tally()
    tally.counter(metrics.CLICKS_LOST).add(lost)
    tally.histogram(metrics.FLUSH_EVENTS).observe(lost)
    return [*tally.series(), gauge(metrics.CONNECTIONS, connections)]


def seen(shared: SharedCounts) -> dict[str, float]:
    """Adds up everything that is in the memory."""
    shared.own_slot = None
    return {each.name: each.values[0] for each in merge_series(shared.others())}


def slot(shared: SharedCounts) -> int:
    taken = shared.take_slot()
    assert taken is not None
    return taken


def test_what_each_process_wrote_last_is_seen_by_the_others() -> None:
    shared = SharedCounts()
    first, second = slot(shared), slot(shared)
    for own, lost in ((first, 1), (second, 10), (first, 2)):
        shared.own_slot = own
        shared.write_own(counted(lost, connections=5))

    assert seen(shared)["waybill_clicks_lost_total"] == 12
    assert seen(shared)["waybill_connections"] == 10


def test_a_process_does_not_see_itself_among_the_others() -> None:
    shared = SharedCounts()
    own, other = slot(shared), slot(shared)
    shared.write(own, counted(1))
    shared.write(other, counted(10))
    shared.own_slot = own

    (found,) = [each for each in shared.others() if each]
    assert found == counted(10)


def test_counts_of_an_ended_process_stay_and_its_gauges_go() -> None:
    shared = SharedCounts()
    for lost in (1, 10, 100):  # one after another, in the same slot
        taken = slot(shared)
        shared.write(taken, counted(lost, connections=5))
        shared.give_back(taken)

    assert seen(shared)["waybill_clicks_lost_total"] == 111
    assert "waybill_connections" not in seen(shared)
    assert slot(shared) == taken


def test_while_counts_are_being_moved_what_was_seen_last_is_seen() -> None:
    """Reading half of them would show fewer, and fewer would pass for a restart."""
    shared = SharedCounts()
    taken = slot(shared)
    shared.write(taken, counted(1))
    before = seen(shared)

    shared._count_change()
    shared.write(taken, [])

    assert seen(shared) == before
    shared._count_change()
    assert seen(shared) == {}


def test_without_a_slot_a_process_counts_for_itself() -> None:
    shared = SharedCounts()
    taken = [shared.take_slot() for _ in range(300)]
    shared.own_slot = taken[-1]
    shared.write_own(counted(1))

    assert taken.count(None) == 300 - 255
    assert seen(shared) == {}


def test_what_was_torn_is_left_out() -> None:
    shared = SharedCounts()
    taken = slot(shared)
    shared.write(taken, counted(1))
    start = shared._start(taken)
    shared._memory[shared._at(start, shared._memory[start])] ^= 255

    assert seen(shared) == {}
