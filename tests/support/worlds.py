"""Strategies for small worlds of users and clicks, dense with ties and edge cases.

A world's facts are in the order of arrival, which must not matter. Times lie on a coarse grid, and
the windows are multiples of its step; a few times are a millisecond off. Ids, addresses and devices
are few, so that most facts are related to one another.
"""

from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

from hypothesis import strategies as st

from tests.support.oracle import DAY_MS, MINUTE_MS, Call, Click, Rules, Timeline, timelines

SHOP, GAME, SANDBOX = "shop", "game", "shop's sandbox"
HOME, WORK = "198.51.100.7", "198.51.100.8"
HOME_V6, HOME_V6_AT_LENGTH = "2001:db8::7", "2001:DB8:0:0:0:0:0:7"
PRIVATE, CARRIER_NAT, UNSPECIFIED = "192.168.0.7", "100.64.0.7", "0.0.0.0"
ZEROED = "00000000-0000-0000-0000-000000000000"
SUMMER, WINTER = ("link", "7"), ("link", "8")
GOOGLE, NEWSLETTER = ("source", "google"), ("source", "newsletter")

IPHONE = ("iPhone", "iOS", "17.4", False)
UPDATED_IPHONE = ("iPhone", "iOS", "17.5", False)
NAMED_IPHONE = ("iPhone15,2", "iOS", "17.4", False)
IPHONE_26 = ("iPhone", "iOS", "26.0", False)
FROZEN_IPHONE = ("iPhone", "iOS", "18.6+", False)
IPAD = ("iPad13,4", "iOS", "17.4", False)
SAFARI_SOMEWHERE = ("", "Mac OS X", "safari 17.4", False)
PIXEL = ("Pixel 8", "Android", "14", False)
REDUCED = ("", "Android", "", False)
BOT = ("Nexus 5X", "Android", "6.0", True)
PROGRAM = ("", "", "", False)

MIDNIGHT_MS = 1_767_312_000_000  # 2026-01-02T00:00Z


def receipt(number: int) -> str:
    """Returns receipts in the order of their numbers, up to 4095."""
    return f"019b7ca9-8f2e-7{number:03x}-8000-000000000000"


@dataclass(frozen=True)
class World:
    rules: Rules
    facts: tuple[Call | Click, ...]

    @property
    def calls(self) -> list[Call]:
        return [fact for fact in self.facts if isinstance(fact, Call)]

    @property
    def clicks(self) -> list[Click]:
        return [fact for fact in self.facts if isinstance(fact, Click)]

    @property
    def users(self) -> list[tuple[str, str]]:
        """Returns app and user id of everybody who ever called."""
        return sorted({(call.app, call.user) for call in self.calls})

    def calls_of(self, app: str, user: str) -> list[Call]:
        return [call for call in self.calls if (call.app, call.user) == (app, user)]

    def timeline(self, app: str, user: str) -> Timeline:
        """Returns the oracle's timeline of the user."""
        return _timelines(self)[app, user]

    def used_from_ms(self, app: str, user: str) -> dict[str, int]:
        """Returns the clicks that the oracle credits others with, and from when on this user cannot
        be credited with them."""
        used: dict[str, int] = {}
        for (place, other), each in _timelines(self).items() if self.rules.click_users_max else ():
            for it in each.attributions if place == app and other != user else ():
                if it.click_id is not None:
                    from_ms = it.time_ms + (other > user)
                    used[it.click_id] = min(from_ms, used.get(it.click_id, from_ms))
        return used


@lru_cache(maxsize=8)
def _timelines(world: World) -> dict[tuple[str, str], Timeline]:
    return timelines(world.calls, world.clicks, world.rules)


Choice = tuple[Any, ...]

