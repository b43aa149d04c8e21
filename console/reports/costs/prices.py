"""Prices of links: what each click, impression, install or event through a link costs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.links import Link
from console.audit import Action, Change, record_change
from console.reports.costs.cost_file import amount_of, currency_code
from console.reports.names import read_names
from shared.database import Connection, run, transaction
from shared.errors import OperatorError

PRICES_MAX = 100  # of one link, so that a report reads a few


class PricedBy(StrEnum):
    """What a price is paid for."""

    CLICK = "click"
    IMPRESSION = "impression"
    INSTALL = "install"
    EVENT = "event"


@dataclass(frozen=True)
class NewPrice:
    """A price from the day `since` (UTC) on, until the next of the same kind; 0 ends it.

    `event` names the event type that is paid for, and only that kind has one.
    """

    per: PricedBy
    amount: Decimal
    currency: str
    since: date
    event: str = ""


@dataclass(frozen=True)
class Price:
    """A stored price of a link, from a day on."""

    link: str
    per: str
    event: str
    since: date
    amount: Decimal
    currency: str


_SET = """
INSERT INTO link_prices (link_id, per, event, since, amount, currency)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (link_id, per, event, since) DO UPDATE SET
    amount = excluded.amount, currency = excluded.currency
"""
_LIST = """
SELECT links.name, per, event, since, amount, currency
FROM link_prices JOIN links ON links.id = link_id
WHERE app_id = %s AND (%s::bigint IS NULL OR link_id = %s)
ORDER BY links.name, per, event, since
"""


def set_price(connection: Connection, actor: Actor, app: App, link: Link, new: NewPrice) -> Price:
    """Sets a price of a link from a day on.

    Raises OperatorError for an invalid price, and NotAllowed for a viewer.
    """
    require_admin(actor)
    if (new.per is PricedBy.EVENT) != bool(new.event):
        raise OperatorError("Name the event type if, and only if, the price is per event.")
    names = read_names(connection, app)
    price = Price(
        link.name,
        new.per,
        new.event,
        new.since,
        amount_of("Price", new.amount),
        currency_code("Price", new.currency),
    )
    key = names.event_key(new.event) if new.event else ""
    after = {"per": price.per, "amount": str(price.amount), "currency": price.currency}
    after |= {"since": str(price.since)} | ({"event": price.event} if price.event else {})
    with transaction(connection):
        run(connection, "SELECT FROM links WHERE id = %s FOR UPDATE", (link.id,))
        run(
            connection,
            _SET,
            (link.id, price.per, key, price.since, price.amount, price.currency),
        )
        [(count,)] = run(
            connection, "SELECT count(*) FROM link_prices WHERE link_id = %s", (link.id,)
        )
        if count > PRICES_MAX:
            raise OperatorError(f"A link has at most {PRICES_MAX} prices.")
        record_change(connection, actor, app.id, Change(Action.LINK_PRICE, link.name, None, after))
    return price


def list_prices(connection: Connection, app: App, link_id: int | None = None) -> list[Price]:
    """Returns the prices of an app's links, or of one link, by time."""
    names = read_names(connection, app)
    return [
        Price(link, per, names.event(event) if event else "", since, amount, currency)
        for link, per, event, since, amount, currency in run(
            connection, _LIST, (app.id, link_id, link_id)
        )
    ]
