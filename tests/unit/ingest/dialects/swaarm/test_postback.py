"""`/postback`: its parameters, what a click id stands for, and what its 400 says."""

from typing import Any

import pytest

from ingest.dialects.swaarm.postback import POSTBACK, read_postback
from shared.errors import ConflictingValues, MalformedField, MissingField
from shared.events import INSTALL, Environment, Event, Kind
from tests.support.build import NOW_MS, RECEIPT, event, grant, parameters, request_context

CLICK_ID = "AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA"


def read(query: str, **changes: Any) -> Event:
    return read_postback(parameters(query), request_context(**changes)).event


def postback(rest: str, **changes: Any) -> Event:
    return read(f"user_id=u&event_id=e&{rest}", **changes)


def test_the_documented_get_is_an_event() -> None:
    assert read("user_id=0000-AAAA-BBBB-CCCC&event_id=register") == event()


def test_the_documented_post_with_its_misspelt_amount_is_an_event_with_that_amount() -> None:
    assert read("user_id=0000-AAAA-BBBB-CCCC&event_id=purchase&sale_amout=42") == event(
        event_id="purchase", sale_amount="42"
    )


def test_every_parameter_is_kept_with_its_meaning() -> None:
    sent = (
        "user_id=u&event_id=e&ip_address=203.0.113.7&user_agent=UA%2F1.0&sale_amount=12.50"
        "&sale_amount_currency=usd&aggregated_event_value=3&event_value=%7B%22a%22%3A1%7D"
        "&event_time=1767323045&idempotency_key=k-1&click_id=c&empty="
    )

    assert read(sent) == event(
        user_id="u",
        event_id="e",
        ip_address="203.0.113.7",
        user_agent="UA/1.0",
        sale_amount="12.50",
        sale_amount_currency="USD",
        aggregated_event_value="3",
        event_value='{"a":1}',
        event_time_ms=NOW_MS - 678,
        idempotency_key="k-1",
        click_id="c",
        parameters={"empty": ""},
    )


def test_who_sent_it_and_when_it_came_are_of_the_circumstances_not_of_the_parameters() -> None:
    read_event = postback(
        "app_id=9&token_id=9&environment=sandbox&receipt=r&received_at_ms=0&endpoint=/other",
        grant=grant(app_id=3, token_id=4, environment=Environment.SANDBOX),
    )

    assert (read_event.app_id, read_event.token_id) == (3, 4)
    assert read_event.environment is Environment.SANDBOX
    assert (read_event.receipt, read_event.received_at_ms) == (RECEIPT, NOW_MS)
    assert read_event.endpoint == "/postback"
    assert read_event.parameters["app_id"] == "9"


def test_open_is_a_kind_of_its_own() -> None:
    assert read("user_id=u&event_id=__open").kind is Kind.OPEN
    assert read("user_id=u&event_id=__OPEN").kind is Kind.EVENT


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "user_id"),
        ("event_id=e", "user_id"),
        ("user_id=&event_id=e", "user_id"),
        ("user_id=u", "event_id"),
        ("user_id=u&event_id=", "event_id"),
    ],
)
def test_a_user_and_an_event_are_required(query: str, field: str) -> None:
    with pytest.raises(MissingField) as caught:
        read(query)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ("ip_address=1.2.3", "ip_address"),
        ("user_agent=" + "x" * 2049, "user_agent"),
        ("sale_amount=12,50", "sale_amount"),
        ("sale_amout=NaN", "sale_amount"),
        ("sale_amount_currency=ZZZ", "sale_amount_currency"),
        ("aggregated_event_value=many", "aggregated_event_value"),
        ("event_value=" + "x" * 16_385, "event_value"),
        ("event_time=yesterday", "event_time"),
        ("idempotency_key=" + "x" * 257, "idempotency_key"),
        ("idempotency_key=a%0Ab", "idempotency_key"),
    ],
)
def test_a_malformed_field_is_refused_by_its_documented_name(sent: str, field: str) -> None:
    with pytest.raises(MalformedField) as caught:
        postback(sent)

    assert caught.value.field == field


@pytest.mark.parametrize(
    "name",
    [
        "ip_address", "user_agent", "sale_amount", "sale_amount_currency", "event_time",
        "aggregated_event_value", "event_value", "idempotency_key",
    ],
)  # fmt: skip
def test_an_optional_field_sent_empty_was_not_sent(name: str) -> None:
    assert postback(f"{name}=") == event(user_id="u", event_id="e")


def test_both_spellings_of_the_amount_may_agree() -> None:
    read_event = postback("sale_amount=42&sale_amout=42")

    assert (read_event.sale_amount, read_event.parameters) == ("42", {})


def test_two_spellings_with_two_amounts_are_refused() -> None:
    with pytest.raises(ConflictingValues) as caught:
        postback("sale_amount=42&sale_amout=43")

    assert caught.value.field == "sale_amount"