VIEWS = ("c3", "c5", "c6")  # that may have been seen only
CLICK_IDS = tuple(f"c{number}" for number in range(8))
DEVICE_IDS = ((), ("d1",), ("d2",), ("D1 ",), ("d2", "d1"), (ZEROED,), ("undefined", "d2"))
NOWHERE = (PRIVATE, CARRIER_NAT, UNSPECIFIED, None)
DEVICES = (IPHONE, UPDATED_IPHONE, PIXEL, BOT, PROGRAM, None)
OF_TODAY = (
    IPHONE, NAMED_IPHONE, IPHONE_26, FROZEN_IPHONE, IPAD, SAFARI_SOMEWHERE, PIXEL, REDUCED, REDUCED,
)  # fmt: skip
ORIGINS = (SUMMER, WINTER, GOOGLE, NEWSLETTER)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """The ways in which users of a world are identified: the choices for the fields of calls and
    clicks.

    The clicks `lending` name no source.
    """

    calls_max: int
    users: Choice = ((SHOP, "ann"),)
    opens: Choice = (True, False)
    click_ids: Choice
    device_ids: Choice
    addresses: Choice
    devices: Choice = (IPHONE,)
    apps_of_clicks: Choice = (SHOP,)
    lending: Choice = ()
    device_ids_of_clicks: Choice
    addresses_of_clicks: Choice
    devices_of_clicks: Choice = (IPHONE,)


BY_EVERYTHING = Manner(
    calls_max=9,
    users=((SHOP, "ann"), (SHOP, "ann"), (SHOP, "ann"), (SHOP, "ben"), (SHOP, "c1"), (GAME, "ann")),
    click_ids=(None, None, None, *CLICK_IDS),
    device_ids=((), (), *DEVICE_IDS),
    addresses=(HOME, HOME, WORK, HOME_V6, *NOWHERE),
    devices=(IPHONE, IPHONE, *DEVICES),
    apps_of_clicks=(SHOP, SHOP, SHOP, SHOP, GAME, SANDBOX),
    lending=("c0", "c4"),
    device_ids_of_clicks=DEVICE_IDS,
    addresses_of_clicks=(HOME, HOME, WORK, HOME_V6_AT_LENGTH, *NOWHERE),
    devices_of_clicks=(IPHONE, IPHONE, *DEVICES),
)
BY_SIGHT = replace(
    BY_EVERYTHING,
    calls_max=3,
    users=((SHOP, "ann"),),
    click_ids=(None,),
    device_ids=((), (), (ZEROED,)),
    device_ids_of_clicks=((), (ZEROED,)),
    lending=("c0",),
)
IN_A_CROWD = replace(
    BY_SIGHT,
    addresses=(HOME, PRIVATE),
    addresses_of_clicks=(HOME, PRIVATE, CARRIER_NAT, UNSPECIFIED),
    devices=(IPHONE, BOT, PROGRAM),
    devices_of_clicks=(IPHONE, BOT, PROGRAM),
)
BY_LOAN = Manner(
    calls_max=3,
    click_ids=("c0", "c1", "c2", "c3"),
    device_ids=((), (), (), ("d2",)),
    addresses=(WORK, WORK, HOME_V6),
    lending=("c0", "c1", "c2", "c3"),
    device_ids_of_clicks=((), ("d1",), ("d3",), ("d1", "d2")),
    addresses_of_clicks=(HOME, HOME, WORK, None),
)
BY_RETURNING = Manner(
    calls_max=5,
    opens=(True, True, False),
    click_ids=(None, "c0", "c1", "c2", "c3"),
    device_ids=((), ("d1",)),
    addresses=(HOME, None),
    lending=("c0", "c1"),
    device_ids_of_clicks=(("d1",), ("d1",), ("d2",), ("d1", "d2")),
    addresses_of_clicks=(HOME, None),
)
OF_ONE_HOUSE = replace(
    BY_SIGHT,
    calls_max=7,
    users=((SHOP, "ann"), (SHOP, "ben"), (SHOP, "cleo"), (SHOP, "dan"), (GAME, "ann")),
    addresses=(HOME, HOME, HOME, WORK, None),
    addresses_of_clicks=(HOME, HOME, WORK),
    devices=OF_TODAY,
    devices_of_clicks=OF_TODAY,
)
OF_ONE_CONSTANT = replace(
    OF_ONE_HOUSE,
    click_ids=(None, None, "c0", "c1"),
    device_ids=((), ("d1",), ("D1 ",), ("d2", "d1")),
    device_ids_of_clicks=((), ("d1",), ("d1",), ("d1", "d2"), ("d2",)),
    lending=("c0", "c4", "c5"),
)
MANNERS = (
    OF_ONE_CONSTANT,
    OF_ONE_HOUSE,
    BY_EVERYTHING,
    BY_SIGHT,
    IN_A_CROWD,
    BY_LOAN,
    BY_RETURNING,
    BY_RETURNING,
)


@dataclass(frozen=True)
class Pace:
    """The distances between the facts of a world, in milliseconds, and the rules."""

    rules: st.SearchStrategy[Rules]
    steps: Choice


