"""Generates people who come to an app and use it: each journey is lines of an import.

Skewed as real traffic is: the time from click to first event has a median of 3 minutes and a 90th
percentile of 4 hours, few addresses own many clicks, and much that is sent proves nothing (private
and carrier addresses, zeroed device ids, crawlers, clicks that name no source).

A person depends on the seed and their number alone, so that two apps have the same people under
the same user ids.
"""

import math
import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

Line = dict[str, object]

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

START_MS = int(datetime(2025, 3, 1, tzinfo=UTC).timestamp()) * 1000
SPAN_DAYS = 45

LINKS = 12
SITES = ("newsletter", "blog.example", "search")

ZEROED = "00000000-0000-0000-0000-000000000000"
NOWHERE = ("10.0.0.7", "192.168.1.20", "100.64.3.9", "100.127.255.1", "0.0.0.0", "fe80::7")
OFFICES = 25
USER_AGENTS = (
    *(
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_{minor} like Mac OS X) AppleWebKit/605.1.15 "
        f"(KHTML, like Gecko) Version/17.{minor} Mobile/15E148 Safari/604.1"
        for minor in range(6)
    ),
    *(
        f"Mozilla/5.0 (Linux; Android {version}; {model}) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36"
        for version in (11, 12, 13, 14)
        for model in ("Pixel 8", "SM-S911B", "Redmi Note 12")
    ),
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PROGRAM = "okhttp/4.12.0"

MEDIAN_SECONDS = 180
NINTH_DECILE_SECONDS = 4 * 3600
_SIGMA = math.log(NINTH_DECILE_SECONDS / MEDIAN_SECONDS) / 1.2815515655446004


@dataclass(frozen=True)
class Person:
    """A generated person. `click_id` is of the click that an app's own server creates for them, if
    any."""

    user_id: str
    device_id: str
    device_kind: str
    user_agent: str
    address: str
    click_id: str


def person(seed: int, number: int) -> Person:
    chance = random.Random(f"{seed}/person/{number}")
    user_agent = chance.choice(USER_AGENTS)
    return Person(
        user_id=_uuid(chance).upper(),
        device_id=_uuid(chance),
        device_kind="idfa" if "iPhone" in user_agent else "gaid",
        user_agent=user_agent,
        address=f"25.{chance.randint(18, 19)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}",
        click_id=f"{chance.getrandbits(96):024x}",
    )


def click_to_event_ms(chance: random.Random) -> int:
    """Draws a log-normal time; nobody takes longer than twelve days."""
    seconds = chance.lognormvariate(math.log(MEDIAN_SECONDS), _SIGMA)
    return min(int(seconds * 1000), 12 * DAY_MS)


