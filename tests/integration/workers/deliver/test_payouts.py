"""A partner is told what it is paid: the price of its link on the day of what happened."""

from datetime import UTC, datetime

import pytest

from shared.clock import now_ms
from shared.ids import new_receipt
from tests.integration.workers.deliver.conftest import Office

QUERY = (
    "p={payout}&c={payout_currency}&usd=#{payout.theyGetInDollars}"
    "&exact=#{payout.theyGetInDollarsExact}&cents=#{payout.theyGetInCents}"
)
LINK, TYPE = 71, 72
PRICES = (
    ("install", "", "2026-11-01", "1.20", "USD"),
    ("install", "", "2026-11-10", "0.125", "USD"),
    ("install", "", "2026-11-20", "0", "USD"),
    ("event", str(TYPE), "2026-11-05", "3.5", "EUR"),
    ("event", "__open", "2026-11-05", "0.01", "USD"),
    ("click", "", "2026-11-05", "0.004", "USD"),
)


@pytest.fixture
def priced(office: Office) -> Office:
    run = office.connection.execute
    run("INSERT INTO partners (id, name) OVERRIDING SYSTEM VALUE VALUES (70, 'Acme')")
    run(
        "INSERT INTO links (id, app_id, partner_id, name, offer_id, pub_id, destination)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, 70, 'one', '7', '7', 'https://x.example')",
        (LINK, office.app_id),
    )
    run(
        "INSERT INTO event_types (id, app_id, name, mapping_id, event_token)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'Purchase', 'purchase', 'purchase')",
        (TYPE, office.app_id),
    )
    for per, event, since, amount, currency in PRICES:
        run(
            "INSERT INTO link_prices (link_id, per, event, since, amount, currency)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (LINK, per, event, since, amount, currency),
        )
    return office


def due(office: Office, endpoint: int, activity: str, day: str, link: int | None = LINK) -> None:
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    receipt = new_receipt(now_ms())
    if activity in {"event", "session"}:
        office.connection.execute(
            "INSERT INTO events (receipt, app_id, token_id, environment, kind, endpoint, user_id,"
            " event_id, event_type_id, unmapped, event_time, received_at, device_ids, parameters)"
            " VALUES (%s, %s, 1, 'production', %s, '/postback', 'u', 'x', %s, false, %s, now(),"
            " '{}', '{}')",
            (
                receipt,
                office.app_id,
                "event" if activity == "event" else "open",
                TYPE if activity == "event" else None,
                at,
            ),
        )
    office.connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, origin_kind, origin)"
        " VALUES (%s, %s, %s, 'production', %s, %s, %s, 'waiting', %s, %s)",
        (
            *(new_receipt(now_ms()), endpoint, office.app_id, activity, receipt, at),
            *(("link", str(link)) if link else (None, None)),
        ),
    )


@pytest.mark.parametrize(
    ("activity", "day", "query"),
    [
        ("install", "2026-10-31", "p=&c=&usd=&exact=&cents="),
        ("install", "2026-11-01", "p=1.2&c=USD&usd=1.20&exact=1.2&cents=120"),
        ("install", "2026-11-10", "p=0.125&c=USD&usd=0.13&exact=0.125&cents=13"),
        ("install", "2026-11-20", "p=0&c=USD&usd=0.00&exact=0&cents=0"),
        ("event", "2026-11-06", "p=3.5&c=EUR&usd=&exact=&cents="),
        ("session", "2026-11-06", "p=0.01&c=USD&usd=0.01&exact=0.01&cents=1"),
        ("click", "2026-11-06", "p=0.004&c=USD&usd=0.00&exact=0.004&cents=0"),
        ("reattribution", "2026-11-06", "p=&c=&usd=&exact=&cents="),
    ],
)
def test_the_payout_is_the_price_of_the_day(
    priced: Office, activity: str, day: str, query: str
) -> None:
    url = f"http://receiver.example:{priced.receiver.port}/200?{QUERY}"
    due(priced, priced.endpoint("200", url=url), activity, day)

    priced.deliver()

    assert priced.receiver.targets() == [f"/200?{query}"]


def test_what_is_not_paid_for_is_withheld_until_a_price_is_set(priced: Office) -> None:
    endpoint = priced.endpoint("200", payout_only=True)
    for day in ("2026-10-31", "2026-11-01", "2026-11-20"):
        due(priced, endpoint, "install", day)
    due(priced, endpoint, "install", "2026-11-01", link=None)

    priced.deliver()

    withheld, told = ("withheld", 0, "no_payout"), ("delivered", 1, None)
    assert sorted(priced.states().values()) == [told, withheld, withheld, withheld]
    assert priced.outcomes() == [("delivered", 200)]  # nothing was sent, and no attempt is shown

    priced.connection.execute(
        "UPDATE link_prices SET since = '2026-10-01' WHERE amount = 1.2 AND per = 'install'"
    )
    priced.connection.execute("UPDATE callbacks SET state = 'waiting' WHERE state = 'withheld'")
    priced.deliver()

    assert sorted(priced.states().values()) == [told, told, withheld, withheld]
    assert max(priced.receiver.ids.values()) == 1
