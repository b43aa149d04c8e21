"""The outbox holds the same callbacks in whatever order the facts came: a law, with an oracle."""

from collections.abc import Iterator, Sequence
from random import Random
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.database import Connection
from tests.integration.workers.conftest import Bench
from tests.integration.workers.deliveries import Stage, as_events, shuffled, stage
from tests.support.oracle import DAY_MS, Attribution, Call
from tests.support.scenarios.scenario import MINE, SEEN, clicked, opened, world
from tests.support.worlds import SANDBOX, World, worlds

APP, PARTNER, SANDBOX_APP = "app", "partner", "sandbox too"
Told = tuple[str, str, str, str, str | None]  # user, endpoint, activity, receipt, click

_ROWS = """
    SELECT users.user_id, callback_endpoints.name, activity, callbacks.receipt, click_id,
           state, reason
    FROM callbacks
    JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
    JOIN users ON users.id = user_ref
    WHERE callbacks.app_id = %s AND callbacks.environment = %s
"""


def prepare(connection: Connection, staged: Stage) -> None:
    """Gives each app the event type of its events and two endpoints, one of them a partner's."""
    connection.execute("INSERT INTO partners (name) VALUES ('Acme') ON CONFLICT DO NOTHING")
    for app_id in sorted({app_id for app_id, _ in staged.places.values()}):
        connection.execute(
            "INSERT INTO event_types (app_id, name, mapping_id, event_token)"
            " VALUES (%s, 'Purchase', 'purchase', 'purchase')",
            (app_id,),
        )
        connection.execute(
            "INSERT INTO links (id, app_id, partner_id, name, offer_id, pub_id, destination)"
            " OVERRIDING SYSTEM VALUE"
            " SELECT 7, %s, id, 'one', '7', '7', 'https://x.example' FROM partners"
            " ON CONFLICT DO NOTHING",
            (app_id,),
        )
        connection.execute(
            "INSERT INTO callback_endpoints (app_id, partner_id, name, activities, method, url,"
            " created_at) SELECT %(app)s, NULL, 'app', ARRAY['install', 'reattribution', 'event',"
            " 'session', 'attribution_updated'], 'GET', 'https://x.example', timestamptz 'epoch'"
            " UNION ALL SELECT %(app)s, id, 'partner', ARRAY['install', 'reattribution', 'event'],"
            " 'GET', 'https://x.example', timestamptz 'epoch' FROM partners",
            {"app": app_id},
        )


def expected(world: World) -> Iterator[tuple[str, Told]]:
    """Yields what is to be told, by app, from the world's facts alone."""
    for app, user in world.users:
        attributions = world.timeline(app, user).attributions
        calls = sorted(
            set(world.calls_of(app, user)), key=lambda call: (call.time_ms, call.receipt)
        )
        for told in _of_user(user, calls, attributions):
            yield app, told


def _of_user(
    user: str, calls: Sequence[Call], attributions: Sequence[Attribution]
) -> Iterator[Told]:
    converted: set[str | None] = set()
    for call in calls:
        # A decision holds for the whole of its millisecond.
        standing = [each for each in attributions if each.time_ms <= call.time_ms][-1]
        is_partners = standing.origin == ("link", "7")
        click = standing.click_id
        if call.receipt == standing.receipt:
            activity = "reattribution" if standing.is_reattribution else "install"
            yield (user, APP, activity, call.receipt, click)
            if is_partners:
                yield (user, PARTNER, activity, call.receipt, click)
        yield (user, APP, "session" if call.is_open else "event", call.receipt, click)
        if is_partners and not call.is_open and click not in converted:
            converted.add(click)
            yield (user, PARTNER, "event", call.receipt, click)


def found(connection: Connection, staged: Stage) -> list[tuple[str, Told]]:
    """Returns what would be sent, or in the sandbox is withheld for that reason alone."""
    rows = []
    for app, place in staged.places.items():
        reason = "sandbox" if app == SANDBOX else None
        for user, endpoint, activity, receipt, click, state, why in connection.execute(
            _ROWS, place
        ):
            assert state in {"waiting", "withheld"}
            if why == reason:
                told = (user, endpoint, activity, staged.unmarked(receipt), click)
                rows.append((app, told))
            else:
                assert why == "outdated"
    return sorted(rows, key=str)


def test_the_outbox_is_the_oracles_in_any_order(bench: Bench) -> None:
    @settings(max_examples=25, deadline=None)
    @given(worlds(), st.integers(0, 2**32))
    def agree(world: World, seed: int) -> None:
        staged = stage(bench.connection, world)
        prepare(bench.connection, staged)
        for wave in shuffled(as_events(world, staged), Random(seed)):
            bench.send(*wave)
            bench.drain()

        assert found(bench.connection, staged) == sorted(expected(world), key=str)

    agree()


def test_whatever_was_sent_in_between_nothing_is_told_twice(bench: Bench) -> None:
    @settings(max_examples=15, deadline=None)
    @given(worlds(), st.integers(0, 2**32))
    def agree(world: World, seed: int) -> None:
        random = Random(seed)
        staged = stage(bench.connection, world)
        prepare(bench.connection, staged)
        for wave in shuffled(as_events(world, staged), random):
            bench.send(*wave)
            bench.drain()
            if random.random() < 0.7:
                bench.connection.execute(
                    "UPDATE callbacks SET attempts = 1, state = 'delivered', due_at = now()"
                    " WHERE state = 'waiting'"
                )

        for place in staged.places.values():
            rows = bench.connection.execute(_ROWS, place).fetchall()
            installs = [(user, name) for user, name, activity, *_ in rows if activity == "install"]
            assert len(installs) == len(set(installs))
            _assert_updates_lead_to_the_attribution(bench.connection, place)

    agree()


