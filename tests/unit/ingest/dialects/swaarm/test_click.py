"""`/click` and `/impression`: what is kept of them, and how they are answered."""

from typing import Any
from urllib.parse import quote

import pytest

from ingest.client import ClientInfo
from ingest.dialects.dialect import ParsedRequest
from ingest.dialects.swaarm.click import CLICK, IMPRESSION, build_click
from ingest.dialects.swaarm.postback import POSTBACK
from shared.errors import MalformedField, MissingField
from shared.events import Environment, Event, Kind
from shared.ids import click_id_of
from tests.support.build import (
    LINK,
    NOW_MS,
    RECEIPT,
    event,
    grant,
    link,
    parameters,
    request_context,
)

ID = click_id_of(RECEIPT)
PARTNERS = grant(token_id=0)
VISITOR = ClientInfo("198.51.100.7", "Mobile Safari")
SENT = {"offer_id": "12", "pub_id": "34"}

# Source: Swaarm's page "Swaarm integration with Swaarm MMP clients", its macros filled in.
DOCUMENTED = (
    f"{LINK}&pub_sub_id=abc123&pub_click_id=0a81ad386f991aef1c191dfd60cc"
    "&gaid=d2b927da-4e35-4259-b344-6b71797ebf35&app=com.game&creative=7"
    "&install_callback=https%3A%2F%2Fnetwork.example%2Fpostback%3Fclick_id%3DAsE"
    "&event_callback_event1=https%3A%2F%2Fnetwork.example%2Fpostback%3Fclick_id%3DAsE%26event_id%3Dp"
)


def circumstances(**changes: Any) -> dict[str, Any]:
    return {"grant": PARTNERS, "link": link(), "client": VISITOR, **changes}


def clicked(query: str, **changes: Any) -> Event:
    return build_click(parameters(query), request_context(**circumstances(**changes)))


def answered(query: str, dialect: Any = CLICK, **changes: Any) -> ParsedRequest:
    reading = dialect.read(parameters(query), request_context(**circumstances(**changes)))
    assert isinstance(reading, ParsedRequest)
    return reading


def by_server(**changes: Any) -> dict[str, Any]:
    return {"grant": grant(), "link": None, **changes}


def click(**changes: Any) -> Event:
    known: dict[str, Any] = {
        "kind": Kind.CLICK,
        "endpoint": "/click",
        "token_id": 0,
        "user_id": "",
        "event_id": "",
        "click_id": ID,
        "link_id": 7,
        "ip_address": VISITOR.address,
        "user_agent": VISITOR.user_agent,
        "parameters": SENT,
    }
    return event(**{**known, **changes})


def test_a_click_on_a_link_is_of_whoever_clicked_and_of_no_user_yet() -> None:
    assert clicked(LINK) == click()


def test_everything_documented_is_kept() -> None:
    assert clicked(DOCUMENTED) == click(
        device_ids={"gaid": "d2b927da-4e35-4259-b344-6b71797ebf35"},
        parameters={
            **SENT,
            "pub_sub_id": "abc123",
            "pub_click_id": "0a81ad386f991aef1c191dfd60cc",
            "app": "com.game",
            "creative": "7",
            "install_callback": "https://network.example/postback?click_id=AsE",
            "event_callback_event1": "https://network.example/postback?click_id=AsE&event_id=p",
        },
    )


@pytest.mark.parametrize(
    "name",
    [
        "pub_sub_sub_id", "placement", "site", "app_store_id", "campaign", "adset", "ad", "term",
        "campaign_id", "adset_id", "ad_id", "gclid", "fbclid", "ttclid", "sl", "ext_offer_id",
        "external_id", "event_time", "idempotency_key", "user_id", "click_id", "redirect",
    ],
)  # fmt: skip
def test_a_partners_parameter_is_kept_as_it_was_sent(name: str) -> None:
    assert clicked(f"{LINK}&{name}=value") == click(parameters={**SENT, name: "value"})


def test_a_server_tells_of_its_visitor() -> None:
    query = "no_redirect=true&user_ip=203.0.113.7&user_ua=UA"
    sandbox = grant(environment=Environment.SANDBOX)

    assert clicked(query, **by_server(grant=sandbox)) == click(
        token_id=1,
        environment=Environment.SANDBOX,
        link_id=None,
        ip_address="203.0.113.7",
        user_agent="UA",
        parameters={"no_redirect": "true"},
    )


def test_a_call_that_tells_of_no_visitor_is_the_visitors_own() -> None:
    sent = clicked("no_redirect=true", **by_server())

    assert (sent.ip_address, sent.user_agent) == (VISITOR.address, VISITOR.user_agent)


def test_a_partners_server_may_tell_of_its_visitor_too() -> None:
    sent = clicked(f"{LINK}&user_ip=203.0.113.7&user_ua=UA")

    assert (sent.ip_address, sent.user_agent) == ("203.0.113.7", "UA")


def test_a_connection_that_shows_nobody_and_a_header_that_is_no_browser_say_nothing() -> None:
    assert clicked(LINK, client=ClientInfo()).ip_address is None
    long = ClientInfo(None, "x" * 2049)
    assert clicked(LINK, client=long).user_agent is None


def test_only_a_token_may_say_when_a_click_was() -> None:
    query = f"{LINK}&event_time=1767323045"

    assert clicked(query, grant=grant()).event_time_ms == NOW_MS - 678
    assert clicked(query).event_time_ms is None


PLACEHOLDERS = ["user_ip={user.ip}", "user_ip=unknown", "user_ua={user.ua}", "gaid=%20"]
MALFORMED = ["user_ip=1.2.3", "user_ua=" + "x" * 2049, "idfa=a%0Ab"]


