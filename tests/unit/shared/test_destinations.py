"""Tests where a link may lead, and that no click can change it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import destinations
from shared.destinations import (
    DESTINATION_CHARACTERS_MAX,
    MACRO_VALUE_CHARACTERS_MAX,
    MACROS,
    MACROS_MAX,
    address_for,
    destination_fault,
)

ID = "01dWTBYlLrx84MuxVQijzS"
WEB = "https://shop.example/welcome"
PLAY = "https://play.google.com/store/apps/details"


def lead(destination: str, **values: str) -> str:
    return address_for(destination, {**values, "click_id": ID})


@pytest.mark.parametrize(
    "destination",
    [
        WEB,
        "https://shop.example",
        "https://shop.example:8443/a/b?c=d&e=f#g",
        "HTTPS://Shop.Example/",
        "https://203.0.113.7/",
        "https://xn--bcher-kva.example/",
        "https://shop.example/{pub_id}/{pub_sub_id}?c={click_id}#/{creative}",
        "https://apps.apple.com/app/id389801252?pt=1&ct={publisher.id}",
        f"{PLAY}?id=com.shop&referrer=utm_source%3Dpartner",
        "market://details?id=com.shop",
        "itms-apps://apps.apple.com/app/id389801252",
        "com.shop.app://welcome/{pub_sub_id}",
        "shop:///welcome",
        *(f"https://shop.example/?m={{{macro}}}" for macro in MACROS),
    ],
)
def test_an_address_of_the_web_or_of_an_app_may_be_stored(destination: str) -> None:
    assert destination_fault(destination) is None


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "shop.example/welcome",
        "/welcome",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://",
        "https://?a=b",
        "https://#a",
        "https://.",
        "https://-shop.example-/",
        "http://shop.example/",
        "HTTP://shop.example/",
        "ftp://shop.example/",
        "ws://shop.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "javascript://shop.example/%0Aalert(1)",
        "JavaScript://shop.example/%0Aalert(1)",
        "vbscript://x",
        "data:text/html,<script>alert(1)</script>",
        "data://text/html,hello",
        "blob://https/x",
        "view-source://https",
        "about://blank",
        "intent://shop#Intent;scheme=https;end",
        "https://shop.example@evil.example/",
        "https://shop.example:password@evil.example/",
        "https://user@shop.example/",
        "shop://user@evil",
        "https://shop.example\\@evil.example/",
        "https://evil.example\\.shop.example/",
        "https://shop.example\t.evil.example/",
        "https://shop.example\n.evil.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop.example/ welcome",
        "https://shop.example/\0",
        "https://shop.example/\x7f",
        "https://shop.example/<b>",
        'https://shop.example/"',
        "https://shop.example/a\\b",
        "https://shop.example/é",
        "https://bücher.example/",
        "https://\u017fhop.example/",
        "https://shop。example/",
        "https://shop.example/%zz",
        "https://shop.example/%",
        "https://[::1]/",
        "https://shop.example:port/",
        "https://shop.example:123456/",
        "{site}://shop.example/",
        "https{site}://shop.example/",
        "https://{pub_sub_id}/",
        "https://{pub_sub_id}.shop.example/",
        "https://shop.example{pub_sub_id}",
        "https://shop.example.{pub_sub_id}/",
        "https://shop.example:{pub_sub_id}/",
        "https://{pub_sub_id}@shop.example/",
        "shop://{pub_sub_id}/",
        "https://shop.example/{",
        "https://shop.example/{}",
        "https://shop.example/{{click_id}}",
        "https://shop.example/{click_id",
        "https://shop.example/{nobody}",
        "https://shop.example/{CLICK_ID}",
        "https://shop.example/{destination}",
        "https://shop.example/" + "x" * DESTINATION_CHARACTERS_MAX,
        "https://shop.example/" + "{id}" * (MACROS_MAX + 1),
    ],
)
def test_what_could_lead_elsewhere_may_not(destination: str) -> None:
    fault = destination_fault(destination)

    assert fault is not None
    assert fault.endswith(".")


def test_an_unknown_macro_is_named_beside_the_known_ones() -> None:
    fault = destination_fault("https://shop.example/{offer.weGet}")

    assert fault is not None
    assert "{offer.weGet}" in fault
    assert "{pub_click_id}" in fault


@pytest.mark.parametrize(
    ("destination", "address"),
    [
        (WEB, f"{WEB}?clkid={ID}"),
        ("https://shop.example", f"https://shop.example?clkid={ID}"),
        (f"{WEB}?", f"{WEB}?clkid={ID}"),
        (f"{WEB}?a=b", f"{WEB}?a=b&clkid={ID}"),
        (f"{WEB}?a=b&", f"{WEB}?a=b&clkid={ID}"),
        (f"{WEB}#top", f"{WEB}?clkid={ID}#top"),
        (f"{WEB}?a=b#/c?d", f"{WEB}?a=b&clkid={ID}#/c?d"),
        ("shop://welcome", f"shop://welcome?clkid={ID}"),
    ],
)
def test_the_click_id_is_added_to_the_query(destination: str, address: str) -> None:
    assert lead(destination) == address


def test_a_destination_that_places_the_click_id_itself_gets_no_second_one() -> None:
    assert lead(f"{WEB}?clkid={{id}}&a=b") == f"{WEB}?clkid={ID}&a=b"
    assert lead(f"{WEB}?notclkid={{id}}") == f"{WEB}?notclkid={ID}&clkid={ID}"


@pytest.mark.parametrize("store", [PLAY, "market://details"])
@pytest.mark.parametrize(
    ("rest", "referrer"),
    [
        ("", f"clkid={ID}"),
        ("&referrer=", f"clkid={ID}"),
        ("&referrer=utm_source%3Dacme%26utm_medium%3Dcpc", None),
    ],
)
def test_the_play_store_also_gets_it_in_the_referrer(
    store: str, rest: str, referrer: str | None
) -> None:
    query = parse_qs(urlsplit(lead(f"{store}?id=com.shop{rest}")).query)

    assert query["id"] == ["com.shop"]
    assert query["clkid"] == [ID]
    assert query["referrer"] == [referrer or f"utm_source=acme&utm_medium=cpc&clkid={ID}"]


@pytest.mark.parametrize(
    "destination",
    [
        "https://play.google.com.evil.example/store/apps/details?id=a",
        "https://play.google.com/store/apps/details/x?id=a",
        "https://shop.example/?to=https://play.google.com/store/apps/details",
    ],
)
def test_no_other_address_passes_for_the_play_store(destination: str) -> None:
    assert "referrer" not in lead(destination)


def test_each_macro_is_filled_under_our_name_and_under_swaarms() -> None:
    values = {name: f"value-of-{name}" for name in MACROS.values()}
    for macro, name in MACROS.items():
        query = parse_qs(urlsplit(lead(f"{WEB}?m={{{macro}}}", **values)).query)
        assert query["m"] == [ID if name == "click_id" else values[name]]


def test_a_macro_without_a_value_or_with_one_too_long_to_be_meant_is_empty() -> None:
    assert lead(f"{WEB}?s={{site}}") == f"{WEB}?s=&clkid={ID}"
    fits = "x" * MACRO_VALUE_CHARACTERS_MAX
    assert lead(f"{WEB}?s={{site}}", site=fits) == f"{WEB}?s={fits}&clkid={ID}"
    assert lead(f"{WEB}?s={{site}}", site=fits + "x") == f"{WEB}?s=&clkid={ID}"


@pytest.mark.parametrize("dots", [".", "..", "..."])
def test_a_value_of_dots_cannot_climb_out_of_its_folder(dots: str) -> None:
    assert lead("https://shop.example/a/{site}/b", site=dots).startswith(
        "https://shop.example/a//b"
    )


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a&b=c#d?e/f", "a%26b%3Dc%23d%3Fe%2Ff"),
        ("a b+c", "a%20b%2Bc"),
        ("\r\nSet-Cookie: a=b", "%0D%0ASet-Cookie%3A%20a%3Db"),
        ("//evil.example", "%2F%2Fevil.example"),
        ("@evil.example", "%40evil.example"),
        ("\\evil", "%5Cevil"),
        ("%2e%2e%2f", "%252e%252e%252f"),
        ("{click_id}", "%7Bclick_id%7D"),
        ("é\u202e", "%C3%A9%E2%80%AE"),
        ("\ud7ff\U0010ffff", "%ED%9F%BF%F4%8F%BF%BF"),
    ],
)
def test_a_value_comes_percent_encoded(value: str, encoded: str) -> None:
    assert lead(f"{WEB}?s={{site}}", site=value) == f"{WEB}?s={encoded}&clkid={ID}"


def test_a_stored_destination_that_no_rule_let_in_still_breaks_no_header() -> None:
    address = lead("https://shop.example/\r\nSet-Cookie: a=b\x00 é")

    assert address.isascii()
    assert address.isprintable()
    assert " " not in address


TEMPLATES = st.sampled_from(
    [
        "https://shop.example/{site}",
        "https://shop.example/{site}/{placement}?a={app}#{term}",
        "https://shop.example?{site}={placement}",
        "https://shop.example:8443/a/{site}/b",
        "shop://open/{site}?x={app}",
        f"{PLAY}?id={{site}}&referrer={{app}}",
    ]
)
VALUES = st.dictionaries(
    st.sampled_from(["site", "placement", "app", "term"]), st.text(st.characters(codec="utf-8"))
)


@given(TEMPLATES, VALUES)
def test_whatever_a_click_carries_it_leads_where_its_link_does(
    template: str, values: dict[str, str]
) -> None:
    address = lead(template, **values)

    assert address.isascii()
    assert address.isprintable()
    meant, led = urlsplit(template), urlsplit(address)
    assert (led.scheme, led.netloc) == (meant.scheme, meant.netloc)
    assert "\\" not in address
    assert not {".", ".."} & set(led.path.split("/"))
    assert parse_qs(led.query)["clkid"] == [ID]


REFERRER = f"{PLAY}?id=com.shop&referrer=utm_source%3D{{pub_sub_id}}%26utm_campaign%3D{{campaign}}"


@given(source=st.text(min_size=1, max_size=50), campaign=st.text(min_size=1, max_size=50))
def test_a_macro_in_the_referrer_arrives_as_it_was_and_forges_nothing(
    source: str, campaign: str
) -> None:
    address = lead(REFERRER, pub_sub_id=source, campaign=campaign)

    (referrer,) = parse_qs(urlsplit(address).query)["referrer"]
    told = parse_qs(referrer, keep_blank_values=True)
    assert told["clkid"] == [ID]
    assert told["utm_source"] == [source if source.strip(".") else ""]
    assert told["utm_campaign"] == [campaign if campaign.strip(".") else ""]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("https://a.example/{site}?t={site}", ("a%26b", "a%26b")),
        ("https://a.example/?t=Hello%20{site}", ("a%26b",)),
        ("https://a.example/?u=https%3A%2F%2Fb.example%2F{site}", ("a%2526b",)),
        (
            "https://a.eu/?u=x%3A%2F%2Fb%3Fc%3D{site}%26n%3Dx%253A%252F%252Fd%253Fe%253D{site}&z={site}",
            ("a%2526b", "a%252526b", "a%26b"),
        ),
        (f"{PLAY}?id=com.shop&referrer={{site}}", ("a%2526b",)),
        (
            "https://a.example/?u=https://b.example/{site}?t={site}&z={site}",
            ("a%2526b", "a%2526b", "a%26b"),
        ),
        ("https://a.eu/?u=https://b.eu/?r=x%3A%2F%2Fd%3Fe%3D{site}", ("a%252526b",)),
    ],
)
def test_a_macro_is_encoded_once_for_each_address_that_it_is_nested_in(
    destination: str, expected: tuple[str, ...]
) -> None:
    filled = destination
    for value in expected:
        filled = filled.replace("{site}", value, 1)

    assert lead(destination, site="a&b").startswith(filled.partition("&referrer")[0])
    assert all(value in lead(destination, site="a&b") for value in expected)


NAMES = st.sampled_from(["", "x", "c=", "clkid=", "referrer=", "a=b", "u=https%3A%2F%2Fb.c%3Fd%3D"])
PIECES = st.tuples(NAMES, st.sampled_from(["", *(f"{{{macro}}}" for macro in MACROS), "q"]))


@given(
    st.sampled_from([WEB, PLAY, "market://details", "shop://a", "https://a.b/{site}"]),
    st.lists(PIECES, max_size=4),
    st.sampled_from(["", "#/{creative}", "#a"]),
    st.dictionaries(
        st.sampled_from(sorted({*MACROS.values(), "other"})),
        st.sampled_from(["", "a b", "é&=#?%", "..", "clkid", "x" * 600, "https://x.y/?a=b"]),
        max_size=6,
    ),
)
def test_an_address_that_is_prepared_is_the_one_that_is_put_together_each_time(
    base: str, pieces: list[tuple[str, str]], fragment: str, values: dict[str, str]
) -> None:
    query = "&".join(map("".join, pieces))
    destination = f"{base}?{query}{fragment}" if pieces else base + fragment
    prepared = lead(destination, **values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(destinations, "_parts_of", lambda _: None)
        assert lead(destination, **values) == prepared
