"""Tests that every page is well-formed HTML: known attributes, separated by spaces, never twice."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from uuid import UUID

import pytest

from console.accounts.invitations import create_invitation
from console.accounts.people import create_person
from console.actor import Role
from console.alerts.destinations import AlertForm, create_destination
from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import NewLink, create_link, find_partner
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import create_endpoint
from console.reports.schedules.report_schedules import create_schedule
from console.reports.schedules.schedule import ReportChannel, ScheduleForm
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token
from console.security.tokens import deactivate_token
from console.web.routes import ROUTES
from shared.alerts.kinds import AlertChannel
from shared.clock import now_ms
from shared.events import Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import event_of
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.security.test_integration_check import came
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

ATTRIBUTES = {
    *(
        "accept",
        "action",
        "alt",
        "autocomplete",
        "charset",
        "checked",
        "class",
        "colspan",
        "content",
    ),
    *("datetime", "defer", "disabled", "height", "hidden", "href", "id", "inputmode", "lang"),
    *("list", "maxlength", "method", "name", "open", "placeholder", "readonly", "rel", "required"),
    *("role", "rows", "scope", "selected", "spellcheck", "src", "tabindex", "target", "type"),
    *("for", "max", "value", "width"),
    *("aria-checked", "aria-current", "aria-describedby", "aria-hidden", "aria-label"),
    "aria-labelledby",
    *("data-bytes-max", "data-copy", "data-fills", "data-label", "data-lines", "data-live"),
    *("data-then", "data-upload"),
}
# Of SVG, in lower case, as HTML reads them.
ATTRIBUTES |= {"cx", "cy", "d", "r", "rx", "text-anchor", "viewbox", "x", "x1", "x2", "y"}
ATTRIBUTES |= {"y1", "y2"}
NO_CONTENT = ("/nowhere", "/apps/999")
# Pages that need a parameter, asked for without one.
INCOMPLETE = ("/test", "/trial", "/users/timeline")
VOID = {"br", "circle", "hr", "img", "input", "line", "link", "meta", "path", "rect"}
# A quoted value that another attribute follows without a space between them.
GLUED = re.compile(r'="[^"]*"(?=[^\s>/])')


class StrictParser(HTMLParser):
    """A parser that collects what is wrong with a page."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.errors: list[str] = []
        self.open_tags: list[str] = []
        self.ids: set[str] = set()
        self.references: set[str] = set()
        self.feed(markup)
        self.close()
        self.errors += [f"<{tag}> is never closed" for tag in self.open_tags]
        self.errors += [f"there is no id {name}" for name in self.references - self.ids]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        text = self.get_starttag_text() or ""
        self.errors += [f"{text}: unknown {name}" for name in names if name not in ATTRIBUTES]
        self.errors += [f"{text}: {name} twice" for name in set(names) if names.count(name) > 1]
        self.errors += [f"{text}: glued {glued}" for glued in GLUED.findall(text)]
        values = dict(attrs)
        if "id" in values:
            if values["id"] in self.ids:
                self.errors.append(f"{text}: this id is there twice")
            self.ids.add(str(values["id"]))
        for name in ("aria-describedby", "aria-labelledby", "for", "list"):
            self.references |= set((values.get(name) or "").split())
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open_tags.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID and (not self.open_tags or self.open_tags[-1] != tag):
            return
        if not self.open_tags or self.open_tags.pop() != tag:
            self.errors.append(f"</{tag}> closes another tag")


@pytest.mark.parametrize(
    "markup",
    [
        '<input name="a" requiredaria-describedby="b">',
        '<input name="a"required>',
        '<input name="a" name="b">',
        '<label for="nothing"></label>',
        "<p><b></p></b>",
        "<div>",
    ],
)
def test_what_is_malformed_is_found(markup: str) -> None:
    assert StrictParser(markup).errors


def test_what_is_well_formed_passes() -> None:
    markup = '<label for="a">A</label><input id="a" name="a" value="x=&quot;y" required><br>'

    assert StrictParser(markup).errors == []


@pytest.fixture
def paths(resources: Resources, shop: App) -> list[str]:
    """Creates one of everything; returns the path of every page, with data and without."""
    connection = resources.connection
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Summer", "https://shop.example/"))
    event_type = create_event_type(resources, ADMIN, shop, NewEventType("buy", "Purchase"))
    token = create_token(resources, ADMIN, shop, NewToken("backend", (), False, None)).token
    create_token(resources, ADMIN, shop, NewToken("old", (), True, None))
    deactivate_token(resources, ADMIN, shop, "old")
    person = create_person(connection, ADMIN, "Invited", Role.VIEWER)
    mark = new_receipt(now_ms())
    receipts = _store_events(resources, shop, link.id, mark)
    aside = event_of(shop)
    put_aside(connection, aside)
    secret = create_invitation(connection, SECRET_KEY, ADMIN, person)
    callback = EndpointForm(
        name="told", activities=("install",), method="POST", url="https://shop.example/told"
    )
    endpoint = create_endpoint(resources, ADMIN, shop, callback).endpoint
    values = {
        "app_id:int": shop.id,
        "endpoint_id:int": endpoint.id,
        "destination_id:int": _alert_destination(resources, shop),
        "schedule_id:int": _schedule(resources, shop),
        "token_id:int": token.id,
        "event_type_id:int": event_type.id,
        "link_id:int": link.id,
        "partner_id:int": find_partner(connection, "Acme").id,
        "secret": secret,
    }
    pages = [
        re.sub(r"{([^}]+)}", lambda name: str(values.get(name[1], aside.receipt)), path)
        for path in _page_paths()
    ]
    app = f"/apps/{shop.id}"
    return [
        *pages,
        *(f"/receipts/{receipt}" for receipt in receipts),
        f"{app}/users?q=ann",
        f"{app}/users?q=nobody",
        f"{app}/users/timeline?user_id=ann",
        f"{app}/links/{link.id}/test?mark={mark}",
        f"{app}/links/{link.id}/test?mark={new_receipt(now_ms())}",
        f"{app}/callbacks/{endpoint.id}/trial?mark={mark}",
        f"{app}/protection?inactive=1",
        f"{app}/events?environment=sandbox",
        f"{app}/reports?by=total&split=partner",
        f"{app}/reports?from=2020-01-01&to=2020-01-02",
        *NO_CONTENT,
    ]


