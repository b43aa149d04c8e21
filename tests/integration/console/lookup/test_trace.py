from uuid import UUID

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.lookup.trace import TraceState, trace
from console.pipeline.quarantine import find_quarantined
from console.resources import Resources
from shared.clock import now_ms
from shared.events import Event, Kind, encode_event, join_events
from shared.ids import click_id_of, new_receipt
from shared.inbox import append
from tests.integration.console.conftest import repeat_of, store_event
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.counted import store
from tests.support.build import ADMIN
from tests.support.build import event as build_event
from workers.facts.record import record


def click_of(app: App, receipt: UUID, time_ms: int) -> Event:
    return build_event(
        receipt=receipt,
        received_at_ms=time_ms,
        app_id=app.id,
        kind=Kind.CLICK,
        endpoint="/click",
        user_id="",
        event_id="",
        click_id=click_id_of(receipt),
        ip_address="203.0.113.7",
        device_ids={"idfv": "G"},
        parameters={"site": "blog"},
    )


def test_an_event_in_the_inbox_is_queued(resources: Resources, event: Event) -> None:
    append(resources.redis, join_events([encode_event(event)]), 1)

    found = trace(resources.connection, resources.redis, event.receipt)

    assert found.state is TraceState.QUEUED
    assert found.event is not None
    assert (found.event.app, found.event.user_id) == ("Shop", "0000-AAAA-BBBB-CCCC")
    assert (found.event.sale_amount, found.event.unmapped) == ("42.50", None)


def test_a_stored_event_is_recorded_with_its_row(
    resources: Resources, shop: App, event: Event
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    store_event(resources.connection, event)

    found = trace(resources.connection, resources.redis, event.receipt)

    assert found.state is TraceState.RECORDED
    assert found.event is not None
    assert (found.event.app, found.event.event_type) == ("Shop", "Purchase")
    assert (found.event.sale_amount, found.event.ip_address) == ("42.5", "2001:db8::7")
    assert (found.event.unmapped, found.event.parameters) == (False, {"shelf": "upper"})


def test_a_recorded_click_is_found_by_its_receipt(resources: Resources, shop: App) -> None:
    time_ms = now_ms()
    receipt = new_receipt(time_ms)
    click = click_of(shop, receipt, time_ms)
    record(resources.connection, [click])

    found = trace(resources.connection, resources.redis, receipt)

    assert found.state is TraceState.RECORDED
    assert found.event is not None
    assert (found.event.app, found.event.kind) == ("Shop", "click")
    assert found.event.click_id == click_id_of(receipt)
    assert (found.event.user_id, found.event.event_id, found.event.unmapped) == ("", "", False)
    assert (found.event.device_ids, found.event.parameters) == ({"idfv": "G"}, {"site": "blog"})


def test_a_stored_event_is_recorded_although_it_still_stands_in_the_inbox(
    resources: Resources, event: Event
) -> None:
    append(resources.redis, join_events([encode_event(event)]), 1)
    store_event(resources.connection, event)

    found = trace(resources.connection, resources.redis, event.receipt)

    assert found.state is TraceState.RECORDED
    assert found.event is not None
    assert found.event.unmapped is True


def test_a_repeat_leads_to_the_event_that_it_repeated(resources: Resources, event: Event) -> None:
    store_event(resources.connection, event)
    receipt = new_receipt(now_ms())
    repeat_of(resources.connection, event, receipt, conflict=True)

    found = trace(resources.connection, resources.redis, receipt)

    assert (found.state, found.conflict) == (TraceState.DUPLICATE, True)
    assert found.first == trace(resources.connection, resources.redis, event.receipt)


def test_a_quarantined_event_is_found_there(resources: Resources, event: Event) -> None:
    put_aside(resources.connection, event)

    found = trace(resources.connection, resources.redis, event.receipt)

    assert found.state is TraceState.QUARANTINED
    assert found.quarantine == find_quarantined(resources.connection, event.receipt)


def test_a_receipt_that_is_nowhere_is_unknown(resources: Resources) -> None:
    receipt = new_receipt(now_ms())

    assert trace(resources.connection, resources.redis, receipt).state is TraceState.UNKNOWN


def test_an_event_is_traced_to_its_attribution_and_its_session(
    resources: Resources, shop: App
) -> None:
    came_ms = now_ms() - 60_000
    click = click_of(shop, new_receipt(came_ms), came_ms)
    opened, bought = (
        build_event(
            receipt=new_receipt(came_ms + after_ms),
            received_at_ms=came_ms + after_ms,
            app_id=shop.id,
            user_id="u",
            kind=kind,
            event_id=event_id,
            device_ids={"idfv": "G"},
        )
        for after_ms, kind, event_id in ((1_000, Kind.OPEN, "__open"), (2_000, Kind.EVENT, "buy"))
    )
    store(resources.connection, click, opened, bought)

    found = trace(resources.connection, resources.redis, bought.receipt)
    of_click = trace(resources.connection, resources.redis, click.receipt)

    assert found.placement is not None
    assert found.placement.attribution is not None
    assert found.placement.attribution.click_id == click.click_id
    assert found.placement.session is not None
    assert (found.placement.session.opens, found.placement.session.events) == (1, 1)
    assert of_click.placement is not None
    assert [each.user_id for each in of_click.placement.brought] == ["u"]


def test_an_event_before_the_first_open_is_of_no_session(resources: Resources, shop: App) -> None:
    lonely = build_event(
        receipt=new_receipt(now_ms()), received_at_ms=now_ms(), app_id=shop.id, event_id="buy"
    )
    store(resources.connection, lonely)

    placement = trace(resources.connection, resources.redis, lonely.receipt).placement

    assert placement is not None
    assert placement.session is None
    assert placement.attribution is not None
    assert placement.attribution.rule == "organic"
