"""A user whose decision fails is set aside: nobody waits for them, and they are decided later."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection, connect
from shared.events import Event, Kind
from shared.inbox import measure
from shared.recompute import request_recompute
from shared.redis import Redis
from shared.rq_queue import JobTimeout
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from workers.core.decision import Decision, Tail, decide
from workers.core.history import Click
from workers.core.rules import Rules
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive, rederive
from workers.decisions.recompute import recompute
from workers.decisions.retry_set_aside import SetAsideRetries, retry_set_aside
from workers.decisions.set_aside_users import next_due
from workers.decisions.user_decisions import Decide
from workers.facts.record import Recorded, record

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_DECIDED = """
SELECT user_id,
       (SELECT count(*) FROM attributions WHERE user_ref = users.id AND superseded_at IS NULL),
       (SELECT sum(opens)::integer FROM sessions WHERE user_ref = users.id),
       (SELECT count(*) FROM activity WHERE user_ref = users.id)
FROM users ORDER BY user_id
"""
_ASIDE = """
SELECT user_id, fault FROM set_aside_users JOIN users ON users.id = user_ref ORDER BY user_id
"""
Rows = list[tuple[Any, ...]]


def _evening_ms() -> int:
    """Ten in the evening of yesterday: the hours before are of the same day, whenever it is now."""
    return now_ms() // DAY_MS * DAY_MS - 2 * HOUR_MS


def _open(user: str, at_ms: int | None = None) -> Event:
    at_ms = at_ms or _evening_ms()
    return fresh(user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms)


def _rows(connection: Connection, query: str) -> Rows:
    return connection.execute(query.encode()).fetchall()


def _make_due(connection: Connection) -> None:
    connection.execute("UPDATE set_aside_users SET tried_at = now() - interval '1 day'")


class Bug(Exception):
    """What nobody has thought of; its words are a user's."""


