"""Worlds as they reach the drain: as events, in some order, in batches, some of them twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import TypeVar
from uuid import UUID

from shared.database import Connection
from shared.events import Environment, Event, Kind
from tests.support.build import event
from tests.support.oracle import Call, Click, Device
from tests.support.worlds import (
    BOT,
    FROZEN_IPHONE,
    GAME,
    GOOGLE,
    IPAD,
    IPHONE,
    IPHONE_26,
    NAMED_IPHONE,
    NEWSLETTER,
    PIXEL,
    PROGRAM,
    REDUCED,
    SAFARI_SOMEWHERE,
    SANDBOX,
    SHOP,
    UPDATED_IPHONE,
    World,
    receipt,
)

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) AppleWebKit/605.1.15 {}"
IN_SAFARI = "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
IN_AN_APP = "(KHTML, like Gecko) Mobile/15E148"
CHROME = "Mozilla/5.0 (Linux; Android {}) AppleWebKit/537.36 (KHTML, like Gecko) {} Safari/537.36"
CRAWLER = CHROME.format(
    "6.0.1; Nexus 5X Build/MMB29P",
    "Chrome/124.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html)",
)

INSTAGRAM = SAFARI.format(
    "17_4", "(KHTML, like Gecko) Mobile/15E148 Instagram 267.0 (iPhone15,2; iOS 17_4; ro_RO; ro)"
)
IPAD_APP = "ReutersNews/6.0.3 iPad13,4 iPadOS/17.4.1 CFNetwork/1.0 Darwin/23.4.0"
DESKTOP_SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15"
)

# What a click's browser and an event's app say of the same device.
USER_AGENTS: dict[Device | None, tuple[str | None, str | None]] = {
    IPHONE: (SAFARI.format("17_4", IN_SAFARI), SAFARI.format("17_4", IN_AN_APP)),
    UPDATED_IPHONE: (SAFARI.format("17_5", IN_SAFARI), SAFARI.format("17_5", IN_AN_APP)),
    PIXEL: (
        CHROME.format("14; Pixel 8", "Chrome/124.0.0.0 Mobile"),
        CHROME.format("14; Pixel 8 Build/AP1A; wv", "Version/4.0 Chrome/120.0.0.0 Mobile"),
    ),
    NAMED_IPHONE: (INSTAGRAM, INSTAGRAM),
    IPHONE_26: (
        SAFARI.format("18_6", IN_SAFARI.replace("17.4", "26.0")),
        "Shop/12 (iPhone; iOS 26.0.1; Scale/3.00)",
    ),
    FROZEN_IPHONE: (SAFARI.format("18_6", IN_AN_APP), SAFARI.format("18_6", IN_AN_APP)),
    IPAD: (IPAD_APP, IPAD_APP),
    SAFARI_SOMEWHERE: (DESKTOP_SAFARI, DESKTOP_SAFARI),
    REDUCED: (CHROME.format("10; K", "Chrome/131.0.0.0 Mobile"), "Shop/4 (Android API 33)"),
    BOT: (CRAWLER, CRAWLER),
    PROGRAM: ("okhttp/4.12.0", "okhttp/4.12.0"),
    None: (None, ""),
}
PARAMETERS = {
    None: {"campaign": "undefined"},
    GOOGLE: {"gclid": "Cj0KCQ", "site": "ads.example"},
    NEWSLETTER: {"site": "newsletter"},
}

Place = tuple[int, Environment]  # an app, and the environment of its facts


@dataclass(frozen=True)
class Stage:
    """A world with apps of its own in the database. `mark` ends the receipts of its calls."""

    places: dict[str, Place]
    mark: str

    def marked(self, of_world: str) -> UUID:
        return UUID(of_world[: -len(self.mark)] + self.mark)

    def unmarked(self, marked: UUID) -> str:
        return str(marked)[: -len(self.mark)] + "0" * len(self.mark)


_marks = count(1)


def stage(connection: Connection, world: World) -> Stage:
    """Makes the apps, with the world's rules."""
    mark = f"{next(_marks):012x}"
    shop, game = (_make_app(connection, f"{name} {mark}", world) for name in (SHOP, GAME))
    places = {
        SHOP: (shop, Environment.PRODUCTION),
        SANDBOX: (shop, Environment.SANDBOX),
        GAME: (game, Environment.PRODUCTION),
    }
    return Stage(places, mark)


