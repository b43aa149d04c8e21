"""An endpoint is tried with the callback that somebody chose, and tells no more than it may.

No name ends with `.invalid`, so nothing is sent.
"""

from uuid import UUID

import pytest

from console.apps.apps import App
from console.delivery.endpoints import list_endpoints
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR
URL = "https://partner.invalid/cb?device={gps_adid}&event={event_id}"
GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
CALLBACKS = (
    UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"),
    UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b82"),
)


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/callbacks"


@pytest.fixture
def made(admin: Browser, at: str) -> str:
    admin.get(f"{at}/new")
    admin.send(f"{at}/new", name="Acme", partner="Acme", level="both", method="GET", url=URL)
    return admin.path


def told(connection: Connection, shop: App, number: int, event_id: str, **parameters: str) -> UUID:
    """Stores an event and its callback, whose state is withheld."""
    came = fresh(
        app_id=shop.id, event_id=event_id, device_ids={"gaid": GAID}, parameters=parameters
    )
    store(connection, came)
    (endpoint,) = list_endpoints(connection, shop)
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, reason, created_at) VALUES (%s, %s, %s, 'production', 'event', %s,"
        " now(), 'withheld', 'imported', now() + %s * interval '1 second')",
        (CALLBACKS[number], endpoint.id, shop.id, came.receipt, number),
    )
    return CALLBACKS[number]


def test_the_last_callback_is_shown_or_the_one_that_was_chosen(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    first = told(connection, shop, 0, "purchase")
    told(connection, shop, 1, "renewal")

    assert f"device={GAID}&amp;event=renewal" in admin.get(made).text
    assert f"device={GAID}&amp;event=purchase" in admin.get(f"{made}?callback={first}").text
    assert "With the callback that you chose" in admin.text
    admin.send(f"{made}/test", callback=str(first))

    assert f"device={GAID}&event=purchase" in admin.text
    assert "the host name does not resolve" in admin.text
    assert admin.get(f"{made}?callback=nothing").status_code == 400


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"att_status": "2"}, "device=&amp;event=purchase"),
        ({"eea": "1", "ad_user_data": "0"}, "device=38400000"),
    ],
)
def test_a_partner_is_tried_with_what_it_may_hear(
    admin: Browser,
    made: str,
    connection: Connection,
    shop: App,
    parameters: dict[str, str],
    shown: str,
) -> None:
    """The second hears a sample, whose device is nobody's."""
    told(connection, shop, 0, "purchase", **parameters)

    page = admin.get(made).text

    assert shown in page
    assert ("With a sample conversion" in page) == ("eea" in parameters)


def test_a_url_that_a_click_carries_is_shown_once_it_is_known(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    told(connection, shop, 0, "purchase", event_callback_f0ob4r="https://partner.invalid/cb")
    connection.execute("UPDATE callback_endpoints SET url = NULL, hosts = '{partner.invalid}'")

    assert "Send test" not in admin.get(made).text
    assert made.startswith(at)


def test_the_log_leads_to_the_preview_and_is_searched_by_reason(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    chosen = told(connection, shop, 0, "purchase")

    assert f"{made}?callback={chosen}#test" in admin.get(f"{at}/log?reason=imported").text
    assert "Nothing that matches was due" in admin.get(f"{at}/log?reason=sandbox").text
    admin.get(f"{at}/log?reason=imported")
    replay = next(form for form in admin.page.forms if {"csrf", "reason"} <= form.fields.keys())
    admin.post(f"{at}/log", {**replay.fields})

    assert connection.execute("SELECT state FROM callbacks").fetchall() == [("waiting",)]


def test_the_log_names_a_deleted_endpoint_and_leads_nowhere(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    told(connection, shop, 0, "purchase")
    admin.get(made)
    admin.send(f"{made}/delete")

    page = admin.get(f"{at}/log").text

    assert "Acme" in page
    assert f"{made}?" not in page


def test_a_page_says_what_an_endpoint_is_limited_to(admin: Browser, at: str) -> None:
    admin.get(f"{at}/new")
    admin.send(
        f"{at}/new",
        name="Picky",
        partner="Acme",
        level="install",
        status="rejected",
        method="GET",
        url=URL,
        attributed_only="1",
        payout_only="1",
        answer_contains="ok",
        concurrency_max="3",
        rate_max="50",
    )

    for text in (
        "rejected_install, rejected_reattribution",
        "users with a source, payout above zero",
        "3 requests at once, 50 a second",
        "The answer must contain ok",
    ):
        assert text in admin.text
    assert '<option value="rejected" selected>' in admin.get(f"{admin.path}/edit").text


def test_the_page_of_a_click_shows_what_was_told_of_it(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    receipt = new_receipt(now_ms())
    click = fresh(
        app_id=shop.id,
        receipt=receipt,
        kind=Kind.CLICK,
        endpoint="/click",
        user_id="",
        event_id="",
        click_id=click_id_of(receipt),
    )
    store(connection, click)
    (endpoint,) = list_endpoints(connection, shop)
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, click_id)"
        " VALUES (%s, %s, %s, 'production', 'click', %s, now(), 'delivered', %s)",
        (CALLBACKS[0], endpoint.id, shop.id, receipt, click.click_id),
    )

    page = admin.get(f"/receipts/{receipt}").text

    assert f"{made}?callback={CALLBACKS[0]}" in page
    assert "What was told about this event" in page
