"""Referrers: which click or campaign they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.sdk_referrer import read_referrer, referred_click
from shared.events import Kind, encode_event
from tests.support.build import NOW_MS, event


@pytest.mark.parametrize(
    ("text", "click_id", "campaign"),
    [
        ("", None, {}),
        ("utm_source=google-play&utm_medium=organic", None, {}),
        ("adjust_reftag=cvJ8&utm_source=Spring", "cvJ8", {"site": "Spring"}),
        ("clkid=01dW&utm_source=google-play&utm_medium=organic", "01dW", {}),
        ("swaarm_clickid=01dW", "01dW", {}),
        ("clkid=%7Bclick_id%7D&utm_campaign=May", None, {"campaign": "May"}),
        ("gclid=abc&utm_term=shoes", None, {"term": "shoes", "gclid": "abc"}),
        ("utm_source=(organic)", None, {}),
        ("utm_source=appleads&utm_adgroup=7", None, {"site": "appleads", "adset": "7"}),
        ("utm_source=a%00b", None, {}),
        ("%ff%fe=1&clkid=x", "x", {}),
    ],
)
def test_a_referrer_names_a_click_or_a_campaign(
    text: str, click_id: str | None, campaign: dict[str, str]
) -> None:
    assert read_referrer(text) == (click_id, campaign)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    click_id, campaign = read_referrer(text)
    encode_event(event(click_id=click_id, parameters=campaign))


def test_the_same_report_is_the_same_click() -> None:
    reported = event(idempotency_key="k", sdk="js5.8.3")
    first, again = (referred_click(reported, {"site": "x"}, NOW_MS) for _ in range(2))
    other = referred_click(reported, {"site": "y"}, NOW_MS)
    assert first == again
    assert first.kind is Kind.CLICK
    assert first.click_id != other.click_id