def _failing_for(click_id: str, fault: Callable[[], Exception]) -> Decide:
    """Decide as ever, but for who is known by this id; a user's own is one of theirs."""

    def failing(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        if click_id in tail.identity.click_ids:
            raise fault()
        return decide(tail, clicks, rules)

    return failing


def _bug() -> Bug:
    return Bug("ben@example.com cannot be decided")


@contextmanager
def _pure(connection: Connection) -> Iterator[Decide]:  # noqa: ARG001 - nothing is in the tables
    yield _failing_for("ben", _bug)


@contextmanager
def _read(connection: Connection) -> Iterator[Decide]:
    """What stands about the user is in a form that this version cannot read."""
    record(connection, [earlier := _open("ben", _evening_ms() - 8 * HOUR_MS)])
    derive(connection, [earlier])
    connection.execute("UPDATE attributions SET beaten = '[7]'")
    yield decide
    connection.execute("UPDATE attributions SET beaten = '[]'")


@contextmanager
def _written(connection: Connection) -> Iterator[Decide]:
    """A constraint of the operator's own."""
    record(connection, [_open("ben", _evening_ms() - 8 * HOUR_MS)])
    ((ben,),) = _rows(connection, "SELECT id FROM users")
    added = f"ALTER TABLE sessions ADD CONSTRAINT own CHECK (user_ref <> {ben})"
    connection.execute(added.encode())
    try:
        yield decide
    finally:
        connection.execute("ALTER TABLE sessions DROP CONSTRAINT own")


@contextmanager
def _raised(connection: Connection) -> Iterator[Decide]:
    """A trigger of the operator's own, whose SQLSTATE tells nothing."""
    record(connection, [_open("ben", _evening_ms() - 8 * HOUR_MS)])
    ((ben,),) = _rows(connection, "SELECT id FROM users")
    connection.execute(
        f"""
        CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.user_ref = {ben} THEN RAISE 'never'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER own BEFORE INSERT ON activity FOR EACH ROW EXECUTE FUNCTION own()
        """.encode()
    )
    try:
        yield decide
    finally:
        connection.execute("DROP TRIGGER own ON activity; DROP FUNCTION own")


FAULTS: dict[str, tuple[Any, str, Rows]] = {
    "the rules raise": (_pure, "Bug", [("ben", 0, None, 0)]),
    "what stands cannot be read": (_read, "ValidationError", [("ben", 1, 1, 1)]),
    "a session breaks a constraint": (_written, "CheckViolation", [("ben", 0, None, 0)]),
    "a day's trigger raises": (_raised, "RaiseException", [("ben", 0, None, 0)]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_decision_that_fails_sets_one_user_aside_and_the_others_are_decided(
    bench: Bench, case: str
) -> None:
    failing, fault, ben_as_before = FAULTS[case]
    others = [f"user-{n:02}" for n in range(20)]
    batch = [*map(_open, others[:13]), _open("ben"), *map(_open, others[13:])]
    decided = [(user, 1, 1, 1) for user in others]
    connection = bench.connection

    with failing(connection) as by:
        bench.send(batch)
        recorded = bench.drain(decide=by)

        assert recorded == Recorded(events=len(batch))
        assert measure(bench.redis).events == 0
        assert bench.receipts("quarantine") == []
        assert {str(each.receipt) for each in batch} <= {*bench.receipts("events")}
        assert _rows(connection, _ASIDE) == [("ben", fault)]
        assert _rows(connection, _DECIDED) == [*ben_as_before, *decided]

    assert retry_set_aside(connection, 10) == SetAsideRetries(0, 0, more=False), "not due yet"
    _make_due(connection)
    assert retry_set_aside(connection, 10) == SetAsideRetries(1, 1, more=False)

    opens = 1 if case == "the rules raise" else 2
    assert _rows(connection, _ASIDE) == []
    assert _rows(connection, _DECIDED) == [("ben", 1, opens, 1), *decided]


def test_the_log_names_who_is_set_aside_by_number_and_nothing_that_was_sent(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    batch = [_open("ben"), _open("ann")]
    record(connection, batch)
    ((ben,),) = _rows(connection, "SELECT id FROM users WHERE user_id = 'ben'")

    derive(connection, batch, _failing_for("ben", _bug))

    (line,) = [it for it in caplog.records if it.levelname == "ERROR"]
    assert line.message.startswith(f"user {ben} is set aside: the decision failed with Bug at ")
    assert "ben" not in line.message


def test_who_is_set_aside_costs_a_drain_nothing_and_misses_nothing(connection: Connection) -> None:
    at_ms = _evening_ms() - 8 * HOUR_MS
    record(connection, [first := _open("ben", at_ms)])
    derive(connection, [first], _failing_for("ben", _bug))
    record(connection, [second := _open("ben", at_ms + HOUR_MS)])
    asked: list[Tail] = []

    def asking(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        asked.append(tail)
        return decide(tail, clicks, rules)

    derive(connection, [second], asking)

    assert asked == []
    _make_due(connection)
    assert retry_set_aside(connection, 10) == SetAsideRetries(1, 1, more=False)
    assert _rows(connection, _DECIDED) == [("ben", 1, 2, 1)]


def test_a_user_who_fails_again_waits_twice_as_long_and_takes_nobody_along(
    connection: Connection,
) -> None:
    batch = [_open("ann"), _open("ben"), _open("eve")]
    record(connection, batch)
    derive(connection, batch, _failing_for("ann", _bug))
    derive(connection, batch, _failing_for("ben", _bug))
    derive(connection, batch, _failing_for("eve", _bug))
    _make_due(connection)

    tries = retry_set_aside(connection, 10, _failing_for("ben", _bug))

    assert tries == SetAsideRetries(3, 2, more=False)
    assert _rows(connection, _ASIDE) == [("ben", "Bug")]
    assert _rows(connection, "SELECT tries FROM set_aside_users") == [(2,)]


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 60), (2, 120), (3, 240), (7, 3840), (50, 3840), (2_000_000, 3840)]
)
def test_the_next_try_is_due_after_a_minute_at_first_and_an_hour_at_last(
    connection: Connection, tries: int, seconds: int
) -> None:
    connection.execute("INSERT INTO set_aside_users (user_ref, fault) VALUES (7, 'Bug')")
    due = []
    for ago in (seconds - 2, seconds + 2):
        connection.execute(
            "UPDATE set_aside_users SET tries = %s, tried_at = now() - %s * interval '1 second'",
            (tries, ago),
        )
        due.append(next_due(connection))

    assert due == [None, 7]


def test_second_tries_end_when_their_time_is_up_and_say_that_more_are_due(
    connection: Connection,
) -> None:
    batch = [_open("ann"), _open("eve")]
    record(connection, batch)
    for user in ("ann", "eve"):
        derive(connection, batch, _failing_for(user, _bug))
    _make_due(connection)

    assert retry_set_aside(connection, 0) == SetAsideRetries(1, 1, more=True)
    assert len(_rows(connection, _ASIDE)) == 1


def test_a_user_who_is_gone_is_tried_once_and_forgotten(connection: Connection) -> None:
    connection.execute("INSERT INTO set_aside_users (user_ref, fault) VALUES (7, 'Bug')")
    _make_due(connection)

    assert retry_set_aside(connection, 10) == SetAsideRetries(1, 1, more=False)
    assert _rows(connection, "SELECT * FROM set_aside_users") == []


def test_a_recompute_decides_who_is_set_aside_and_sets_aside_who_fails(
    connection: Connection, redis: Redis
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    batch = [_open("ann"), _open("ben")]
    record(connection, batch)
    derive(connection, batch, _failing_for("ben", _bug))
    users = [user for (user,) in _rows(connection, "SELECT id FROM users ORDER BY user_id")]

    rederive(connection, users, _failing_for("ann", _bug))
    assert _rows(connection, _ASIDE) == [("ann", "Bug")]

    request_recompute(redis, [1])
    assert not recompute(connection, redis, seconds_max=10)
    assert _rows(connection, _ASIDE) == []
    assert _rows(connection, _DECIDED) == [("ann", 1, 1, 1), ("ben", 1, 1, 1)]


def test_a_fault_that_is_nobodys_sets_nobody_aside(
    connection: Connection, database_url: str
) -> None:
    """A lock that is not free leaves the decision to a job; a job whose time is up tries again."""
    batch = [_open("ann"), _open("ben")]
    record(connection, batch)
    with connect(database_url, "tests") as other, other.transaction():
        other.execute("SELECT FROM users WHERE user_id = 'ann' FOR UPDATE")
        connection.execute("SET lock_timeout = '50ms'")
        derive(connection, batch)
        connection.execute("RESET lock_timeout")
    assert _rows(connection, _DECIDED) == [("ann", 0, None, 0), ("ben", 1, 1, 1)]
    assert decide_due(connection, 10).users == 1
    assert _rows(connection, _DECIDED) == [("ann", 1, 1, 1), ("ben", 1, 1, 1)]

    with pytest.raises(JobTimeout):
        derive(connection, batch, _failing_for("ben", JobTimeout))

    assert _rows(connection, _ASIDE) == []


def test_what_postgresql_refuses_to_store_holds_up_no_decision(bench: Bench) -> None:
    """An event that cannot be looked up by either."""
    bench.send([_open("ann"), _open("b\0n"), _open("eve")])

    assert bench.drain() == Recorded(events=2, quarantined=1)

    assert measure(bench.redis).events == 0
    assert _rows(bench.connection, _DECIDED) == [("ann", 1, 1, 1), ("eve", 1, 1, 1)]
    assert _rows(bench.connection, _ASIDE) == []


def test_a_try_and_a_drain_at_the_same_moment_miss_nothing(
    connection: Connection, database_url: str
) -> None:
    """Whichever of them has the user first: the facts of the drain are committed before either."""
    for number in range(10):
        user, at_ms = f"user-{number}", _evening_ms() - 8 * HOUR_MS
        record(connection, [first := _open(user, at_ms)])
        derive(connection, [first], _failing_for(user, _bug))
        record(connection, [second := _open(user, at_ms + HOUR_MS)])
        _make_due(connection)
        with connect(database_url, "tests") as other:
            retrying = threading.Thread(target=retry_set_aside, args=(other, 10))
            retrying.start()
            derive(connection, [second])
            retrying.join()

    assert _rows(connection, _ASIDE) == []
    assert _rows(connection, _DECIDED) == [(f"user-{n}", 1, 2, 1) for n in range(10)]
