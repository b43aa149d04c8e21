"""Tests the checklist of a new app: each step is open until it was done."""

from console.apps.apps import App, create_app
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link
from console.onboarding.checklist import read_checklist
from console.resources import Resources
from console.security.enforcement import enable_enforcement
from console.security.new_tokens import NewToken, create_token
from console.security.tokens import revoke_token
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.scopes import Scope
from tests.integration.console.conftest import store_event
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR


def open_steps(connection: Connection, app: App) -> list[str]:
    return [step.name for step in read_checklist(connection, app) if not step.is_done]


def test_every_step_is_open_until_it_is_done_for_this_app(
    connection: Connection, resources: Resources, shop: App, event: Event
) -> None:
    other = create_app(resources, ADMIN, "Other")
    everything = ["token", "event", "event_type", "link", "click", "authentication"]
    assert open_steps(connection, shop) == everything

    create_token(resources, ADMIN, shop, NewToken("backend", (Scope.EVENTS,)))
    store_event(connection, event)
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Summer", "https://shop.example/"))
    assert open_steps(connection, shop) == ["click", "authentication"]
    receipt = new_receipt(now_ms())
    click = {"kind": Kind.CLICK, "click_id": click_id_of(receipt), "link_id": link.id}
    store(connection, fresh(app_id=shop.id, receipt=receipt, user_id="", event_id="", **click))
    enable_enforcement(resources, ADMIN, shop, [Scope.EVENTS])

    assert open_steps(connection, shop) == []
    assert open_steps(connection, other) == everything


def test_a_revoked_token_is_none(connection: Connection, resources: Resources, shop: App) -> None:
    create_token(resources, ADMIN, shop, NewToken("backend", (Scope.EVENTS,)))
    revoke_token(resources, ADMIN, shop, "backend")

    assert "token" in open_steps(connection, shop)
