"""A click from a browser and an app's call from the same address, as their rows are decided."""

import random
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.fresh import fresh
from workers.decisions.derive import derive
from workers.facts.record import record

HOME = "8.8.8.8"
MINUTE_MS = 60_000
REDUCED = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36"
)
FROZEN = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
)
SAFARI_17 = FROZEN.replace("18_6", "17_5").replace("26.0", "17.5")
CHROME_14 = REDUCED.replace("Android 10; K", "Android 14; Pixel 8")
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537"
DALVIK = "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UD1A.231105.004)"

_IN_FORCE = """
SELECT user_id, rule, certainty, compared FROM attributions JOIN users ON users.id = user_ref
WHERE superseded_at IS NULL ORDER BY user_id
"""


def click(at_ms: int, user_agent: str, **changes: Any) -> Event:
    receipt = new_receipt(at_ms)
    usual: dict[str, Any] = {"link_id": 1, "ip_address": HOME, "event_id": "", "user_id": ""}
    named = {"receipt": receipt, "click_id": click_id_of(receipt), "kind": Kind.CLICK}
    return fresh(event_time_ms=at_ms, user_agent=user_agent, **{**usual, **named, **changes})


def opened(user: str, at_ms: int, **changes: Any) -> Event:
    told = {"ip_address": HOME, "kind": Kind.OPEN, "event_id": "__open", **changes}
    return fresh(user_id=user, event_time_ms=at_ms, **told)


def store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


def described(os: str, version: str, name: str) -> dict[str, str]:
    return {"os_name": os, "os_version": version, "device_name": name}


@pytest.mark.parametrize(
    ("clicked", "sent", "certainty"),
    [
        (REDUCED, {"parameters": described("android", "14", "Pixel 8")}, "low"),
        (REDUCED, {"user_agent": DALVIK}, "low"),
        (FROZEN, {"parameters": described("ios", "26.0", "iPhone17,1")}, "medium"),
        (FROZEN, {"parameters": described("ios", "18.6", "iPhone12,1")}, None),
        (
            SAFARI_17,
            {
                "parameters": described("ios", "17.5", "iPhone17,1"),
                "user_agent": "Shop/12 CFNetwork/1494.0.7 Darwin/23.4.0",
            },
            "medium",
        ),
        (CHROME_14, {"parameters": {"os_name": "android", "os_version": "14.0"}}, "medium"),
        (WINDOWS, {"parameters": {"os_name": "windows", "os_version": "11"}}, "low"),
        (CHROME_14, {"parameters": described("android", "14", "not_available")}, "medium"),
        (CHROME_14, {"parameters": described("android", "{os_version}", "__MODEL__")}, "low"),
        (
            CHROME_14,
            {"parameters": described("\u200bandroid ", " 34\ufeff", "(not set)")},
            "medium",
        ),
        (
            CHROME_14.replace("Pixel 8", "{device_model}"),
            {"parameters": described("android", "14", "Pixel 8")},
            "medium",
        ),
        (
            CHROME_14.replace("Pixel 8", "M2101K6G"),
            {"parameters": described("android", "14", "Redmi Note 10 Pro")},
            "medium",
        ),
        (
            CHROME_14.replace("Pixel 8", "HarmonyOS; NOH-AN00; HMSCore 6.13"),
            {"parameters": described("HarmonyOS", "4.0.0", "NOH-AN00")},
            "high",
        ),
        (CHROME_14, {"user_agent": "Shop-Android/4.2.1 Android/34 okhttp/4.12.0"}, "medium"),
        (CHROME_14, {"parameters": {"os_name": "Android OS 14 / API-34 (UP1A/S9)"}}, "medium"),
        (
            CHROME_14.replace("Pixel 8", "WP9"),
            {"parameters": described("android", "14", "X5")},
            None,
        ),
    ],
)
@pytest.mark.parametrize("click_first", [True, False])
def test_a_phones_browser_and_its_app_are_one_device(
    connection: Connection,
    clicked: str,
    sent: dict[str, Any],
    certainty: str | None,
    *,
    click_first: bool,
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    at_ms = now_ms() - 10 * MINUTE_MS
    facts = [click(at_ms, clicked), opened("user", at_ms + MINUTE_MS, **sent)]
    for fact in facts if click_first else reversed(facts):
        store(connection, fact)

    ((_, rule, found, compared),) = connection.execute(_IN_FORCE).fetchall()

    assert (rule, found) == ("address_and_device" if certainty else "organic", certainty)
    assert (compared or "platform same").startswith("platform same")


@pytest.mark.parametrize(
    ("clicked", "opened_at"),
    [(HOME, f"::ffff:{HOME}"), (f"::FFFF:{HOME}", HOME), ("2001:DB8::1", "2001:db8:0::1")],
)
def test_two_spellings_of_one_address_are_one_place(
    connection: Connection, clicked: str, opened_at: str
) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    store(connection, click(at_ms, DALVIK, ip_address=clicked))
    store(connection, opened("user", at_ms + 1, user_agent=DALVIK, ip_address=opened_at))

    assert [row[1] for row in connection.execute(_IN_FORCE)] == ["address_and_device"]


@pytest.mark.parametrize(
    ("clicked", "opened_at"), [("198.18.0.7", "198.18.0.7"), (HOME, "8.8.8.9")]
)
def test_an_address_of_many_and_a_neighbours_address_match_nobody(
    connection: Connection, clicked: str, opened_at: str
) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    store(connection, click(at_ms, DALVIK, ip_address=clicked))
    store(connection, opened("user", at_ms + 1, user_agent=DALVIK, ip_address=opened_at))

    assert [row[1] for row in connection.execute(_IN_FORCE)] == ["organic"]


@pytest.mark.parametrize("seed", range(6))
def test_behind_a_crowded_address_the_same_few_are_credited_in_any_order(
    connection: Connection, seed: int
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    at_ms = now_ms() - 60 * MINUTE_MS
    pixel = {"parameters": described("android", "14", "Pixel 8")}
    facts = [click(at_ms, REDUCED)]
    facts += [opened(f"u{n:02}", at_ms + n * MINUTE_MS, **pixel) for n in range(1, 13)]
    facts += [opened("u12", at_ms + 1, ip_address="9.9.9.9"), opened("u01", at_ms + 30_000)]
    random.Random(seed).shuffle(facts)
    while facts:
        size = random.Random(len(facts) + seed).choice((1, 2, 5))
        store(connection, *facts[:size])
        del facts[:size]

    rules = {user: rule for user, rule, *_ in connection.execute(_IN_FORCE)}

    credited = [user for user, rule in rules.items() if rule == "address_and_device"]
    assert credited == ["u02", "u03"]  # u01's first moment tells no device, and counts as one


def test_a_row_from_before_the_forms_were_told_apart_is_matched(connection: Connection) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    at_ms = now_ms() - 10 * MINUTE_MS
    record(connection, [click(at_ms, REDUCED)])
    connection.execute("UPDATE clicks SET device_family = 'K', device_version = '10'")

    pixel = described("android", "14", "Pixel 8")
    store(connection, opened("user", at_ms + 1, parameters=pixel))

    assert [row[1] for row in connection.execute(_IN_FORCE)] == ["address_and_device"]
