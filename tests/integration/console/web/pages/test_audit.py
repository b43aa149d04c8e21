"""Tests the page of the whole audit log, its filters and its pages."""

import json
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
    assert ("must be a date from" in markup) == ("yesterday" in query)


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


@pytest.mark.usefixtures("log")
def test_the_files_have_the_entries_of_the_filter(viewer: Browser) -> None:
    lines = viewer.get("/audit.jsonl?action=token").text.splitlines()
    rows = viewer.get("/audit.csv?action=token").text.splitlines()

    assert [json.loads(line)["subject"] for line in lines] == ["<b>old</b>", "backend"]
    assert len(rows) == 3
    assert rows[0].startswith("at,actor,app,action,subject,before,after,id,position,digest")
    assert viewer.get("/audit.csv?from=yesterday").status_code == 422


def test_the_log_is_verified_and_its_first_false_entry_named(
    viewer: Browser, connection: Connection, shop: App
) -> None:
    connection.execute("DELETE FROM audit_log")
    for number in range(3):
        record_change(connection, ADMIN, shop.id, Change(Action.APP_CREATE, str(number), None, {}))
    good = viewer.get("/audit/chain").text
    head = re.search(r"\d+:[0-9a-f]{64}", good)
    assert head is not None
    kept = viewer.get(f"/audit/chain?head={head[0]}").text
    connection.execute("UPDATE audit_log SET actor = 'cli:eve' WHERE subject = '1'")
    bad = viewer.get("/audit/chain").text

    assert "Every entry fits" in good
    assert "The head that was noted earlier is among them" in kept
    assert "is not what was written" in bad
    assert re.search(r"Entry \d+ \(<code>app.create</code>", bad)
