"""Worlds as the laws of figures need them: with money, links of partners, and zones of apps."""

from collections.abc import Sequence
from random import Random
from uuid import UUID

import msgspec

from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import receipt_floor
from tests.integration.workers.deliveries import as_events, stage
from tests.support.worlds import World


def stage_earning(connection: Connection, together: Sequence[World], random: Random) -> list[Event]:
    """Makes the apps of worlds and returns their events, received in time and with money."""
    stages = [stage(connection, each) for each in together]
    own_one_link(connection, stages[0].places["shop"][0])
    return [
        with_money(received_in_time(event), random)
        for each in zip(together, stages, strict=True)
        for event in as_events(*each)
    ]


def move(connection: Connection, app_id: int, zone: str) -> None:
    """Changes the time zone of an app, so long ago that workers follow at once."""
    statement = "UPDATE apps SET time_zone = %s, time_zone_at = '2000-01-01' WHERE id = %s"
    connection.execute(statement, (zone, app_id))


def own_one_link(connection: Connection, app_id: int) -> None:
    """Worlds know the links 7 and 8: one gets a partner, the other is nobody's."""
    connection.execute(
        "INSERT INTO links (id, app_id, partner_id, name, offer_id, pub_id, destination)"
        " OVERRIDING SYSTEM VALUE SELECT 7, %s, id, 'Summer', '7', '7', 'https://shop.example/'"
        " FROM partners ON CONFLICT DO NOTHING",
        (app_id,),
    )


def received_in_time(event: Event) -> Event:
    """Ingest takes nothing from more than a day ahead: a receipt is not older than that."""
    low_bits = event.receipt.int & ((1 << 80) - 1)
    receipt = UUID(int=receipt_floor(event.happened_at_ms).int | low_bits)
    return msgspec.structs.replace(event, receipt=receipt)


def with_money(event: Event, random: Random) -> Event:
    """Amounts in currencies, values, campaigns, countries, and a key that some events share."""
    if event.kind is Kind.CLICK:
        named = random.choice(
            ({}, {"campaign": "summer "}, {"campaign": "winter", "pub_sub_id": "site-4 "})
        )
        return msgspec.structs.replace(event, parameters={**event.parameters, **named})
    earned = {"kind": Kind.AD_REVENUE, "event_id": "__ad_revenue"}
    return msgspec.structs.replace(
        event,
        **(earned if event.kind is Kind.EVENT and random.random() < 0.3 else {}),
        sale_amount=random.choice((None, "0.10", "-3.5", "12")),
        sale_amount_currency=random.choice((None, "EUR", "USD")),
        aggregated_event_value=random.choice((None, "1.25")),
        sdk=random.choice((None, None, "js5.8.3")),
        parameters={
            **event.parameters,
            **random.choice(({}, {"country": "de"}, {"country": "FR"})),
        },
        idempotency_key=random.choice((None, None, f"{event.app_id} {random.randrange(9)}")),
    )