@pytest.mark.parametrize("sent", [*PLACEHOLDERS, *MALFORMED])
def test_a_person_is_sent_on_whatever_their_link_carries(sent: str) -> None:
    name = sent.partition("=")[0]
    reading = answered(f"{LINK}&{sent}")

    assert reading.reply.status == 302
    assert list(reading.event.parameters) == ["offer_id", "pub_id", name]
    assert reading.event.device_ids == {}
    assert reading.event.ip_address == VISITOR.address
    assert reading.event.user_agent == VISITOR.user_agent


@pytest.mark.parametrize("sent", PLACEHOLDERS)
def test_a_server_that_filled_nothing_in_is_not_taken_for_its_visitor(sent: str) -> None:
    name = sent.partition("=")[0]
    event = clicked(f"no_redirect=true&{sent}", **by_server())

    assert list(event.parameters) == ["no_redirect", name]
    assert (name == "user_ip") is (event.ip_address is None)
    assert (name == "user_ua") is (event.user_agent is None)


@pytest.mark.parametrize("sent", [*MALFORMED, "event_time=soon"])
def test_a_server_is_told_of_its_mistake(sent: str) -> None:
    with pytest.raises(MalformedField) as caught:
        clicked(f"no_redirect=true&{sent}", **by_server())

    assert caught.value.field == sent.partition("=")[0]


@pytest.mark.parametrize("value", ["true", "True", "1"])
def test_without_a_redirect_the_answer_is_the_click_id_and_nothing_else(value: str) -> None:
    reading = answered(f"{LINK}&no_redirect={value}")

    assert reading.reply.status == 200
    assert reading.reply.body == b'{"id":"%s"}' % ID.encode()
    assert reading.reply.headers["Cache-Control"] == "no-store"
    assert reading.reply.headers["Waybill-Receipt"] == str(RECEIPT)
    assert reading.if_lost is None


@pytest.mark.parametrize("rest", ["", "&no_redirect=", "&no_redirect=false", "&no_redirect=0"])
def test_else_the_person_is_sent_to_the_destination_of_the_link(rest: str) -> None:
    reading = answered(f"{LINK}{rest}")

    assert reading.reply.status == 302
    assert reading.reply.headers == {
        "Location": f"https://shop.example/welcome?clkid={ID}",
        "Waybill-Receipt": str(RECEIPT),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    assert reading.reply.body == b""


def test_a_person_is_sent_on_without_a_receipt_when_the_click_is_lost() -> None:
    reading = answered(LINK)

    assert reading.if_lost is not None
    assert "Waybill-Receipt" not in reading.if_lost.headers
    assert reading.if_lost.headers["Location"] == reading.reply.headers["Location"]


def test_macros_are_filled_with_what_the_click_carries() -> None:
    destination = (
        "https://shop.example/{pub_id}/{publisher.subId}?c={pub_click_id}&g={gaid}&i={idfa}"
        "&ip={user_ip}&ua={user_ua}&id={id}"
    )
    query = f"{LINK}&pub_sub_id=a%26b&pub_click_id=c%20d&gaid=G&click_id=forged"
    reading = answered(query, link=link(destination=destination))

    assert reading.reply.headers["Location"] == (
        f"https://shop.example/34/a%26b?c=c%20d&g=G&i=&ip=198.51.100.7&ua=Mobile%20Safari&id={ID}"
        f"&clkid={ID}"
    )


@pytest.mark.parametrize(
    "name", ["redirect", "url", "destination", "next", "to", "clkid", "Location"]
)
def test_no_parameter_names_where_to_go(name: str) -> None:
    reading = answered(f"{LINK}&{name}=https%3A%2F%2Fevil.example")

    assert reading.reply.headers["Location"] == f"https://shop.example/welcome?clkid={ID}"


def test_a_server_that_names_no_link_has_to_say_that_it_wants_no_redirect() -> None:
    with pytest.raises(MissingField) as caught:
        answered("user_ip=203.0.113.7&user_ua=UA", **by_server())

    assert caught.value.field == "offer_id"
    assert "no_redirect=true" in caught.value.message


def test_a_server_may_name_a_link_and_be_sent_on() -> None:
    reading = answered(LINK, grant=grant())

    assert reading.reply.status == 302
    assert (reading.event.token_id, reading.event.link_id) == (1, 7)


def test_an_impression_is_kept_as_a_click_is_and_sends_nobody_anywhere() -> None:
    reading = answered(DOCUMENTED, IMPRESSION)

    kept = clicked(DOCUMENTED)
    assert reading.event.kind is Kind.IMPRESSION
    assert reading.event.endpoint == "/impression"
    assert reading.event.parameters == kept.parameters
    assert reading.event.device_ids == kept.device_ids
    assert reading.reply.body == b'{"id":"%s"}' % ID.encode()
    assert reading.if_lost is None


def test_tokens_and_links_have_the_names_that_swaarm_gives_them() -> None:
    for dialect in (CLICK, IMPRESSION):
        assert dialect.token_names == POSTBACK.token_names
        assert dialect.link_names == ("offer_id", "pub_id")


def test_a_server_may_not_name_a_source_as_reports_name_something_else() -> None:
    for name in ("(organic)", "(Organic)\u200b", "Acme (source)"):
        with pytest.raises(MalformedField, match="reports use"):
            clicked(f"site={quote(name)}", **by_server())

    assert clicked("site=Acme", **by_server()).parameters["site"] == "Acme"
    assert clicked("site=(organic)").parameters["site"] == "(organic)"  # the link is credited
