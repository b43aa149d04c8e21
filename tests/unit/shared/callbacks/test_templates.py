"""Macros are filled in where they stand, and lead nowhere else."""

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.callbacks.conversion_facts import SAMPLE
from shared.callbacks.macros import BY_NAME, BY_PATH, DECLARED
from shared.callbacks.templates import read_template, url_fault

ANY_TEXT = st.text(max_size=60)


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("https://p.example/cb?c=#{click.publisher.clickId}", "c=network-click-77"),
        ("https://p.example/cb?e={event}&k={activity_kind}", "e=pur123&k=event"),
        ("https://p.example/cb?d={oaid||idfv}", "d=E9B07A11-0E2B-4F0E-9F3E-3B2D7B6C8A10"),
        ("https://p.example/cb?t=#{time}&i={installed_at}", "t=1761649200&i=1761645600"),
        ("https://p.example/cb?s=#{status.state}&o=#{offer.id}", "s=approved&o=1"),
        (
            "https://p.example/cb?n={tracker_name}",
            "n=Acme%3A%3ASummer%3A%3AGermany%3A%3ABanner%207",
        ),
        ("https://p.example/cb?r={revenue}&f={revenue_float}", "r=999&f=9.99"),
        ("https://p.example/cb?x={oaid}", "x="),
        ("https://p.example/cb?g={gender||order_id}", ""),
    ],
)
def test_a_url_is_filled_in(url: str, filled: str) -> None:
    if not filled:
        assert "unknown macro" in str(url_fault(url))
    else:
        assert url_fault(url) is None
        assert read_template(url).fill(SAMPLE) == f"https://p.example/cb?{filled}"


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://p.example/", "javascript:alert(1)", "//p.example/", "p.example/x", ""),
        *("https://{click_id}.example/", "https://p.example{click_id}/", "{click_id}://p.example/"),
        *("https://p.example:{click_id}/", "https://user:pw@p.example/", "https://p.example:0/"),
        *(
            "https://p.example:99999/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
        ),
        *(
            "https://p.example/{nope}",
            "https://p.example/#{click.nope}",
            "https://p.example/{a||b}",
        ),
        *("https://p.example/\r\nX: y", "https://p.example/a b", "https://p.example/#top"),
        *("https://p.example/é", "https://p.example/{", "https://p.example/}{", "https:///x"),
        *("https://p.example/" + "a" * 2100, "https://p.example/" + "{click_id}" * 65),
    ],
)
def test_a_url_that_could_lead_elsewhere_is_refused(url: str) -> None:
    assert url_fault(url)


@given(ANY_TEXT, ANY_TEXT)
def test_no_value_changes_where_a_url_leads(click: str, order: str) -> None:
    facts = replace(SAMPLE, click_id=click, event_value=order)
    url = "https://p.example:8443/a/{click_id}/b?first={event_value}&second=2"

    filled = read_template(url).fill(facts)

    parts = urlsplit(filled)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "p.example:8443", "")
    assert len(parts.path.split("/")) == 4
    assert not {"..", "."} & set(parts.path.split("/"))
    assert filled.isascii()
    assert filled.isprintable()
    pairs = parse_qsl(parts.query, keep_blank_values=True, errors="replace")
    assert [name for name, _ in pairs] == ["first", "second"]


@given(st.sampled_from([macro.name for macro in DECLARED]))
def test_every_macro_that_is_declared_can_be_saved(name: str) -> None:
    assert url_fault(f"https://p.example/?x={{{name}}}") is None


def test_no_name_is_declared_twice() -> None:
    assert len(BY_NAME) == len(DECLARED)
    assert len(BY_PATH) == sum(len(macro.paths) for macro in DECLARED)


def test_a_value_is_encoded_once() -> None:
    facts = replace(SAMPLE, click_id="a&b=c%20/ü")

    filled = read_template("https://p.example/?x={click_id}").fill(facts)

    assert filled == "https://p.example/?x=" + quote("a&b=c%20/ü", safe="")
