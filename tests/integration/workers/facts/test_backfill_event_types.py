"""Events from before their event type was made become its, once, and figures say so."""

import pytest

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.integration.workers.recount import assert_figures_are_those_of_raw_rows
from workers.facts.backfill_event_types import RECORD_SECONDS_MAX, Backfilled, backfill_event_types
from workers.facts.record import record
from workers.rollups.stale_periods import HOUR_MS

SECONDS = 10.0


@pytest.fixture
def app_id(connection: Connection) -> int:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop'), ('Two', 'two')")
    return 1


def bought(user: str = "u", at_ms: int | None = None, app_id: int = 1) -> Event:
    return fresh(app_id=app_id, user_id=user, event_id="purchase", event_time_ms=at_ms)


def map_it(connection: Connection, *, unique: bool = False, seconds_ago: int = 0) -> None:
    connection.execute(
        """
        INSERT INTO event_types (app_id, name, mapping_id, event_token, is_unique, created_at)
        VALUES (1, 'Purchase', 'purchase', 'abc', %s, now() - %s * interval '1 second')
        """,
        (unique, seconds_ago),
    )


def mapped(connection: Connection) -> list[tuple[int, bool, int]]:
    """Of each app, whether events are unmapped, and how many."""
    rows = connection.execute(
        "SELECT app_id, unmapped, count(*) FROM events GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [(app, unmapped, count) for app, unmapped, count in rows]


def is_claimed(connection: Connection) -> bool:
    row = connection.execute("SELECT claimed FROM event_types").fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.usefixtures("app_id")
def test_stored_events_become_their_event_types_in_steps(connection: Connection) -> None:
    others = [bought(app_id=2), fresh(app_id=1, event_id="other")]
    record(connection, [*(bought(f"u{number}") for number in range(5)), *others])
    map_it(connection)

    assert backfill_event_types(connection, SECONDS, events_max=2) == Backfilled(5, more=False)

    assert mapped(connection) == [(1, False, 5), (1, True, 1), (2, True, 1)]
    assert backfill_event_types(connection, SECONDS) == Backfilled(0, more=False)


@pytest.mark.usefixtures("app_id")
def test_a_step_is_the_least_that_is_done_and_the_rest_is_left_for_another(
    connection: Connection,
) -> None:
    record(connection, [bought(f"u{number}") for number in range(3)])
    map_it(connection)

    assert backfill_event_types(connection, 0, events_max=2) == Backfilled(2, more=True)
    assert backfill_event_types(connection, SECONDS, events_max=2) == Backfilled(1, more=False)


@pytest.mark.usefixtures("app_id")
def test_a_type_claims_until_nothing_can_be_on_its_way_that_did_not_see_it(
    connection: Connection,
) -> None:
    map_it(connection)
    backfill_event_types(connection, SECONDS)
    assert not is_claimed(connection)

    connection.execute(
        "UPDATE event_types SET created_at = created_at - %s * interval '1 second'",
        (RECORD_SECONDS_MAX,),
    )
    backfill_event_types(connection, SECONDS)

    assert is_claimed(connection)


@pytest.mark.usefixtures("app_id")
def test_figures_of_claimed_events_are_counted_anew(connection: Connection) -> None:
    hour_ms = now_ms() // HOUR_MS * HOUR_MS - HOUR_MS
    store(connection, bought("u", hour_ms), bought("v", hour_ms + 1))
    count_all(connection)
    map_it(connection)

    backfill_event_types(connection, SECONDS)
    count_all(connection)

    assert_figures_are_those_of_raw_rows(connection)
    events = connection.execute("SELECT DISTINCT event FROM figures WHERE grain = 'hour'")
    assert "__unmapped" not in {event for (event,) in events}


@pytest.mark.usefixtures("app_id")
def test_of_claimed_events_of_a_unique_type_the_earliest_counts(connection: Connection) -> None:
    start_ms = now_ms() - 10
    early, late = bought("u", start_ms), bought("u", start_ms + 2)
    record(connection, [early, late])
    map_it(connection, unique=True)
    record(connection, [bought("u", start_ms + 1)])

    backfill_event_types(connection, SECONDS, events_max=1)

    rows = connection.execute("SELECT receipt FROM events WHERE counted").fetchall()
    assert rows == [(early.receipt,)]