def _alert_destination(resources: Resources, app: App) -> int:
    """Makes a destination and an alert that it was told of; returns its number."""
    form = AlertForm(name="Ada", channel=AlertChannel.MAIL, target="ada@example.com")
    destination = create_destination(resources, ADMIN, app, form)
    [(alert_id,)] = resources.connection.execute(
        "INSERT INTO alerts (app_id, kind, subject, title, detail) VALUES"
        " (%s, 'quarantine', '', 'Events are in quarantine', 'Replay <them>.') RETURNING id",
        (app.id,),
    ).fetchall()
    resources.connection.execute(
        "INSERT INTO alert_messages (alert_id, destination_id, phase, state, outcome)"
        " VALUES (%s, %s, 'opened', 'failed', 'no mail server')",
        (alert_id, destination.id),
    )
    return destination.id


def _schedule(resources: Resources, app: App) -> int:
    """Makes a schedule and a report that it sent; returns its number."""
    form = ScheduleForm(
        name="Weekly <b>", query="by=total", channel=ReportChannel.MAIL, target="ada@example.com"
    )
    schedule = create_schedule(resources, ADMIN, app, form, now_ms)
    resources.connection.execute(
        "INSERT INTO report_deliveries (schedule_id, due_at, message_id, try_at, state, outcome)"
        " VALUES (%s, now(), gen_random_uuid(), now(), 'failed', 'no <mail> server')",
        (schedule.id,),
    )
    return schedule.id


def _store_events(resources: Resources, app: App, link_id: int, mark: UUID) -> list[UUID]:
    """Stores a click with the mark, the purchase attributed to it, and an unmapped event."""
    click_ms = now_ms() - 60_000
    receipt = new_receipt(click_ms)
    click = fresh(
        app_id=app.id,
        kind=Kind.CLICK,
        receipt=receipt,
        received_at_ms=click_ms,
        click_id=click_id_of(receipt),
        link_id=link_id,
        user_id="",
        event_id="",
        parameters={"pub_click_id": str(mark)},
    )
    purchase = fresh(
        app_id=app.id,
        user_id="ann",
        event_id="buy",
        event_time_ms=click_ms + 1,
        click_id=click.click_id,
        sale_amount="9.99",
        sale_amount_currency="EUR",
    )
    unmapped = fresh(app_id=app.id, user_id="ben", event_id="spin", event_time_ms=click_ms + 2)
    store(resources.connection, click, purchase, unmapped)
    count_all(resources.connection)
    came(resources, app, event_id="spin", receipt=str(unmapped.receipt))
    return [click.receipt, purchase.receipt, unmapped.receipt]


def _page_paths() -> Iterator[str]:
    """Yields the paths of pages; files are not shown; RQ's pages and the provider's are foreign."""
    for route in ROUTES:
        is_foreign = route.path.startswith(("/rq", "/sign-in/provider"))
        is_page = "." not in route.path and not is_foreign
        if route.method == "GET" and is_page:
            yield route.path


@ON_ONE_PAIR
def test_every_page_is_well_formed(
    admin: Browser, viewer: Browser, stranger: Browser, paths: list[str]
) -> None:
    for browser in (admin, viewer, stranger):
        for path in paths:
            page = browser.get(path)
            assert StrictParser(page.text).errors == [], path
            if browser is admin and path not in NO_CONTENT:
                expected = 422 if path.endswith(INCOMPLETE) else 200
                assert page.status_code == expected, path


@ON_ONE_PAIR
@pytest.mark.usefixtures("paths")
def test_every_form_is_well_formed_when_it_is_shown_again(admin: Browser, shop: App) -> None:
    app = f"/apps/{shop.id}"
    for path in ("/apps/new", f"{app}/settings", f"{app}/events/new", f"{app}/links/new"):
        admin.get(path)
        result = admin.send(path, name="")
        assert result.status_code == 422, path
        assert StrictParser(result.text).errors == [], path
    admin.get(f"{app}/protection/tokens/new")
    result = admin.send(f"{app}/protection/tokens/new", name="new token", scope=["events"])
    assert "Copy this token now" in admin.text
    assert StrictParser(result.text).errors == []