_CLICKS = "SELECT id, click_id FROM callbacks WHERE state = 'withheld' AND reason = 'no_url'"


def test_what_had_no_url_waits_again_once_another_click_is_credited(bench: Bench) -> None:
    seen: list[tuple[UUID, str | None]] = []

    @settings(max_examples=15, deadline=None)
    @given(worlds(), st.integers(0, 2**32))
    @example(world(opened(0, **MINE, **SEEN), clicked("late", -DAY_MS // 8, **MINE, **SEEN)), 2)
    def agree(world: World, seed: int) -> None:
        run = bench.connection.execute
        staged = stage(bench.connection, world)
        prepare(bench.connection, staged)
        for wave in shuffled(as_events(world, staged), Random(seed)):
            run(
                "UPDATE callbacks SET state = 'withheld', reason = 'no_url' WHERE state = 'waiting'"
            )
            withheld: dict[UUID, str | None] = dict(run(_CLICKS).fetchall())
            bench.send(*wave)
            bench.drain()
            still: dict[UUID, str | None] = dict(run(_CLICKS).fetchall())
            again = run("SELECT id, click_id FROM callbacks WHERE state = 'waiting'").fetchall()
            assert still.items() <= withheld.items()
            seen.extend(each for each in again if withheld.get(each[0], each[1]) != each[1])

    agree()
    assert seen, "no world had a callback that another click was credited with"


_REJECTED = """
    SELECT users.user_id, callback_endpoints.name, activity, callbacks.receipt, click_id, rejection
    FROM callbacks
    JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
    JOIN users ON users.id = user_ref
    WHERE callbacks.app_id = %s AND callbacks.environment = %s
      AND activity LIKE 'rejected%%' AND reason IS DISTINCT FROM 'outdated'
"""
_BEATEN = """
    SELECT users.user_id, is_reattribution, lost.click ->> 'click_id', lost.click ->> 'lost'
    FROM attributions JOIN users ON users.id = attributions.user_ref
    CROSS JOIN LATERAL jsonb_array_elements(attributions.beaten) AS lost (click)
    JOIN clicks ON clicks.click_id = lost.click ->> 'click_id' AND clicks.origin IS NOT NULL
      AND (clicks.app_id, clicks.environment) = (users.app_id, users.environment)
    WHERE superseded_at IS NULL AND (users.app_id, users.environment) = (%s, %s)
      AND lost.click ->> 'lost' IN ('outside_window', 'crowded_address', 'used_up')
"""


def test_each_rejected_click_is_told_once_in_any_order(bench: Bench) -> None:
    seen = []

    @settings(max_examples=25, deadline=None)
    @given(worlds(), st.integers(0, 2**32))
    @example(world(clicked("late", -8 * DAY_MS, **MINE, **SEEN), opened(0, **MINE, **SEEN)), 1)
    def agree(world: World, seed: int) -> None:
        staged = stage(bench.connection, world)
        prepare(bench.connection, staged)
        bench.connection.execute(
            "UPDATE callback_endpoints SET activities = activities ||"
            " ARRAY['rejected_install', 'rejected_reattribution'] WHERE partner_id IS NULL"
        )
        for wave in shuffled(as_events(world, staged), Random(seed)):
            bench.send(*wave)
            bench.drain()

        for place in staged.places.values():
            told = sorted(
                (user, activity == "rejected_reattribution", click, why)
                for user, _, activity, _, click, why in bench.connection.execute(_REJECTED, place)
            )
            beaten = {tuple(row) for row in bench.connection.execute(_BEATEN, place)}
            assert [each[:3] for each in told] == sorted({each[:3] for each in beaten})
            assert set(told) <= beaten
            seen.extend(told)

    agree()
    assert seen, "no world had a click that was rejected"


_LAST_TOLD = """
    SELECT DISTINCT ON (user_ref) user_ref, callbacks.click_id
    FROM callbacks JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
    WHERE callbacks.app_id = %s AND environment = %s AND partner_id IS NULL
      AND activity IN ('install', 'attribution_updated') AND reason IS DISTINCT FROM 'outdated'
      AND NOT EXISTS (
        SELECT FROM attributions WHERE attributions.user_ref = callbacks.user_ref
          AND is_reattribution
      )
    ORDER BY user_ref, callbacks.created_at DESC, activity
"""
_IN_FORCE = """
    SELECT click_id FROM attributions
    WHERE user_ref = %s AND superseded_at IS NULL AND NOT is_reattribution
"""


def _assert_updates_lead_to_the_attribution(connection: Connection, place: tuple[int, str]) -> None:
    """Asserts that whoever follows an install and its updates knows the source that is credited."""
    for user_ref, click in connection.execute(_LAST_TOLD, place).fetchall():
        assert connection.execute(_IN_FORCE, (user_ref,)).fetchall() == [(click,)]