def test_an_amount_that_was_rounded_is_also_kept_as_it_was_sent() -> None:
    read_event = postback("sale_amount=0.12345678&aggregated_event_value=1.5")

    assert read_event.sale_amount == "0.123457"
    assert read_event.parameters == {"sale_amount": "0.12345678"}


def test_the_time_of_an_event_is_measured_from_when_it_came() -> None:
    with pytest.raises(MalformedField, match="in the future"):
        postback("event_time=1767323045", received_at_ms=NOW_MS - 2 * 86_400_000)


def test_a_key_may_come_in_the_header_or_as_a_parameter() -> None:
    assert postback("idempotency_key=k").idempotency_key == "k"
    assert postback("", idempotency_key="k").idempotency_key == "k"
    assert postback("idempotency_key=", idempotency_key="k").idempotency_key == "k"
    assert postback("").idempotency_key is None
    assert postback("", idempotency_key="").idempotency_key is None


def test_a_key_in_both_places_must_be_the_same() -> None:
    assert postback("idempotency_key=k", idempotency_key="k").idempotency_key == "k"
    with pytest.raises(ConflictingValues) as caught:
        postback("idempotency_key=k", idempotency_key="other")

    assert caught.value.field == "idempotency_key"


def test_a_key_in_the_header_follows_the_rules_of_an_id() -> None:
    with pytest.raises(MalformedField):
        postback("", idempotency_key="x" * 257)


def test_a_token_may_have_each_of_the_names_that_swaarm_gives_it() -> None:
    assert POSTBACK.token_names == {"s2s_token", "token", "s2stoken", "web_token"}


def test_a_click_id_alone_is_the_install_of_whoever_clicked() -> None:
    assert read(f"click_id={CLICK_ID}") == event(
        user_id=CLICK_ID, event_id=INSTALL, click_id=CLICK_ID
    )


def test_a_click_id_stands_for_its_user_in_any_event() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=Purchase&sale_amount=5") == event(
        user_id=CLICK_ID, event_id="Purchase", click_id=CLICK_ID, sale_amount="5"
    )


def test_a_user_that_is_named_is_the_user_and_the_click_is_theirs() -> None:
    assert read(f"click_id={CLICK_ID}&user_id=u&event_id=e") == event(
        user_id="u", event_id="e", click_id=CLICK_ID
    )
    assert read(f"click_id={CLICK_ID}&user_id=u").event_id == INSTALL


def test_an_open_may_name_its_click() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=__open").kind is Kind.OPEN


@pytest.mark.parametrize("query", ["", "click_id=", "user_id=&click_id=&event_id=e"])
def test_without_a_user_the_400_says_what_would_make_it_work(query: str) -> None:
    with pytest.raises(MissingField) as caught:
        read(query)

    assert caught.value.field == "user_id"
    for name in ("user_id", "event_id", "click_id"):
        assert name in caught.value.message


def test_without_an_event_a_user_needs_a_click_id_for_an_install() -> None:
    with pytest.raises(MissingField) as caught:
        read("user_id=u")

    assert caught.value.field == "event_id"
    assert "click_id" in caught.value.message


def test_an_event_numbered_by_swaarm_is_not_taken_for_an_install() -> None:
    with pytest.raises(MissingField) as caught:
        read(f"click_id={CLICK_ID}&our_event_type_id=123")

    assert caught.value.field == "event_id"
    assert "our_event_type_id" in caught.value.message
    kept = read(f"click_id={CLICK_ID}&our_event_type_id=123&event_id=e")
    assert kept.parameters == {"our_event_type_id": "123"}


@pytest.mark.parametrize("value", ["%20", "a%0Ab", "x" * 257])
def test_a_click_id_follows_the_rules_of_an_id(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        read(f"click_id={value}")

    assert caught.value.field == "click_id"


def test_device_ids_are_kept_apart_from_the_other_parameters() -> None:
    sent = read("user_id=u&event_id=e&idfa=A&gaid=B&gps_adid=&country=DE")

    assert sent.device_ids == {"idfa": "A", "gaid": "B"}
    assert sent.parameters == {"country": "DE"}


def test_the_names_that_s2sevent_has_for_address_and_browser_are_understood() -> None:
    sent = read("user_id=u&event_id=e&user_ip=203.0.113.7&user_ua=UA")

    assert (sent.ip_address, sent.user_agent) == ("203.0.113.7", "UA")
    with pytest.raises(ConflictingValues):
        read("user_id=u&event_id=e&user_ip=203.0.113.7&ip_address=203.0.113.8")


def test_the_sdk_for_the_web_spells_the_aggregated_value_shorter() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=e&aggregated_value=3").aggregated_event_value == "3"


def test_no_link_lets_a_postback_in() -> None:
    assert POSTBACK.link_names is None


def test_a_postback_is_answered_with_its_receipt_and_with_nothing_when_it_is_lost() -> None:
    reading = POSTBACK.read(parameters("user_id=u&event_id=e"), request_context())

    assert reading.event == event(user_id="u", event_id="e")
    assert reading.reply.status == 200
    assert reading.if_lost is None
