from datetime import UTC, datetime

import pytest

from console.apps.apps import App
from console.apps.event_types import EventType
from console.security.code_samples import (
    CallDialect,
    Language,
    SampleRequest,
    click_request,
    event_request,
    render_sample,
)

MADE = datetime(2026, 1, 2, tzinfo=UTC)
SHOP = App(1, "Shop", "abc123def456", MADE)
PURCHASE = EventType(1, "Purchase", "buy", "tok123", False, False, MADE)
BASE = "https://events.test"


def test_each_dialect_names_an_event_its_own_way() -> None:
    swaarm = event_request(BASE, CallDialect.SWAARM, SHOP, PURCHASE)
    adjust = event_request(BASE, CallDialect.ADJUST, SHOP, PURCHASE)

    assert (swaarm.url, swaarm.fields["event_id"]) == (f"{BASE}/postback", "buy")
    assert adjust.url == f"{BASE}/event"
    assert (adjust.fields["app_token"], adjust.fields["event_token"]) == ("abc123def456", "tok123")


def test_an_app_without_event_types_begins_with_an_open() -> None:
    swaarm = event_request(BASE, CallDialect.SWAARM, SHOP, None)
    adjust = event_request(BASE, CallDialect.ADJUST, SHOP, None)

    assert swaarm.fields["event_id"] == "__open"
    assert adjust.url == f"{BASE}/session"


def test_a_test_user_names_the_click_that_brought_them() -> None:
    assert click_request(BASE, "c1").fields["click_id"] == "c1"


@pytest.mark.parametrize("language", Language)
def test_every_language_has_the_address_the_fields_and_no_token(language: Language) -> None:
    code = render_sample(SampleRequest(BASE, {"event_id": "buy"}), language)

    assert BASE in code
    assert "event_id" in code
    assert "WAYBILL_TOKEN" in code


@pytest.mark.parametrize(
    ("language", "written"),
    [
        (Language.PHP, r"""'it\'s \\ "' """),
        (Language.NODE, r'''"it's \\ \""'''),
        (Language.PYTHON, r'''"it's \\ \""'''),
        (Language.CURL, """'x=it'"'"'s \\ "'"""),
    ],
)
def test_a_value_cannot_leave_its_quotes(language: Language, written: str) -> None:
    assert written.strip() in render_sample(SampleRequest(BASE, {"x": "it's \\ \""}), language)