def _make_app(connection: Connection, name: str, world: World) -> int:
    rules = world.rules
    row = connection.execute(
        "INSERT INTO apps (name, app_token, click_deterministic_ms, click_probabilistic_ms,"
        " reattribution_window_ms, inactivity_ms, session_timeout_ms, uncertain_devices_max,"
        " identifier_users_max, view_device_id_ms, view_probabilistic_ms, click_users_max)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            name,
            name,
            rules.deterministic_ms,
            rules.probabilistic_ms,
            rules.reattribution_ms,
            rules.inactivity_ms,
            rules.timeout_ms,
            rules.devices_max,
            rules.users_max,
            rules.view_device_ms,
            rules.view_address_ms,
            rules.click_users_max,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def as_events(world: World, stage: Stage) -> list[Event]:
    """In the order of the world's facts. The receipts of clicks are larger than those of calls."""
    return [
        _as_event(fact, stage) if isinstance(fact, Call) else _as_click(fact, number, stage)
        for number, fact in enumerate(world.facts)
    ]


def _as_event(call: Call, stage: Stage) -> Event:
    app_id, environment = stage.places[call.app]
    return event(
        receipt=stage.marked(call.receipt),
        app_id=app_id,
        environment=environment,
        kind=Kind.OPEN if call.is_open else Kind.EVENT,
        user_id=call.user,
        event_id="__open" if call.is_open else "purchase",
        event_time_ms=call.time_ms,
        click_id=call.click_id,
        device_ids=dict(zip(("idfv", "android_id"), call.device_ids, strict=False)),
        ip_address=call.address,
        user_agent=USER_AGENTS[call.device][1],
    )


def _as_click(click: Click, number: int, stage: Stage) -> Event:
    app_id, environment = stage.places[click.app]
    through_link = click.origin is not None and click.origin[0] == "link"
    return event(
        receipt=stage.marked(receipt(0x800 + number)),
        app_id=app_id,
        token_id=0,
        environment=environment,
        kind=Kind.IMPRESSION if click.is_view else Kind.CLICK,
        endpoint="/impression" if click.is_view else "/click",
        user_id="",
        event_id="",
        event_time_ms=click.time_ms,
        click_id=click.id,
        link_id=int(click.origin[1]) if click.origin and through_link else None,
        parameters={} if through_link else PARAMETERS[click.origin],
        device_ids=dict(zip(("android_id", "idfv"), click.device_ids, strict=False)),
        ip_address=click.address,
        user_agent=USER_AGENTS[click.device][0],
    )


Batch = Sequence[Event]


def shuffled(events: Sequence[Event], random: Random) -> list[list[Batch]]:
    """Any order, any borders, some events and some batches again; in waves, each drained before
    the next one comes."""
    order = [*events, *random.choices(events, k=random.randrange(4))]
    random.shuffle(order)
    batches: list[Batch] = [*_cut(order, random, longest=random.choice((1, 3, 9)))]
    batches += random.choices(batches, k=random.randrange(3))
    random.shuffle(batches)
    return _cut(batches, random, longest=random.choice((2, 9)))


Piece = TypeVar("Piece")


def _cut(pieces: Sequence[Piece], random: Random, longest: int) -> list[list[Piece]]:
    cut = []
    rest = list(pieces)
    while rest:
        length = random.randint(1, longest)
        cut.append(rest[:length])
        rest = rest[length:]
    return cut