def _minutes(*counts: int) -> st.SearchStrategy[int]:
    return st.sampled_from([count * MINUTE_MS for count in counts])


MINUTES = Pace(
    st.builds(
        Rules,
        deterministic_ms=_minutes(3, 6),
        probabilistic_ms=_minutes(2, 4, 8),
        reattribution_ms=_minutes(3, 6),
        inactivity_ms=_minutes(0, 2, 4),
        timeout_ms=_minutes(1, 2, 4),
        devices_max=st.sampled_from((0, 1, 1, 2, 3)),
        users_max=st.sampled_from((1, 2, 100, 100)),
        view_device_ms=_minutes(0, 3, 6),
        view_address_ms=_minutes(0, 2, 4),
    ),
    tuple(minute * MINUTE_MS for minute in range(12)),
)
HOURS = Pace(
    st.builds(Rules, devices_max=st.sampled_from((1, 2, 3, 10))),
    tuple(quarter * 15 * MINUTE_MS for quarter in range(28)),
)
WEEKS = Pace(
    st.just(Rules()),
    tuple(week * 7 * DAY_MS + minute * MINUTE_MS for week in range(4) for minute in (0, 20, 30)),
)
PACES = (MINUTES, MINUTES, HOURS, WEEKS)
NEAR = st.sampled_from([0] * 8 + [-1, 1])  # milliseconds off the grid


def _times(steps: Choice) -> st.SearchStrategy[int]:
    begin_ms = MIDNIGHT_MS - 7 * MINUTE_MS
    return st.builds(lambda step, near: begin_ms + step + near, st.sampled_from(steps), NEAR)


# Cached, because to build and to validate a strategy costs as much as a draw from it.
@cache
def _calls(manner: Manner, steps: Choice) -> st.SearchStrategy[list[Call]]:
    return st.lists(_call(manner, steps), min_size=1, max_size=manner.calls_max)


def _call(manner: Manner, steps: Choice) -> st.SearchStrategy[Call]:
    return st.builds(
        lambda user, **told: Call(app=user[0], user=user[1], receipt="", **told),
        st.sampled_from(manner.users),
        time_ms=_times(steps),
        is_open=st.sampled_from(manner.opens),
        click_id=st.sampled_from(manner.click_ids),
        device_ids=st.sampled_from(manner.device_ids),
        address=st.sampled_from(manner.addresses),
        device=st.sampled_from(manner.devices),
    )


@cache
def _clicks(manner: Manner, steps: Choice) -> st.SearchStrategy[tuple[Click, ...]]:
    return st.tuples(*(_click(manner, steps, click_id) for click_id in CLICK_IDS))


def _click(manner: Manner, steps: Choice, click_id: str) -> st.SearchStrategy[Click]:
    return st.builds(
        partial(Click, id=click_id),
        app=st.sampled_from(manner.apps_of_clicks),
        time_ms=_times(steps),
        origin=st.none() if click_id in manner.lending else st.sampled_from(ORIGINS),
        device_ids=st.sampled_from(manner.device_ids_of_clicks),
        address=st.sampled_from(manner.addresses_of_clicks),
        device=st.sampled_from(manner.devices_of_clicks),
        is_view=st.sampled_from((False, False, click_id in VIEWS)),
    )


@cache
def _longer(times: int) -> tuple[Manner, ...]:
    return tuple(replace(manner, calls_max=times * manner.calls_max) for manner in MANNERS)


@st.composite
def worlds(draw: st.DrawFn, *, click_users: Choice = (0,), times: int = 1) -> World:
    """Draws a few users and clicks, around midnight UTC; most of the clicks before most of the
    calls. `click_users` are the numbers of users whom a click may be credited to; 0 is any. There
    may be so many `times` as many calls as usual."""
    manner = draw(st.sampled_from(MANNERS if times == 1 else _longer(times)))
    pace = draw(st.sampled_from(PACES))
    calls = draw(_calls(manner, pace.steps[3:]))
    numbers = draw(st.permutations(range(len(calls))))
    facts: list[Call | Click] = [
        replace(call, receipt=receipt(number)) for call, number in zip(calls, numbers, strict=True)
    ]
    facts += draw(_clicks(manner, pace.steps))
    rules = replace(draw(pace.rules), click_users_max=draw(st.sampled_from(click_users)))
    return World(rules, tuple(draw(st.permutations(facts))))
