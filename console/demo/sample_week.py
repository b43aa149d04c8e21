"""Generates a week of made-up history for an app, so that the console's pages have data to show.

The random numbers are the same each time, and the times lead up to a given moment. The history is
written as lines of an import, so it is stored in the same way as the history of a real app.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from console.actor import Actor
from console.apps.apps import App, create_app
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.importer.imports import Import
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token
from console.security.tokens import deactivate_token
from shared.imports.line_import import ImportLimits, ImportResult
from shared.imports.line_reader import FileLine
from shared.rules import DAY_MS, HOUR_MS, MINUTE_MS
from shared.scopes import Scope

APP = "Hayride"
USERS = 600
DAYS = 7
LINKS = (
    ("Northwind", "Spring sale"),
    ("Northwind", "Retargeting"),
    ("Meridian Ads", "Launch video"),
    ("Podcast Guild", "Episode 12"),
)
EVENT_TYPES = (("registration", "Registration"), ("level_up", "Level up"), ("purchase", "Purchase"))
_SITES = (("newsletter", "november"), ("search", "brand"))
_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0 Mobile",
)
_PRICES = (("4.99", "EUR"), ("9.99", "EUR"), ("4.99", "USD"), ("19.99", "USD"), ("3.99", "GBP"))
# What a sender reports as the country, with its weight; '' is a sender that reports none.
_COUNTRIES = (("DE", 9), ("FR", 5), ("US", 5), ("BR", 3), ("JP", 2), ("", 2))
_RETURNS = (0.45, 0.33, 0.27, 0.24, 0.21, 0.2)  # probability of a return after 1, 2, ... days


@dataclass(frozen=True)
class _User:
    user_id: str
    ip: str
    agent: str
    first_ms: int
    country: str


def create_sample_app(resources: Resources, actor: Actor) -> App:
    """Creates the app with its links, event types and tokens."""
    app = create_app(resources, actor, APP)
    for partner, name in LINKS:
        create_link(resources, actor, app, NewLink(partner, name, "https://hayride.example/"))
    for mapping_id, name in EVENT_TYPES:
        create_event_type(resources, actor, app, NewEventType(mapping_id, name))
    backend = NewToken("backend", (Scope.EVENTS, Scope.SESSIONS))
    create_token(resources, actor, app, backend)
    create_token(resources, actor, app, NewToken("ad mediation", (Scope.AD_REVENUE,)))
    create_token(resources, actor, app, NewToken("staging", test=True))
    create_token(resources, actor, app, NewToken("agency, until October"))
    deactivate_token(resources, actor, app, "agency, until October")
    return app


def import_week(
    resources: Resources, actor: Actor, app: App, now_ms: int, limits: ImportLimits
) -> ImportResult:
    """Imports the sample week. Raises OperatorError as `Import.run` does."""
    lines = (
        FileLine(number, msgspec.json.encode(line), 0)
        for number, line in enumerate(sample_lines(now_ms), start=1)
    )
    return Import(resources, actor, app, limits).run(lines, now_ms)


def sample_lines(now_ms: int) -> Iterator[dict[str, Any]]:
    """Yields lines of an import in no particular order, none of them later than `now_ms`."""
    chance = random.Random(7)  # noqa: S311 - sample data, the same each time
    for number in range(USERS):
        user = _user(chance, number, now_ms)
        lines = [*_clicks(chance, user, number), *_session(chance, user, user.first_ms, first=True)]
        for day, probability in enumerate(_RETURNS, start=1):
            if chance.random() < probability:
                start_ms = user.first_ms + day * DAY_MS + int(chance.gauss(0, 3) * HOUR_MS)
                if start_ms < now_ms:
                    lines += _session(chance, user, start_ms, first=False)
        yield from (line for line in lines if line["time"] <= now_ms)


def _user(chance: random.Random, number: int, now_ms: int) -> _User:
    """Generates a user; more of them start on the later days, and in the evening."""
    day = DAYS * chance.random() ** 0.7
    first_ms = now_ms - DAYS * DAY_MS + int(day * DAY_MS)
    countries, weights = zip(*_COUNTRIES, strict=True)
    evening_ms = int(chance.triangular(6, 24, 20) * HOUR_MS)
    return _User(
        user_id=f"{number:04d}-{chance.randrange(16**8):08X}",
        ip=f"198.51.{number // 200}.{number % 200 + 1}",
        agent=chance.choice(_AGENTS),
        first_ms=first_ms - first_ms % DAY_MS + evening_ms,
        country=chance.choices(countries, weights)[0],
    )


def _clicks(chance: random.Random, user: _User, number: int) -> Iterator[dict[str, Any]]:
    """Yields the clicks before a user's first event.

    These are the click that the user is attributed to, if any, some minutes before, and an earlier
    one that loses to it.
    """
    device = {"ip": user.ip, "user_agent": user.agent}
    kind = chance.random()
    if kind < 0.45:
        return
    before_ms = user.first_ms - chance.randrange(2, 90) * MINUTE_MS
    click: dict[str, Any] = {"type": "click", "time": before_ms, "click_id": f"c{number}", **device}
    if kind < 0.85:
        weights = (5, 2, 4, 1)
        (link,) = chance.choices([name for _, name in LINKS], weights)
        yield {**click, "link": link}
        if chance.random() < 0.2:
            earlier = before_ms - chance.randrange(1, 4) * HOUR_MS
            yield {**click, "time": earlier, "click_id": f"e{number}", "link": LINKS[2][1]}
        return
    site, campaign = chance.choice(_SITES)
    yield {**click, "parameters": {"site": site, "campaign": campaign}}


def _session(
    chance: random.Random, user: _User, start_ms: int, *, first: bool
) -> Iterator[dict[str, Any]]:
    common: dict[str, Any] = {"user_id": user.user_id, "ip": user.ip, "user_agent": user.agent}
    if user.country:
        common["parameters"] = {"country": user.country}
    at = start_ms
    yield {"type": "open", "time": at, **common}
    if first and chance.random() < 0.7:
        at += chance.randrange(1, 4) * MINUTE_MS
        yield {"type": "event", "event_id": "registration", "time": at, **common}
    for _ in range(chance.randrange(4)):
        at += chance.randrange(1, 9) * MINUTE_MS
        value = str(chance.randrange(1, 12))
        yield {
            "type": "event",
            "event_id": "level_up",
            "time": at,
            **common,
            "aggregated_event_value": value,
        }
    if chance.random() < 0.09:
        at += MINUTE_MS
        amount, currency = chance.choice(_PRICES)
        money = {"sale_amount": amount, "sale_amount_currency": currency}
        yield {"type": "event", "event_id": "purchase", "time": at, **money, **common}
    if chance.random() < 0.3:
        at += MINUTE_MS
        money = {"sale_amount": f"0.00{chance.randrange(10, 60)}", "sale_amount_currency": "USD"}
        advert = {"ad_network": chance.choice(("alpha", "beta")), "ad_unit": "banner"}
        yield {"type": "ad_revenue", "time": at, **money, **advert, **common}
    if chance.random() < 0.02:
        yield {"type": "event", "event_id": "share_photo", "time": at + MINUTE_MS, **common}
