"""An id that too many users name identifies nobody, whatever came first, at a bounded cost."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import new_receipt
from tests.integration.fresh import fresh
from workers.core.decision import Decision, Tail
from workers.core.decision import decide as decide_by_rules
from workers.core.history import USER_DEVICE_IDS_MAX, Click
from workers.core.rules import Rules
from workers.decisions import derive as derivation
from workers.decisions.candidate_clicks import CLICKS_OF_A_DEVICE_MAX
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive
from workers.decisions.due_decisions import next_due_decisions, postpone, remove_due
from workers.facts.record import record

WIDE = "11111111-2222-4333-8444-555555555555"
USERS_MAX = 3
AT_MS = now_ms() - 3_600_000


@pytest.fixture
def app(connection: Connection) -> int:
    """An app whose ids may be named by three users."""
    row = connection.execute(
        "INSERT INTO apps (name, app_token, identifier_users_max) VALUES ('Shop', 'shop', %s)"
        " RETURNING id",
        (USERS_MAX,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _opened(app: int, user: str, at_ms: int = AT_MS, **told: Any) -> Event:
    told.setdefault("device_ids", {"gaid": WIDE})
    return fresh(
        app_id=app, user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms, **told
    )


def _clicked(app: int, click_id: str, at_ms: int = AT_MS - 1000, **told: Any) -> Event:
    return fresh(
        **{
            "app_id": app, "kind": Kind.CLICK, "receipt": new_receipt(at_ms), "user_id": "",
            "event_id": "", "click_id": click_id, "event_time_ms": at_ms, "link_id": 1,
            "device_ids": {"gaid": WIDE}, **told,
        }
    )  # fmt: skip


def _take(connection: Connection, events: Sequence[Event]) -> None:
    record(connection, events)
    derive(connection, events)


def _credits(connection: Connection) -> dict[str, str | None]:
    rows = connection.execute(
        "SELECT user_id, click_id FROM attributions JOIN users ON users.id = user_ref"
        " WHERE superseded_at IS NULL"
    )
    return dict(rows.fetchall())


class _Decided:
    """Counts the users who are decided."""

    def __init__(self) -> None:
        self.users = 0

    def __call__(self, tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        self.users += 1
        return decide_by_rules(tail, clicks, rules)


@pytest.mark.parametrize("users", [USERS_MAX, USERS_MAX + 1])
@pytest.mark.parametrize("click_at", range(USERS_MAX + 2))
def test_one_user_too_many_takes_the_id_from_all_of_them_whenever_the_click_came(
    connection: Connection, app: int, users: int, click_at: int
) -> None:
    facts = [_opened(app, f"user-{n}") for n in range(users)]
    facts.insert(click_at, _clicked(app, "c1"))
    for fact in facts:
        _take(connection, [fact])
    decide_due(connection, 10)

    click = "c1" if users == USERS_MAX else None
    assert _credits(connection) == {f"user-{n}": click for n in range(users)}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_two_batches_that_cross_the_limit_at_once_are_seen_by_the_last_of_them(
    connection: Connection, app: int, order: tuple[int, ...]
) -> None:
    _take(connection, [_clicked(app, "c1"), _opened(app, "ann"), _opened(app, "ben")])
    batches = [[_opened(app, f"user-{n}")] for n in range(4)]
    for batch in batches:
        record(connection, batch)
    for number in order:
        derive(connection, batches[number])
    decide_due(connection, 10)

    assert set(_credits(connection).values()) == {None}


def test_a_click_id_that_too_many_users_name_is_nobodys(connection: Connection, app: int) -> None:
    _take(connection, [_clicked(app, "c1", device_ids={})])
    for n in range(USERS_MAX + 1):
        _take(connection, [_opened(app, f"user-{n}", click_id="c1", device_ids={})])
    decide_due(connection, 10)

    assert set(_credits(connection).values()) == {None}


@pytest.mark.parametrize("lenders", [USERS_MAX, USERS_MAX + 1])
def test_a_device_id_that_too_many_clicks_lend_is_nobodys(
    connection: Connection, app: int, lenders: int
) -> None:
    _take(connection, [_clicked(app, "c1")])
    for n in range(lenders):
        _take(connection, [_opened(app, f"user-{n}", click_id=f"lent-{n}", device_ids={})])
        _take(connection, [_clicked(app, f"lent-{n}", link_id=None)])
    decide_due(connection, 10)

    click = "c1" if lenders == USERS_MAX else None
    assert set(_credits(connection).values()) == {click}


def test_a_click_with_an_id_of_a_hundred_thousand_users_decides_none_of_them(
    connection: Connection, app: int
) -> None:
    connection.execute(
        "INSERT INTO users (app_id, environment, user_id)"
        " SELECT %s, 'production', 'user-' || n FROM generate_series(1, 100000) AS n",
        (app,),
    )
    connection.execute(
        "INSERT INTO identities (app_id, environment, kind, value, user_ref)"
        " SELECT app_id, environment, 'device', %s, id FROM users",
        (WIDE,),
    )
    clicks, decided = [_clicked(app, f"c{n}") for n in range(20)], _Decided()
    record(connection, clicks)
    began_at = time.monotonic()

    derive(connection, clicks, decided)

    assert decided.users == 0
    assert time.monotonic() - began_at < 2
    assert connection.execute("SELECT count(*) FROM due_decisions").fetchone() == (0,)


def test_who_names_thousands_of_device_ids_is_identified_by_none_and_decided_once(
    connection: Connection, app: int
) -> None:
    ids = [f"{n:08x}-2222-4333-8444-555555555555" for n in range(1, 400)]
    _take(connection, [_clicked(app, "c1", device_ids={"gaid": ids[0]})])
    _take(connection, [_opened(app, "null", device_ids={"gaid": ids[0]})])
    assert _credits(connection) == {"null": "c1"}
    for start in range(1, 399, 50):
        batch = ids[start : start + 50]
        _take(
            connection, [_opened(app, "null", AT_MS + 1000, device_ids={"gaid": x}) for x in batch]
        )

    assert _credits(connection) == {"null": None}
    rows = connection.execute("SELECT cardinality(device_ids) FROM users").fetchall()
    assert rows == [(USER_DEVICE_IDS_MAX + 1,)]
    found = "SELECT kind, value, users FROM wide_identifiers"
    assert connection.execute(found.encode()).fetchall() == [
        ("user", "null", USER_DEVICE_IDS_MAX + 1)
    ]


def test_whom_a_drain_has_no_time_for_is_decided_by_the_job(
    connection: Connection, app: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take(connection, [_opened(app, f"user-{n}") for n in range(USERS_MAX)])
    monkeypatch.setattr(derivation, "OTHERS_MAX", 1)
    _take(connection, [_clicked(app, "c1")])

    assert list(_credits(connection).values()).count("c1") == 1
    assert decide_due(connection, 10).users == USERS_MAX - 1
    assert list(_credits(connection).values()) == ["c1"] * USERS_MAX
    assert decide_due(connection, 10).users == 0


def test_a_batch_whose_time_is_up_leaves_its_own_users_to_the_job_too(
    connection: Connection, app: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation, "USERS_MAX", 1)
    monkeypatch.setattr(derivation, "DECIDE_SECONDS_MAX", 0.0)
    _take(connection, [_opened(app, f"user-{n}", device_ids={}) for n in range(5)])
    assert len(_credits(connection)) == 1

    assert decide_due(connection, 10).users == 4
    assert len(_credits(connection)) == 5


def test_who_becomes_due_once_more_while_being_decided_stays_due(connection: Connection) -> None:
    postpone(connection, {7: 500, 8: 500})
    due = next_due_decisions(connection, 0, 10)
    postpone(connection, {8: 900})

    remove_due(connection, due)

    assert next_due_decisions(connection, 0, 10) == [(8, 500, 2)]


def test_a_higher_limit_gives_the_id_back_when_everything_is_decided_anew(
    connection: Connection, app: int
) -> None:
    _take(connection, [_clicked(app, "c1"), *[_opened(app, f"user-{n}") for n in range(4)]])
    decide_due(connection, 10)
    assert set(_credits(connection).values()) == {None}

    connection.execute("UPDATE apps SET identifier_users_max = 4")
    users = [user for (user,) in connection.execute("SELECT id FROM users").fetchall()]
    derivation.rederive(connection, users)
    assert set(_credits(connection).values()) == {"c1"}

    _take(connection, [_opened(app, "one more")])
    decide_due(connection, 10)
    assert set(_credits(connection).values()) == {None}


def test_a_lower_limit_is_applied_to_who_opens_again_in_the_same_session(
    connection: Connection, app: int
) -> None:
    users = [f"user-{n}" for n in range(USERS_MAX)]
    _take(connection, [_clicked(app, "c1"), *(_opened(app, user) for user in users)])
    assert set(_credits(connection).values()) == {"c1"}

    connection.execute(
        "UPDATE apps SET identifier_users_max = %s, rules_version = rules_version + 1",
        (USERS_MAX - 1,),
    )
    _take(connection, [_opened(app, users[0], AT_MS + 60_000)])
    decide_due(connection, 10)

    assert set(_credits(connection).values()) == {None}


@pytest.mark.parametrize("clicks", [CLICKS_OF_A_DEVICE_MAX, CLICKS_OF_A_DEVICE_MAX + 1])
@pytest.mark.parametrize("user_at", [0, 100, CLICKS_OF_A_DEVICE_MAX + 1])
def test_a_device_id_that_clicks_more_than_anybody_is_nobodys_whenever_its_user_came(
    connection: Connection, app: int, clicks: int, user_at: int
) -> None:
    facts = [_clicked(app, f"c{n:03}", AT_MS - 10_000 + n) for n in range(clicks)]
    facts.insert(user_at, _opened(app, "ann"))
    for start in range(0, len(facts), 50):
        _take(connection, facts[start : start + 50])
    decide_due(connection, 10)

    is_credited = clicks == CLICKS_OF_A_DEVICE_MAX
    assert _credits(connection) == {"ann": f"c{clicks - 1:03}" if is_credited else None}


def test_a_device_id_that_clicks_too_much_concerns_nobody_with_its_next_click(
    connection: Connection, app: int
) -> None:
    clicks = [_clicked(app, f"c{n:03}") for n in range(CLICKS_OF_A_DEVICE_MAX + 1)]
    _take(connection, [_opened(app, "ann"), *clicks])
    decided, another = _Decided(), _clicked(app, "one more")
    record(connection, [another])

    derive(connection, [another], decided)

    assert decided.users == 0
