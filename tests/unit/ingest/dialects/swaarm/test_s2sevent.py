"""`/s2sevent`: what it cannot do without, and what an empty event id means."""

import pytest

from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT, read_s2sevent
from shared.errors import ConflictingValues, MalformedField, MissingField
from shared.events import INSTALL, Event, Kind
from tests.support.build import NOW_MS, event, parameters, request_context

WHO = "user_id=u&user_ip=203.0.113.7&user_ua=UA%2F1.0"


def read(query: str) -> Event:
    return read_s2sevent(parameters(query), request_context()).event


def sent(**changes: object) -> Event:
    known = {"user_id": "u", "ip_address": "203.0.113.7", "user_agent": "UA/1.0"}
    return event(endpoint="/s2sevent", **{**known, **changes})


@pytest.mark.parametrize("query", [WHO, f"{WHO}&event_id="])
def test_without_an_event_the_user_is_to_be_attributed_now(query: str) -> None:
    assert read(query) == sent(event_id=INSTALL)


def test_the_documented_address_with_a_second_empty_event_id_is_an_event() -> None:
    assert read(f"event_id=registration&{WHO}&event_id=") == sent(event_id="registration")
    assert read(f"event_id=&{WHO}&event_id=registration") == sent(event_id="registration")


def test_two_events_in_one_call_are_refused() -> None:
    with pytest.raises(ConflictingValues) as caught:
        read(f"event_id=a&{WHO}&event_id=b")

    assert caught.value.field == "event_id"


def test_the_documented_open_is_an_open() -> None:
    assert read(f"event_id=__open&{WHO}&event_id=") == sent(event_id="__open", kind=Kind.OPEN)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "user_id"),
        ("user_ip=203.0.113.7&user_ua=UA", "user_id"),
        ("user_id=&user_ip=203.0.113.7&user_ua=UA", "user_id"),
        ("click_id=c&user_ip=203.0.113.7&user_ua=UA", "user_id"),
        ("user_id=u&user_ua=UA", "user_ip"),
        ("user_id=u&user_ip=&user_ua=UA", "user_ip"),
        ("user_id=u&user_ip=203.0.113.7", "user_ua"),
        ("user_id=u&user_ip=203.0.113.7&user_ua=&event_id=e", "user_ua"),
    ],
)
def test_what_is_mandatory_is_named_when_it_is_missing(query: str, field: str) -> None:
    with pytest.raises(MissingField) as caught:
        read(query)

    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field} is required.")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("user_id=%20&user_ip=203.0.113.7&user_ua=UA", "user_id"),
        ("user_id=u&user_ip=INSERT_IP&user_ua=UA", "user_ip"),
        ("user_id=u&user_ip=203.0.113.7&user_ua=" + "x" * 2049, "user_ua"),
        (f"{WHO}&sale_amount=12,50", "sale_amount"),
        (f"{WHO}&idfa=a%0Ab", "idfa"),
        (f"{WHO}&event_time=soon", "event_time"),
    ],
)
def test_what_is_malformed_is_named(query: str, field: str) -> None:
    with pytest.raises(MalformedField) as caught:
        read(query)

    assert caught.value.field == field


def test_the_names_that_postback_has_for_address_and_browser_are_understood() -> None:
    assert read("user_id=u&ip_address=203.0.113.7&user_agent=UA%2F1.0") == sent(event_id=INSTALL)


def test_everything_that_postback_takes_is_taken_here() -> None:
    query = (
        f"{WHO}&event_id=purchase&sale_amout=42&sale_amount_currency=usd&aggregated_event_value=3"
        "&event_value=v&event_time=1767323045&idempotency_key=k&click_id=c&gaid=G&colour=red"
    )
    assert read(query) == sent(
        event_id="purchase",
        sale_amount="42",
        sale_amount_currency="USD",
        aggregated_event_value="3",
        event_value="v",
        event_time_ms=NOW_MS - 678,
        idempotency_key="k",
        click_id="c",
        device_ids={"gaid": "G"},
        parameters={"colour": "red"},
    )


def test_it_needs_a_token_and_answers_as_postback_does() -> None:
    assert S2SEVENT.link_names is None
    assert S2SEVENT.token_names == POSTBACK.token_names
    reading = S2SEVENT.read(parameters(WHO), request_context())
    assert (
        reading.reply == POSTBACK.read(parameters("user_id=u&event_id=e"), request_context()).reply
    )
    assert reading.if_lost is None