class Journeys:
    """The journeys of one app; `app` is its name in lower case."""

    def __init__(self, seed: int, app: str) -> None:
        self._seed = seed
        self._app = app
        self._chance = random.Random(f"{seed}/{app}")
        self._addresses = [
            f"203.{part // 250}.{part % 250}.{self._chance.randint(1, 254)}" for part in range(2000)
        ]
        self._weights = [1 / (rank + 1) for rank in range(len(self._addresses))]

    def journey(self, number: int) -> Iterator[Line]:
        """Returns everything that one person does, and the clicks made for them, in no order."""
        who, chance = person(self._seed, number), self._chance
        came = chance.choice(
            [self._by_click_id] * 4
            + [self._by_device] * 4
            + [self._by_address] * 4
            + [self._organic] * 4
            + [self._by_lender, self._by_strange_click, self._in_office] * 2
            + [self._nowhere]
        )
        at_ms = START_MS + chance.randrange(SPAN_DAYS * DAY_MS)
        sandbox: Line = {"environment": "sandbox"} if chance.random() < 0.02 else {}
        for line in came(who, at_ms):
            yield line | sandbox

    def stray_click(self) -> Line:
        """Returns a click that attributes nobody, as most clicks are."""
        chance = self._chance
        (address,) = chance.choices(self._addresses, self._weights)
        at_ms = START_MS + chance.randrange(SPAN_DAYS * DAY_MS)
        line = self._click(at_ms) | {"ip": address, "user_agent": chance.choice(USER_AGENTS)}
        if chance.random() < 0.05:
            line |= {"type": "impression"}
        if chance.random() < 0.05:
            line |= {"user_agent": CRAWLER}
        if chance.random() < 0.3:
            line |= {"device_ids": {"gaid": chance.choice([ZEROED, _uuid(chance)])}}
        return line

    # How a person arrives.

    def _by_click_id(self, who: Person, at_ms: int) -> Iterator[Line]:
        click = self._click(at_ms)
        click_id = click["click_id"] = self._new_click_id()
        yield click
        yield from self._rivals(who, at_ms)
        first_ms = at_ms + click_to_event_ms(self._chance)
        yield from self._use(who, first_ms, {"click_id": click_id})

    def _by_device(self, who: Person, at_ms: int) -> Iterator[Line]:
        ids: Line = {"device_ids": {who.device_kind: who.device_id}}
        yield self._click(at_ms) | ids | self._sight(who)
        yield from self._rivals(who, at_ms)
        yield from self._use(who, at_ms + click_to_event_ms(self._chance), ids)

    def _by_address(self, who: Person, at_ms: int) -> Iterator[Line]:
        yield self._click(at_ms) | self._sight(who)
        yield from self._rivals(who, at_ms)
        yield from self._use(who, at_ms + click_to_event_ms(self._chance), self._sight(who))

    def _organic(self, who: Person, at_ms: int) -> Iterator[Line]:
        yield from self._use(who, at_ms, self._sight(who))

    def _by_lender(self, who: Person, at_ms: int) -> Iterator[Line]:
        """Creates a click of the app's server for a visitor, who is then known by its id."""
        yield self._click(at_ms - self._chance.randrange(HOUR_MS)) | self._sight(who)
        yield {"type": "click", "time": at_ms, "click_id": who.click_id} | self._sight(who)
        known = Person(**{**vars(who), "user_id": who.click_id})
        yield from self._use(known, at_ms + self._chance.randrange(HOUR_MS), {})

    def _by_strange_click(self, who: Person, at_ms: int) -> Iterator[Line]:
        """Identifies the person by a click that this app never had: another app's, or nobody's."""
        known = Person(**{**vars(who), "user_id": who.click_id})
        yield from self._use(known, at_ms, self._sight(who))

    def _in_office(self, who: Person, at_ms: int) -> Iterator[Line]:
        """Puts the person behind one address with many others, most of whom have the same kind of
        phone."""
        office = self._chance.randrange(OFFICES)
        sight: Line = {
            "ip": f"192.0.2.{office + 1}",
            "user_agent": USER_AGENTS[office % 2],
        }
        if self._chance.random() < 0.5:
            yield self._click(at_ms) | sight
        yield from self._use(who, at_ms + click_to_event_ms(self._chance), sight)

    def _nowhere(self, who: Person, at_ms: int) -> Iterator[Line]:
        sight: Line = {"ip": self._chance.choice(NOWHERE), "user_agent": who.user_agent}
        ids: Line = {"device_ids": {"idfa": ZEROED}}
        yield self._click(at_ms) | sight | ids
        yield from self._use(who, at_ms + click_to_event_ms(self._chance), sight | ids)

    # What they do afterwards.

    def _use(self, who: Person, first_ms: int, known_by: Line) -> Iterator[Line]:
        chance = self._chance
        at_ms = first_ms
        if chance.random() < 0.1:  # first seen by something other than an open
            yield self._event(who, at_ms, "purchase") | known_by
            at_ms += chance.choice([0, 1, 5 * SECOND_MS, HOUR_MS])
        for visit in range(1 + int(chance.expovariate(1 / 2))):
            again = known_by if visit == 0 or chance.random() < 0.3 else {}
            at_ms = yield from self._visit(who, at_ms, again)
            at_ms += int(chance.expovariate(1 / (1.5 * DAY_MS)))
        if chance.random() < 0.08:  # charged at night, without a session
            yield self._event(who, at_ms + 30 * DAY_MS, "renewal")
        if chance.random() < 0.15:
            yield from self._return(who, at_ms)

    def _visit(self, who: Person, at_ms: int, known_by: Line) -> Generator[Line, None, int]:
        """Returns the time of the last thing that happens."""
        chance = self._chance
        yield {"type": "open", "time": at_ms, "user_id": who.user_id} | known_by
        for _ in range(int(chance.expovariate(1 / 2))):
            at_ms += chance.choice(
                [
                    0,
                    1,
                    *[int(chance.expovariate(1 / (4 * MINUTE_MS))) for _ in range(8)],
                    30 * MINUTE_MS - 1,
                    30 * MINUTE_MS,
                    30 * MINUTE_MS + 1,
                ]
            )
            kind = chance.choice(["purchase", "level", "level", "__open", "ad"])
            line = self._ad(who, at_ms) if kind == "ad" else self._event(who, at_ms, kind)
            yield line | (known_by if chance.random() < 0.3 else {})
        return at_ms

    def _return(self, who: Person, at_ms: int) -> Iterator[Line]:
        """Brings the person back after days away, through another link, sometimes on a new
        installation."""
        chance = self._chance
        back_ms = at_ms + chance.choice([6, 7, 7, 8, 12, 20]) * DAY_MS + chance.choice([-1, 0, 1])
        ids: Line = {"device_ids": {who.device_kind: who.device_id}}
        yield self._click(back_ms - click_to_event_ms(chance)) | ids | self._sight(who)
        yield {"type": "open", "time": back_ms, "user_id": who.user_id} | ids | self._sight(who)
        if chance.random() < 0.5:
            yield from self._visit(who, back_ms + chance.randrange(2 * DAY_MS), {})

    def _rivals(self, who: Person, at_ms: int) -> Iterator[Line]:
        """Adds other clicks of the same person: earlier, of the same millisecond, later."""
        chance = self._chance
        while chance.random() < 0.25:
            apart_ms = chance.choice([-DAY_MS, -HOUR_MS, -1, 0, 0, 1, MINUTE_MS, HOUR_MS])
            ids: Line = {"device_ids": {who.device_kind: who.device_id}}
            yield self._click(at_ms + apart_ms) | self._sight(who) | chance.choice([ids, {}])

    # Lines.

    def _click(self, at_ms: int) -> Line:
        """Returns a click through a link, named in either way, or from a source; with or without an
        id."""
        chance = self._chance
        line: Line = {"type": "click", "time": at_ms, "id": f"{chance.getrandbits(64):x}"}
        if chance.random() < 0.5:
            line["click_id"] = self._new_click_id()
        number = chance.randrange(LINKS)
        origin = chance.random()
        if origin < 0.5:
            return line | {"link": link_name(number)}
        if origin < 0.8:
            return line | dict(zip(("offer_id", "pub_id"), offer(self._app, number), strict=True))
        if origin < 0.9:
            return line | {"parameters": {"site": chance.choice(SITES)}}
        return line | {"parameters": {"gclid": f"{chance.getrandbits(64):x}"}}

    def _event(self, who: Person, at_ms: int, event_id: str) -> Line:
        chance = self._chance
        line: Line = {"type": "event", "time": at_ms, "user_id": who.user_id, "event_id": event_id}
        if chance.random() < 0.5:
            line["id"] = f"{chance.getrandbits(64):x}"
        if event_id in {"purchase", "renewal"}:
            amount = f"{chance.randrange(99, 9_999) / 100:.2f}"
            line |= {"sale_amount": amount, "sale_amount_currency": "EUR"}
        return line

    def _ad(self, who: Person, at_ms: int) -> Line:
        return {
            "type": "ad_revenue",
            "time": at_ms,
            "user_id": who.user_id,
            "sale_amount": f"{self._chance.randrange(1, 9_999) / 1_000_000:.6f}",
            "sale_amount_currency": "USD",
            "ad_network": self._chance.choice(["alpha", "beta"]),
            "ad_impressions": 1,
        }

    def _sight(self, who: Person) -> Line:
        user_agent = who.user_agent if self._chance.random() < 0.95 else PROGRAM
        return {"ip": who.address, "user_agent": user_agent}

    def _new_click_id(self) -> str:
        return f"{self._chance.getrandbits(96):024x}"


def link_name(number: int) -> str:
    return f"Link {number + 1}"


def offer(app: str, number: int) -> tuple[str, str]:
    """Returns the offer and publisher of a link; no two apps share one."""
    return f"{app}-{number // 4 + 1}", f"{number % 4 + 1}"


def _uuid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
