"""Tests the page of funnels, and its file."""

from datetime import UTC, datetime, timedelta

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
MARKUP = "<b>Buy</b> & more"


@pytest.fixture
def at(resources: Resources, connection: Connection, shop: App) -> str:
    """Stores two users who opened the app, one of whom bought; returns the path of the page."""
    create_event_type(resources, ADMIN, shop, NewEventType("buy", MARKUP))
    yesterday_ms = now_ms() - int(timedelta(days=1).total_seconds() * 1000)
    store(
        connection,
        *(
            fresh(app_id=shop.id, user_id=user, kind=kind, event_id=event_id,
                  event_time_ms=yesterday_ms + after_ms)
            for user, kind, event_id, after_ms in (
                ("ann", Kind.OPEN, "__open", 0),
                ("ben", Kind.OPEN, "__open", 0),
                ("ben", Kind.EVENT, "buy", 5_000),
            )
        ),
    )  # fmt: skip
    return f"/apps/{shop.id}/reports/funnel"


def test_steps_are_chosen_and_shown_with_their_users(viewer: Browser, at: str) -> None:
    assert viewer.get(at).status_code == 200
    assert "Choose two to six steps" in viewer.text

    markup = viewer.get(f"{at}?step=open&step=&step=%3Cb%3EBuy%3C/b%3E+%26+more").text

    assert "1. open: 2 users" in viewer.text
    assert f"2. {MARKUP}: 1 user, 50.0%" in viewer.text
    assert "<b>Buy" not in markup
    assert "<option selected>open</option>" in markup


def test_the_file_has_the_same_table(viewer: Browser, at: str) -> None:
    query = "step=open&step=%3Cb%3EBuy%3C/b%3E+%26+more&split=partner&window_hours=1"
    day = (datetime.now(UTC) - timedelta(days=1)).date()

    result = viewer.get(f"{at}.csv?{query}&from={day}&to={day}")

    assert result.headers["content-type"] == "text/csv; charset=utf-8"
    assert result.text.splitlines()[1:] == ["(organic),2,1,0.500", "total,2,1,0.500"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("step=open", "must be given 2 to 6 times."),
        ("step=open&step=open", "must name another event type each time."),
        ("step=open&step=Sell", "The app has no event type with this name."),
        ("step=open&step=ad+revenue&partner=Nobody", "no partner with this name"),
        ("step=open&step=ad+revenue&window_hours=0", "must be from 1 to 2160."),
        ("step=open&step=ad+revenue&from=soon", "From must be a date"),
    ],
)
def test_what_cannot_be_answered_is_said_above_the_form(
    viewer: Browser, at: str, query: str, sentence: str
) -> None:
    assert viewer.get(f"{at}?{query}").status_code == 200
    assert sentence in viewer.text
    assert viewer.get(f"{at}.csv?{query}").status_code in {400, 422}


def test_nobody_in_the_period_is_said_to_be_nobody(viewer: Browser, at: str) -> None:
    viewer.get(f"{at}?step=open&step=ad+revenue&from=2026-01-01&to=2026-01-02")

    assert "Nobody had the first event in this period" in viewer.text
