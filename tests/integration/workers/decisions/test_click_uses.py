"""A click that is used up: credited once, to the first of its users, whatever arrived when."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from random import Random
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection, connect
from shared.events import Event, Kind
from shared.ids import new_receipt
from tests.integration.fresh import fresh
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive, rederive
from workers.facts.record import record

HOME = "8.8.8.8"
DEVICE = "59e27f41-a86b-4560-b585-63161f871234"
MINUTE_MS = 60_000
AT_MS = now_ms() - 5 * 60 * MINUTE_MS
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture
def app(connection: Connection) -> int:
    """An app that credits each click once."""
    row = connection.execute(
        "INSERT INTO apps (name, app_token, click_users_max) VALUES ('Shop', 'shop', 1)"
        " RETURNING id"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _opened(app: int, user: str, minutes: float, **told: Any) -> Event:
    at_ms = AT_MS + int(minutes * MINUTE_MS)
    seen = {"ip_address": HOME, "user_agent": PIXEL, **told}
    return fresh(
        app_id=app, user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms, **seen
    )


def _clicked(app: int, click_id: str, minutes: float, **told: Any) -> Event:
    at_ms = AT_MS + int(minutes * MINUTE_MS)
    return fresh(
        **{
            "app_id": app, "kind": Kind.CLICK, "receipt": new_receipt(at_ms), "user_id": "",
            "event_id": "", "click_id": click_id, "event_time_ms": at_ms, "link_id": 1,
            "ip_address": HOME, "user_agent": PIXEL, **told,
        }
    )  # fmt: skip


def _take(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


def _settled(connection: Connection) -> dict[str, str | None]:
    """Decides who is due, and returns who is credited with what."""
    decide_due(connection, 30)
    assert connection.execute("SELECT count(*) FROM due_decisions").fetchone() == (0,)
    rows = connection.execute(
        "SELECT user_id, click_id FROM attributions JOIN users ON users.id = user_ref"
        " WHERE superseded_at IS NULL ORDER BY user_id"
    )
    return dict(rows.fetchall())


def _house(app: int) -> list[Event]:
    return [
        _clicked(app, "c1", -2),
        _clicked(app, "c2", -1),
        _opened(app, "ann", 1),
        _opened(app, "ben", 2),
        _opened(app, "cleo", 3),
    ]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::5])
def test_two_clicks_are_two_installs_of_three_in_any_order(
    connection: Connection, app: int, order: Sequence[int]
) -> None:
    facts = _house(app)
    for number in order:
        _take(connection, facts[number])

    assert _settled(connection) == {"ann": "c2", "ben": "c1", "cleo": None}
    beaten = connection.execute(
        "SELECT beaten FROM attributions JOIN users ON users.id = user_ref"
        " WHERE superseded_at IS NULL AND user_id = 'cleo'"
    ).fetchone()
    assert beaten is not None
    assert [(it["click_id"], it["lost"]) for it in beaten[0]] == [
        ("c2", "used_up"),
        ("c1", "used_up"),
    ]


def test_all_at_once_is_one_batch_like_any_other(connection: Connection, app: int) -> None:
    _take(connection, *_house(app))

    superseded = "SELECT count(*) FROM attributions WHERE superseded_at IS NOT NULL"
    assert connection.execute(superseded).fetchone() == (0,)
    assert _settled(connection) == {"ann": "c2", "ben": "c1", "cleo": None}


def test_without_the_setting_a_click_is_everybodys(connection: Connection, app: int) -> None:
    connection.execute("UPDATE apps SET click_users_max = 0")
    _take(connection, *_house(app))

    assert _settled(connection) == {"ann": "c2", "ben": "c2", "cleo": "c2"}
    assert connection.execute("SELECT count(*) FROM click_uses").fetchone() == (0,)


@pytest.mark.parametrize("named", [{"click_id": "c1"}, {"device_ids": {"gaid": DEVICE}}])
def test_a_click_that_two_users_name_is_the_first_ones(
    connection: Connection, app: int, named: dict[str, Any]
) -> None:
    told = named | {"ip_address": "9.9.9.9"}
    carried = {name: value for name, value in named.items() if name == "device_ids"}
    for fact in (
        _opened(app, "ben", 2, **told),
        _opened(app, "ann", 1, **told),
        _clicked(app, "c1", 0, **carried),
    ):
        _take(connection, fact)

    assert _settled(connection) == {"ann": "c1", "ben": None}


def test_at_one_millisecond_the_smaller_name_is_first(connection: Connection, app: int) -> None:
    for user in ("ben", "ann", "cleo"):
        _take(connection, _opened(app, user, 1))
    _take(connection, _clicked(app, "c1", 0))

    assert _settled(connection) == {"ann": "c1", "ben": None, "cleo": None}


def test_a_click_that_is_given_back_goes_to_the_next_and_no_further(
    connection: Connection, app: int
) -> None:
    users = [f"u{number:02}" for number in range(60)]
    _take(connection, _clicked(app, "c1", 0), *(_opened(app, user, 1) for user in users[1:]))
    _take(connection, _opened(app, "u00", 0.5))
    assert _settled(connection)["u00"] == "c1"
    before = connection.execute("SELECT count(*) FROM attributions").fetchone()

    # Their first call was before the click.
    _take(connection, _opened(app, "u00", -1))

    assert [user for user, click in _settled(connection).items() if click] == ["u01"]
    after = connection.execute("SELECT count(*) FROM attributions").fetchone()
    assert before is not None
    assert after == (before[0] + 2,)  # u00 and u01: nobody else was written anew


def test_a_chain_of_users_moves_by_one_click_each(connection: Connection, app: int) -> None:
    count = 30
    facts = [_clicked(app, f"c{number:02}", -number) for number in range(count)]
    facts += [_opened(app, f"u{number:02}", number + 1) for number in range(count)]
    Random(3).shuffle(facts)
    for fact in facts:
        _take(connection, fact)
    assert _settled(connection) == {f"u{n:02}": f"c{n:02}" for n in range(count)}

    _take(connection, _opened(app, "early", 0.5))

    moved = {f"u{n:02}": f"c{n + 1:02}" for n in range(count - 1)}
    assert _settled(connection) == {"early": "c00", **moved, f"u{count - 1:02}": None}


def test_a_reattribution_uses_a_click_up_too(connection: Connection, app: int) -> None:
    device = {"device_ids": {"gaid": DEVICE}}
    days = 24 * 60
    _take(connection, _opened(app, "ann", -10 * days, **device))
    _take(connection, _clicked(app, "c1", 0, **device))
    _take(connection, _opened(app, "ann", 1, **device), _opened(app, "ben", 2, **device))

    decide_due(connection, 30)
    rows = connection.execute(
        "SELECT user_id, click_id, is_reattribution FROM attributions"
        " JOIN users ON users.id = user_ref WHERE superseded_at IS NULL ORDER BY 1, 3"
    ).fetchall()
    assert rows == [("ann", None, False), ("ann", "c1", True), ("ben", None, False)]


def test_workers_side_by_side_credit_a_click_once(
    connection: Connection, app: int, database_url: str
) -> None:
    _take(connection, _clicked(app, "c1", 0))
    facts = [_opened(app, f"u{number}", 8 - number) for number in range(8)]

    def work(fact: Event) -> None:
        with connect(database_url, "worker") as own:
            _take(own, fact)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, facts))

    assert [user for user, click in _settled(connection).items() if click] == ["u7"]


def test_a_recalculation_of_everybody_changes_nothing(connection: Connection, app: int) -> None:
    _take(connection, *_house(app))
    settled = _settled(connection)
    before = connection.execute("SELECT count(*) FROM attributions").fetchone()
    users = [user for (user,) in connection.execute("SELECT id FROM users ORDER BY id DESC")]

    for user in users:
        rederive(connection, [user])

    assert _settled(connection) == settled
    assert connection.execute("SELECT count(*) FROM attributions").fetchone() == before


def test_a_setting_that_is_turned_on_takes_hold_of_the_past_by_a_recompute(
    connection: Connection, app: int
) -> None:
    connection.execute("UPDATE apps SET click_users_max = 0")
    _take(connection, *_house(app))
    connection.execute("UPDATE apps SET click_users_max = 1")
    users = [user for (user,) in connection.execute("SELECT id FROM users ORDER BY id DESC")]

    for user in users:
        rederive(connection, [user])

    assert _settled(connection) == {"ann": "c2", "ben": "c1", "cleo": None}
