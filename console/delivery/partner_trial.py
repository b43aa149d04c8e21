"""Tries a partner: makes a click and a conversion, and follows them to the partner's callback.

Both are of the sandbox, so that no report counts them, and go the whole way: inbox, attribution,
outbox, delivery. The sandbox withholds the callback; the trial has this one sent.
"""

import time
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.apps.links import Link, list_links
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import (
    Delivery,
    list_deliveries,
    replay_deliveries,
)
from console.delivery.endpoints import EndpointRow
from console.resources import Resources
from shared.callbacks.activities import Activity
from shared.clock import Clock
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.events import Environment, Event, Kind, encode_event, join_events
from shared.ids import click_id_of, new_receipt
from shared.inbox import append
from shared.rq_queue import enqueue

CLICK_AGE_MS = 60_000  # of the trial's click when its conversion happens
PARAMETERS_MAX = 64  # of a partner's link
VALUE_CHARACTERS_MAX = 2_048
_POLL_SECONDS = 0.1

_ATTRIBUTED = """
    SELECT rule FROM attributions JOIN users ON users.id = attributions.user_ref
    WHERE users.app_id = %s AND users.environment = 'sandbox' AND users.user_id = %s
      AND superseded_at IS NULL AND click_id = %s
"""


@dataclass(frozen=True)
class PartnerTrial:
    """A trial so far. `rule` is None until the user is attributed to the trial's click."""

    mark: UUID
    click_id: str
    user_id: str
    rule: str | None
    deliveries: list[Delivery]

    @property
    def is_held_back(self) -> bool:
        """Tells whether the sandbox still withholds a callback of the trial."""
        return any(each.reason == Environment.SANDBOX for each in self.deliveries)

    @property
    def is_over(self) -> bool:
        """Tells whether there is a callback, and none that still waits for its first answer."""
        return bool(self.deliveries) and all(
            each.tries or each.state in {"failed", "withheld"} for each in self.deliveries
        )


def start_partner_trial(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow, test_link: str, now: Clock
) -> UUID:
    """Puts a click and a conversion into the inbox; returns the mark by which they are found.

    The click has the parameters of `test_link`, the link that the partner would send a user
    through, if it is given. Raises OperatorError, NotAllowed.
    """
    require_admin(actor)
    link = _link_of(resources.connection, app, endpoint)
    types = [each.mapping_id for each in list_event_types(resources.connection, app)
             if endpoint.event_type in {None, each.name}]  # fmt: skip
    if not types and Activity.INSTALL not in endpoint.activities:
        raise OperatorError("The app has no event type that this endpoint is told of.")
    pairs = parse_qsl(urlsplit(test_link.strip()).query)[:PARAMETERS_MAX]
    carried = {name: value for name, value in pairs if len(value) <= VALUE_CHARACTERS_MAX}
    if endpoint.url is None and not any("callback" in name for name in carried):
        raise OperatorError(
            "This endpoint uses the URLs that clicks carry. Give the partner's link, with its "
            "install_callback or event_callback_…, for the test."
        )
    now_ms = now()
    mark = new_receipt(now_ms)
    click = Event(
        receipt=mark,
        received_at_ms=now_ms,
        app_id=app.id,
        token_id=0,
        environment=Environment.SANDBOX,
        kind=Kind.CLICK,
        endpoint="/click",
        user_id="",
        event_id="",
        event_time_ms=now_ms - CLICK_AGE_MS,
        click_id=click_id_of(mark),
        link_id=link.id,
        parameters={"pub_click_id": f"test-{mark}", **carried},
    )
    conversion = Event(
        receipt=new_receipt(now_ms),
        received_at_ms=now_ms,
        app_id=app.id,
        token_id=0,
        environment=Environment.SANDBOX,
        kind=Kind.EVENT if types else Kind.OPEN,
        endpoint="/postback",
        user_id=_user_id(mark),
        event_id=types[0] if types else "__open",
        sale_amount="1",
        sale_amount_currency="USD",
        click_id=click.click_id,
    )
    events = join_events([encode_event(click), encode_event(conversion)])
    append(resources.redis, events, 2, apps=str(app.id))
    enqueue(resources.redis, "drain")
    return mark


def release_partner_trial(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow, mark: UUID, seconds: float
) -> int:
    """Waits for the trial's callbacks and sends those that the sandbox withholds; how many."""
    until = time.monotonic() + seconds
    while not (trial := partner_trial(resources.connection, app, endpoint, mark)).deliveries:
        if time.monotonic() > until:
            return 0
        time.sleep(_POLL_SECONDS)
    held_back = replace(_callbacks_of(endpoint, mark), state="withheld")
    return replay_deliveries(resources, actor, app, held_back) if trial.is_held_back else 0


def finish_partner_trial(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow, mark: UUID, seconds: float
) -> PartnerTrial:
    """Has the trial's callbacks sent and waits so long for their first answers."""
    until = time.monotonic() + seconds
    release_partner_trial(resources, actor, app, endpoint, mark, seconds)
    while True:
        trial = partner_trial(resources.connection, app, endpoint, mark)
        if trial.is_over or time.monotonic() > until:
            return trial
        time.sleep(_POLL_SECONDS)


def partner_trial(
    connection: Connection, app: App, endpoint: EndpointRow, mark: UUID
) -> PartnerTrial:
    """Reads how far a trial has come."""
    user_id, click_id = _user_id(mark), click_id_of(mark)
    row = run(connection, _ATTRIBUTED, (app.id, user_id, click_id)).fetchone()
    deliveries = list_deliveries(connection, app, _callbacks_of(endpoint, mark), 10)
    return PartnerTrial(mark, click_id, user_id, row[0] if row else None, deliveries)


def _user_id(mark: UUID) -> str:
    return f"partner-test-{mark}"


def _callbacks_of(endpoint: EndpointRow, mark: UUID) -> DeliveryFilter:
    return DeliveryFilter(
        endpoint_id=endpoint.id, environment=Environment.SANDBOX, user_id=_user_id(mark)
    )


def _link_of(connection: Connection, app: App, endpoint: EndpointRow) -> Link:
    """Finds the link through which the trial's click comes."""
    for link in list_links(connection, app):
        if link.partner == endpoint.partner and endpoint.link in {None, link.name}:
            return link
    raise OperatorError(
        "Only a partner with a link of this app can be tested. Create a link for the partner first."
    )
