"""Tests funnels against a recount of raw rows, and what their tables say."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.reports.funnels import funnel as funnels
from console.reports.funnels.funnel import Funnel, read_funnel
from console.reports.funnels.funnel_question import FunnelQuestion, FunnelSplit
from console.reports.funnels.funnel_sheet import funnel_sheet
from console.reports.period import Period
from console.reports.sheet import to_csv
from console.resources import Resources
from shared.database import Connection
from shared.errors import BadValue, OperatorError
from shared.events import Event, Kind
from tests.integration.console.conftest import Ask
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.integration.recount_funnels import recount_funnel
from tests.integration.recount_money import make_links
from tests.support.build import ADMIN
from tests.support.funnel_traffic import TYPES, first_day, generate_journeys

NAMES = {each.capitalize(): each for each in TYPES} | {"open": "open"}
STEPS = (
    ("open", "Register"),
    ("Register", "Cart", "Buy"),
    ("Buy", "Register"),
    ("open", "Register", "View", "Cart", "Buy"),
)
PERIOD = Period(first_day(2), first_day(9))


@pytest.fixture
def typed(resources: Resources, shop: App) -> App:
    """Provides an app with the event types of the steps."""
    for name, mapping_id in NAMES.items():
        if mapping_id != "open":
            create_event_type(resources, ADMIN, shop, NewEventType(mapping_id, name))
    return shop


def counted(funnel: Funnel) -> dict[tuple[str, int], int]:
    return {
        (row.name, step): users
        for row in (funnel.total, *funnel.rows)
        for step, users in enumerate(row.users)
        if users
    }


def test_funnels_are_those_of_raw_rows(connection: Connection, typed: App) -> None:
    links = make_links(connection, typed.id)
    events = list(generate_journeys(typed.id, links, 500))
    for start in range(0, len(events), 250):
        store(connection, *events[start : start + 250])
    count_all(connection)
    compared = 0

    for steps, split, hours, partner in product(
        STEPS, FunnelSplit, (1, 24, 24 * 30), (None, "Acme", "(organic)")
    ):
        question = FunnelQuestion(
            period=PERIOD, steps=steps, split=split, window_hours=hours, partner=partner
        )
        expected = recount_funnel(connection, typed.id, question, NAMES)
        assert counted(read_funnel(connection, typed, question)) == expected
        compared += sum(expected.values())

    assert compared > 5_000


def at(app: App, user: str, day: int, seconds: float, event_id: str) -> Event:
    moment = datetime(2026, 6, day, tzinfo=UTC) + timedelta(seconds=seconds)
    return fresh(
        app_id=app.id,
        user_id=user,
        kind=Kind.OPEN if event_id == "__open" else Kind.EVENT,
        event_id=event_id,
        event_time_ms=int(moment.timestamp() * 1000),
    )


@pytest.mark.parametrize(
    ("journey", "users"),
    [
        ([(1, 0, "register"), (1, 1, "cart"), (1, 2, "buy")], [1, 1, 1]),
        ([(1, 0, "register"), (1, 0, "cart"), (1, 0, "buy")], [1, 1, 1]),
        ([(1, 0, "register"), (1, 2, "cart"), (1, 1, "buy")], [1, 1]),
        ([(1, 0, "cart"), (1, 1, "register"), (1, 2, "buy")], [1]),
        ([(1, 0, "register"), (1, 7200, "cart"), (1, 7201, "buy")], [1, 1]),
        ([(1, 0, "register"), (1, 7200.001, "cart")], [1]),
        ([(1, 86_399, "register"), (2, 10, "cart")], [1, 1]),
        ([(2, 0, "register"), (2, 1, "cart")], []),
        ([(1, 0, "register"), (1, 9000, "register"), (1, 9001, "cart")], [1]),
    ],
)
def test_a_user_counts_once_from_the_first_time_in_the_period(
    connection: Connection, typed: App, journey: list[tuple[int, float, str]], users: list[int]
) -> None:
    store(connection, *(at(typed, "ann", *each) for each in journey))
    day = datetime(2026, 6, 1, tzinfo=UTC).date()
    question = FunnelQuestion(
        period=Period(day, day), steps=("Register", "Cart", "Buy"), window_hours=2
    )

    funnel = read_funnel(connection, typed, question)

    assert [count for count in funnel.total.users if count] == users


def test_tables_say_how_many_came_how_far_and_in_what_time(
    connection: Connection, typed: App
) -> None:
    store(
        connection,
        *(at(typed, user, 1, 0, "register") for user in ("ann", "ben", "cat", "dan")),
        *(at(typed, user, 1, 90, "cart") for user in ("ann", "ben")),
        at(typed, "ann", 1, 3_600, "buy"),
    )
    day = datetime(2026, 6, 1, tzinfo=UTC).date()
    steps = ("Register", "Cart", "Buy")

    whole = FunnelQuestion(period=Period(day, day), steps=steps)
    by_partner = FunnelQuestion(period=Period(day, day), steps=steps, split=FunnelSplit.PARTNER)

    assert to_csv(funnel_sheet(read_funnel(connection, typed, whole))).splitlines() == [
        "step,users,of the first step,of the step before,mean time to it (s)",
        "1. Register,4,1.000,,",
        "2. Cart,2,0.500,0.500,90",
        "3. Buy,1,0.250,0.500,3600",
    ]
    assert to_csv(funnel_sheet(read_funnel(connection, typed, by_partner))).splitlines() == [
        'partner,Register,Cart,"Cart, share",Buy,"Buy, share"',
        "(organic),4,2,0.500,1,0.250",
        "total,4,2,0.500,1,0.250",
    ]


def test_what_cannot_be_answered_is_refused(
    connection: Connection, typed: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for steps in (("Buy",), ("Buy", "Buy"), tuple("abcdefg")):
        with pytest.raises(BadValue):
            FunnelQuestion(period=PERIOD, steps=steps)
    for hours in (0, 2161):
        with pytest.raises(BadValue):
            FunnelQuestion(period=PERIOD, steps=("open", "Buy"), window_hours=hours)
    unknown = FunnelQuestion(period=PERIOD, steps=("open", "Sell"))
    with pytest.raises(OperatorError, match="no event type with this name"):
        read_funnel(connection, typed, unknown)
    store(connection, *(at(typed, "ann", 5, second, "buy") for second in range(3)))
    count_all(connection)
    monkeypatch.setattr(funnels, "EVENTS_MAX", 2)
    with pytest.raises(OperatorError, match="would read 3 events, and reads at most 2"):
        read_funnel(connection, typed, FunnelQuestion(period=PERIOD, steps=("open", "Buy")))


def test_a_funnel_is_shown_from_the_command_line(
    connection: Connection, typed: App, ask: Ask
) -> None:
    store(connection, at(typed, "ann", 1, 0, "register"), at(typed, "ann", 1, 5, "buy"))

    answer = ask(
        *("funnel", "--app", "Shop", "--step", "Register", "--step", "Buy"),
        *("--from", "2026-06-01", "--to", "2026-06-02", "--window-hours", "1"),
    )

    assert answer["funnel"]["total"] == {"name": "", "users": [1, 1], "seconds": [0.0, 5.0]}
