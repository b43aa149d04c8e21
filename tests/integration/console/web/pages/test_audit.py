"""Tests the page of the whole audit log, its filters and its pages."""

import re

import pytest

from console.apps.apps import App
from console.audit import Action, Change, record_change
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR


@pytest.fixture
def log(connection: Connection, shop: App) -> None:
    connection.execute("DELETE FROM audit_log")
    for app_id, action, subject in (
        (shop.id, Action.TOKEN_CREATE, "backend"),
        (shop.id, Action.TOKEN_REVOKE, "<b>old</b>"),
        (None, Action.PERSON_CREATE, "Zoe"),
    ):
        record_change(connection, ADMIN, app_id, Change(action, subject, None, {"n": 1}))
    connection.execute("UPDATE audit_log SET at = '2026-11-02T23:59Z' WHERE subject = 'Zoe'")
    connection.execute("UPDATE audit_log SET actor = 'key:Export' WHERE subject = 'backend'")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("", ["Zoe", "<b>old</b>", "backend"]),
        ("app=Shop", ["<b>old</b>", "backend"]),
        ("action=token", ["<b>old</b>", "backend"]),
        ("action=token.create", ["backend"]),
        ("action=tok", []),
        ("actor=EXPORT", ["backend"]),
        ("q=OLD", ["<b>old</b>"]),
        ("from=2026-11-02&to=2026-11-02", ["Zoe"]),
        ("to=2026-11-01", []),
        ("from=yesterday&q=zoe", ["Zoe"]),
    ],
)
def test_entries_are_found_by_app_actor_action_name_and_day(
    viewer: Browser, query: str, subjects: list[str]
) -> None:
    markup = viewer.get(f"/audit?{query}").text

    shown = re.findall(r"[a-z_]+\.[a-z_]+ <strong[^>]*>(.*?)</strong>", markup)
    listed = [text.replace("&lt;", "<").replace("&gt;", ">") for text in shown]
    assert [subject for subject in listed if subject in {"Zoe", "<b>old</b>", "backend"}] == [
        *subjects
    ]
    assert ("must be a day in UTC" in markup) == ("yesterday" in query)


def test_a_long_log_is_read_page_by_page(
    viewer: Browser, connection: Connection, shop: App
) -> None:
    connection.execute("DELETE FROM audit_log")
    for number in range(205):
        change = Change(Action.LINK_CREATE, f"L{number}L", None, {})
        record_change(connection, ADMIN, shop.id, change)
    seen: list[str] = []
    path = "/audit?action=link"

    while path:
        markup = viewer.get(path).text
        seen += re.findall(r"<strong[^>]*>L(\d+)L</strong>", markup)
        older = re.search(r'href="([^"]*)">Older entries', markup)
        path = older[1].replace("&amp;", "&") if older else ""

    assert seen == [str(number) for number in reversed(range(205))]
