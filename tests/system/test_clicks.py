"""Tests clicks over HTTP: where they lead, what is stored of them, and what no click can do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.system.conftest import Running
from tests.system.product import Waybill
from tests.system.traffic import Answer, get, send

LINK = "/click?offer_id=51&pub_id=52"
HOST = "shop.example"
PLAY = "https://play.google.com/store/apps/details?id=com.shop&referrer=utm_source%3Dacme"
MACROS = "https://shop.example/{pub_sub_id}/welcome?from={pub_click_id}&site={site}#{creative}"


def make_link(waybill: Waybill, destination: str, offer_id: str, pub_id: str = "52") -> str:
    link = waybill.json(
        *("link", "create", "--app", "Shop", "--partner", "Acme", "--name", f"link {offer_id}"),
        *("--destination", destination, "--offer-id", offer_id, "--pub-id", pub_id),
    )
    assert link["tracking_url"] == f"{waybill.url}/click?offer_id={offer_id}&pub_id={pub_id}"
    return str(link["tracking_url"])


@pytest.fixture(scope="module")
def linked(running: Running) -> Running:
    make_link(running.waybill, MACROS, "51")
    make_link(running.waybill, PLAY, "53")
    return running


def ask(running: Running, target: str, headers: str = "") -> Answer:
    (answer,) = send(running.port, [get(target, headers)], connections=1).answers
    return answer


def recorded_event(running: Running, answer: Answer) -> dict[str, Any]:
    return running.waybill.recorded_event(answer.headers["waybill-receipt"])


def leads(answer: Answer) -> dict[str, list[str]]:
    """Returns the query of the address that a person is redirected to."""
    assert answer.status == 302, answer.body
    return parse_qs(urlsplit(answer.headers["location"]).query)


def code(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"]["code"])


def test_a_click_is_sent_on_with_the_id_under_which_it_is_recorded(linked: Running) -> None:
    answer = ask(linked, f"{LINK}&pub_click_id=p%261&gaid=G-1", "User-Agent: Mobile Safari\r\n")

    click = recorded_event(linked, answer)
    assert leads(answer)["clkid"] == [click["click_id"]]
    assert leads(answer)["from"] == ["p&1"]
    assert (click["kind"], click["app"]) == ("click", "Shop")
    assert (click["ip_address"], click["user_agent"]) == ("127.0.0.1", "Mobile Safari")
    assert click["device_ids"] == {"gaid": "G-1"}
    assert click["parameters"] == {"offer_id": "51", "pub_id": "52", "pub_click_id": "p&1"}


def test_no_cache_keeps_a_click_and_the_destination_does_not_learn_its_address(
    linked: Running,
) -> None:
    answer = ask(linked, LINK)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.body == b""


def test_the_play_store_is_told_the_click_id_in_the_referrer(linked: Running) -> None:
    query = leads(ask(linked, "/click?offer_id=53&pub_id=52"))

    assert query["referrer"] == [f"utm_source=acme&clkid={query['clkid'][0]}"]


def test_click_ids_are_short_safe_in_addresses_and_in_the_order_of_time(linked: Running) -> None:
    ids = [leads(ask(linked, LINK))["clkid"][0] for _ in range(20)]

    assert len(set(ids)) == 20
    assert all(len(click_id) <= 24 for click_id in ids)
    assert all(
        character.isalnum() or character in "-_~." for click_id in ids for character in click_id
    )
    prefixes = [click_id[:9] for click_id in ids]  # the time, in milliseconds
    assert prefixes == sorted(prefixes)


def test_an_impression_is_recorded_as_one_and_sends_nobody_anywhere(linked: Running) -> None:
    answer = ask(linked, LINK.replace("/click", "/impression"))

    impression = recorded_event(linked, answer)
    assert json.loads(answer.body) == {"id": impression["click_id"]}
    assert impression["kind"] == "impression"


def test_the_advanced_flow_end_to_end(linked: Running) -> None:
    where = "user_ip=203.0.113.7&user_ua=Mozilla%2F5.0"
    clicked = ask(linked, f"/click?no_redirect=true&{where}&s2stoken={linked.token}")
    click_id = json.loads(clicked.body)["id"]
    assert clicked.body == b'{"id":"%s"}' % click_id.encode()

    step_3 = ask(linked, f"/postback?s2s_token={linked.token}")
    message = json.loads(step_3.body)["error"]["message"]
    assert step_3.status == 400
    assert all(name in message for name in ("user_id", "event_id", "click_id"))

    install = ask(linked, f"/postback?s2s_token={linked.token}&click_id={click_id}")
    query = f"s2s_token={linked.token}&user_id={click_id}&event_id=purchase"
    later = ask(linked, f"/postback?{query}")

    assert recorded_event(linked, clicked)["click_id"] == click_id
    first = recorded_event(linked, install)
    assert (first["user_id"], first["event_id"], first["unmapped"]) == (
        click_id, "__install", False,
    )  # fmt: skip
    assert recorded_event(linked, later)["user_id"] == click_id


def test_a_click_id_that_nobody_knows_is_accepted(linked: Running) -> None:
    answer = ask(linked, f"/postback?s2s_token={linked.token}&click_id=nobody-knows-this")

    assert recorded_event(linked, answer)["click_id"] == "nobody-knows-this"


def test_a_new_link_works_from_its_first_click(linked: Running) -> None:
    linked.waybill.json("app", "set", "--app", "Shop", "--destination-hosts", "shop://")
    url = make_link(linked.waybill, "shop://welcome", "54")

    answer = ask(linked, url.removeprefix(linked.waybill.url))
    assert answer.headers["location"].startswith("shop://welcome?clkid=")


def test_a_test_tokens_click_is_of_the_sandbox(linked: Running) -> None:
    token = linked.waybill.json("token", "create", "--app", "Shop", "--name", "try", "--test")
    answer = ask(linked, f"/click?no_redirect=true&token={token['secret']}")

    assert recorded_event(linked, answer)["environment"] == "sandbox"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/click", "missing_field"),
        ("/click?offer_id=51", "missing_field"),
        ("/click?offer_id=51&pub_id=99", "unknown_link"),
        ("/click?no_redirect=true&s2stoken=wrong", "unauthorized"),
        (f"{LINK}&site=" + "s" * 5_000_000, "uri_too_long"),
    ],
)
def test_a_click_that_cannot_be_taken_leads_nowhere(
    linked: Running, target: str, expected: str
) -> None:
    answer = ask(linked, target)

    assert code(answer) == expected
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "extra",
    ["pub_id=53", "s2stoken=wrong", "site=%ff", "site=%00", "&".join(f"p{n}=1" for n in range(64))],
)
def test_a_click_of_a_link_leads_to_its_destination_whatever_else_it_carries(
    linked: Running, extra: str
) -> None:
    answer = ask(linked, f"{LINK}&{extra}")

    assert answer.status == 302
    assert answer.headers["location"]


def _elsewhere() -> Iterator[str]:
    """Yields known tricks to put foreign addresses into redirects."""
    evil = [
        "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example",
        "\\\\evil.example", "https:evil.example", "https:/evil.example", "javascript:alert(1)",
        "JaVaScRiPt://shop.example/%0aalert(1)", "data:text/html,<script>alert(1)</script>",
        "@evil.example", ".evil.example", ":443@evil.example", "#@evil.example", "?evil.example",
        "..", "../..", "%2e%2e", "%2f%2fevil.example", "\tevil", "\r\nLocation: https://evil.example",
        "\r\n\r\n<script>alert(1)</script>", "\nSet-Cookie: a=b", "\u2028evil", "\u3002evil",
        "{click_id}", "{user_ip}", "%00", "<b>", "\"'><svg onload=alert(1)>",
    ]  # fmt: skip
    names = [
        "pub_sub_id", "pub_click_id", "site", "creative", "redirect", "redirect_url", "url",
        "destination", "dest", "next", "to", "r", "lp", "deeplink", "fallback", "clkid", "Location",
    ]  # fmt: skip
    for value in evil:
        encoded = "".join(f"%{byte:02X}" for byte in value.encode())
        yield from (f"{LINK}&{name}={encoded}" for name in names)


def test_no_parameter_leads_anywhere_but_to_the_destination(linked: Running) -> None:
    targets = list(_elsewhere())
    answers = send(linked.port, map(get, targets), connections=8).answers

    assert len(targets) == len(answers) > 400
    for answer in answers:
        assert answer.status in {302, 400}, answer.body
        assert "set-cookie" not in answer.headers
        if answer.status == 302:
            location = answer.headers["location"]
            assert location.isascii()
            assert location.isprintable()
            address = urlsplit(location)
            assert (address.scheme, address.netloc) == ("https", HOST)
            assert address.path.endswith("/welcome")
            assert not {".", ".."} & set(address.path.split("/"))
            assert "\\" not in location
    assert sum(answer.status == 302 for answer in answers) > len(answers) * 0.9


@pytest.mark.parametrize(
    "request_",
    [
        get(LINK, "X-Forwarded-Host: evil.example\r\n"),
        get(LINK, "Referer: https://evil.example/\r\n"),
        get(LINK, "X-Original-URL: https://evil.example/\r\n"),
        f"GET {LINK} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(),
        f"GET http://evil.example{LINK} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(),
        f"GET //evil.example{LINK} HTTP/1.1\r\nHost: waybill\r\n\r\n".encode(),
        f"GET /\\evil.example{LINK} HTTP/1.1\r\nHost: waybill\r\n\r\n".encode(),
        f"GET {LINK}#@evil.example HTTP/1.1\r\nHost: waybill\r\n\r\n".encode(),
    ],
)
def test_no_request_leads_anywhere_but_to_the_destination(linked: Running, request_: bytes) -> None:
    (answer,) = send(linked.port, [request_], connections=1).answers

    if answer.status == 302:
        assert urlsplit(answer.headers["location"]).netloc == HOST
    else:
        assert answer.status in {400, 404}
        assert "location" not in answer.headers


def test_a_destination_that_could_lead_elsewhere_is_not_stored(linked: Running) -> None:
    for destination in (
        "http://shop.example", "//evil.example", "https://a@evil.example", "javascript:alert(1)",
        "https://{pub_sub_id}.example", "https://shop.example\\@evil.example", "https://a b/",
    ):  # fmt: skip
        refused = linked.waybill.run(
            *("link", "create", "--app", "Shop", "--partner", "Acme", "--name", "evil"),
            *("--destination", destination, "--json"),
        )
        assert refused.returncode == 1, destination
        assert json.loads(refused.stdout)["error"]["message"].startswith("--destination ")

    assert "evil" not in [link["name"] for link in linked.waybill.json("link", "list")["links"]]


def test_a_prefetch_and_a_question_for_methods_make_no_click(linked: Running) -> None:
    before = linked.waybill.json("status")["accepted"]

    prefetch = ask(linked, LINK, "Sec-Purpose: prefetch;prerender\r\n")
    options = send(linked.port, [b"OPTIONS " + get(LINK)[4:]], connections=1).answers[0]
    click = ask(linked, LINK)

    assert (prefetch.status, code(prefetch)) == (503, "prefetch")
    assert "location" not in {**prefetch.headers, **options.headers}
    assert "location" in click.headers
    assert linked.waybill.json("status")["accepted"] == before + 1


def test_nobody_but_a_trusted_proxy_says_whose_click_it_is(linked: Running, tmp_path: Path) -> None:
    forwarded = "X-Forwarded-For: 203.0.113.66, 203.0.113.7\r\n"
    assert recorded_event(linked, ask(linked, LINK, forwarded))["ip_address"] == "127.0.0.1"

    with Waybill(tmp_path / "data", {"WAYBILL_FORWARDED_HOPS": "1"}, workers=1) as behind:
        behind.json("app", "create", "--name", "Shop")
        make_link(behind, "https://shop.example/", "51")
        running = Running(behind, "")
        assert recorded_event(running, ask(running, LINK, forwarded))["ip_address"] == "203.0.113.7"
