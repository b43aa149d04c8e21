"""What is sent: the request of a number, always the same for a seed."""

import random
from dataclasses import dataclass
from urllib.parse import urlencode

APP_TOKENS = {"quiet": "4w565xzmb54d", "noisy": "7k2mq9xvtr3c"}
EVENT_TOKEN = "f0ob4r"
POISON = "poison"  # the machine's database has a constraint of its own against it
WIDE_DEVICE = "aaaaaaaa-0000-4000-8000-000000000001"  # which many users' calls name
USERS = 300
WIDE_USERS = 200
_DAY_MS = 86_400_000
_STEP_MS = 37  # no two requests have the same time: what ties a tie would differ in a replay
_DAYS = 10
_RUN_REQUESTS_MAX = 60_000  # of senders between two kills of them
_AGENTS = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
)


@dataclass(frozen=True)
class Item:
    """One request. `key` names what it reports: an event by its idempotency key, a click by its
    `pub_click_id`. `tries_on` is a client that sends until it is acknowledged, `repeats` one that
    sends even then.
    """

    key: str
    app: str
    kind: str  # event, click, redirect, poison
    target: str
    tries_on: bool = False
    repeats: bool = False


def item_of(seed: int, run: int, number: int, base_ms: int) -> Item:
    """The request of the machine's usual mixture."""
    chance = random.Random(f"{seed}/{run}/{number}")
    key, time_ms = f"run{run}-{number}", _time_ms(run, number, base_ms)
    share = chance.random()
    if share < 0.11:
        return _click(chance, key, time_ms, is_redirect=share < 0.02)
    if share < 0.115:
        return _postback(chance, key, time_ms, event_id=POISON)
    if share < 0.20:
        return _adjust(chance, key, time_ms)
    if share < 0.28:
        return _postback(chance, key, time_ms, user="hot")
    if share < 0.34:
        user = f"wide-{chance.randrange(WIDE_USERS)}"
        return _postback(chance, key, time_ms, user=user, gaid=WIDE_DEVICE)
    return _postback(chance, key, time_ms)


def noisy_item(seed: int, run: int, number: int, base_ms: int) -> Item:
    """The request of an app that sends as much as it can."""
    chance = random.Random(f"noisy/{seed}/{run}/{number}")
    item = _postback(chance, f"run{run}-noisy-{number}", _time_ms(run, number, base_ms))
    return Item(item.key, "noisy", item.kind, item.target)


def _time_ms(run: int, number: int, base_ms: int) -> int:
    return base_ms + number % _DAYS * _DAY_MS + (number + run * _RUN_REQUESTS_MAX) * _STEP_MS


def _device_of(user: str) -> str:
    return f"{random.Random(user).getrandbits(128):032x}"


def _address_of(user: str) -> str:
    return f"203.0.113.{random.Random(user).randrange(1, 250)}"


def _agent_of(user: str) -> str:
    return random.Random(user).choice(_AGENTS)


def _postback(
    chance: random.Random,
    key: str,
    time_ms: int,
    event_id: str = "",
    user: str = "",
    gaid: str = "",
) -> Item:
    user = user or f"user-{chance.randrange(USERS)}"
    named = event_id or chance.choice(("purchase", "purchase", "renewal", "__open", "level"))
    fields = {
        "user_id": user, "event_id": named, "event_time": time_ms, "idempotency_key": key,
        "user_ip": _address_of(user), "user_ua": _agent_of(user),
        "gaid": gaid or _device_of(user),
    }  # fmt: skip
    if named in {"purchase", "renewal"}:
        fields |= {"sale_amount": f"{chance.randrange(1, 9_999) / 100}"}
        fields |= {"sale_amount_currency": chance.choice(("EUR", "USD"))}
    kind = "poison" if named == POISON else "event"
    return _item(chance, key, kind, f"/postback?{urlencode(fields)}")


def _adjust(chance: random.Random, key: str, time_ms: int) -> Item:
    user = f"device-{chance.randrange(USERS)}"
    fields = {
        "s2s": 1, "app_token": APP_TOKENS["quiet"], "event_token": EVENT_TOKEN,
        "gps_adid": _device_of(user), "created_at_unix": time_ms, "idempotency_key": key,
        "revenue": f"{chance.randrange(1, 999) / 100}", "currency": "EUR",
    }  # fmt: skip
    return _item(chance, key, "event", f"/event?{urlencode(fields)}")


def _click(chance: random.Random, key: str, time_ms: int, *, is_redirect: bool) -> Item:
    """A click is one more click each time that it is sent: nobody sends it again."""
    user = f"user-{chance.randrange(USERS)}"
    if is_redirect:  # by its person, now: it has no evidence that ties it to anybody
        fields: dict[str, object] = {"offer_id": 1, "pub_id": 1, "pub_click_id": key}
        return Item(key, "quiet", "redirect", f"/click?{urlencode(fields)}")
    fields = {
        "offer_id": 1, "pub_id": 1, "no_redirect": "true", "pub_click_id": key,
        "event_time": time_ms, "user_ip": _address_of(user), "user_ua": _agent_of(user),
        "campaign": f"campaign-{chance.randrange(3)}",
    }  # fmt: skip
    if chance.random() < 0.5:
        is_wide = chance.random() < 0.04
        fields["gaid"] = WIDE_DEVICE if is_wide else _device_of(user)
    return Item(key, "quiet", "click", f"/click?{urlencode(fields)}")


def _item(chance: random.Random, key: str, kind: str, target: str) -> Item:
    return Item(key, "quiet", kind, target, chance.random() < 0.6, chance.random() < 0.05)
