"""The Swaarm dialect: its parameters and its answers."""

from typing import Any

import msgspec
import pytest

from ingest.dialects import swaarm
from ingest.dialects.swaarm import POSTBACK, read_postback
from shared.errors import (
    ConflictingValues,
    InboxUnreachable,
    MalformedField,
    MissingField,
    RequestError,
    Unauthorized,
)
from shared.events import Environment, Event, Kind
from shared.tokens import TokenFault
from tests.support.build import NOW_MS, RECEIPT, event, grant, parameters, reception


def read(query: str, **circumstances: Any) -> Event:
    return read_postback(parameters(query), reception(**circumstances))


def postback(rest: str, **circumstances: Any) -> Event:
    return read(f"user_id=u&event_id=e&{rest}", **circumstances)


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
        ("ip_address=undefined", "ip_address"),
        ("user_agent=" + "x" * 2049, "user_agent"),
        ("sale_amount=12,50", "sale_amount"),
        ("sale_amout=NaN", "sale_amount"),
        ("sale_amount_currency=ZZZ", "sale_amount_currency"),
        ("aggregated_event_value=many", "aggregated_event_value"),
        ("event_value=" + "x" * 16_385, "event_value"),
        ("event_time=yesterday", "event_time"),
        ("idempotency_key=" + "x" * 257, "idempotency_key"),
        ("idempotency_key=%0A", "idempotency_key"),
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
    with pytest.raises(MalformedField, match="ahead"):
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


def test_an_accepted_event_is_answered_with_its_receipt_and_nothing_else() -> None:
    reply = swaarm.accepted(event())

    assert reply.status == 200
    assert reply.body == b'{"status":"ok","id":"019b7ca9-8f2e-7000-8000-000000000001"}'
    assert reply.headers == {"Waybill-Receipt": "019b7ca9-8f2e-7000-8000-000000000001"}


def test_a_refused_field_is_answered_with_code_field_and_what_to_do() -> None:
    reply = swaarm.refused(MissingField("user_id"))

    assert reply.status == 400
    assert reply.body == (
        b'{"error":{"code":"missing_field","field":"user_id",'
        b'"message":"user_id is required. Send user_id with every call."}}'
    )


def test_a_bad_token_is_answered_without_a_hint_for_a_guesser() -> None:
    reply = swaarm.refused(Unauthorized(TokenFault.WRONG))

    assert reply.status == 401
    assert reply.body == (
        b'{"error":{"code":"unauthorized","field":null,"message":"The token is missing or not '
        b'valid. Send one active token, in the Authorization header or as s2s_token."}}'
    )


def test_an_event_that_could_not_be_kept_is_answered_so() -> None:
    reply = swaarm.refused(InboxUnreachable())

    assert reply.status == 503
    assert reply.body == (
        b'{"error":{"code":"inbox_unreachable","field":null,'
        b'"message":"The event could not be written to disk. Send it again later."}}'
    )


def test_a_quote_in_a_field_does_not_break_the_answer() -> None:
    reply = swaarm.refused(RequestError('say "no"', 'a"}<b>'))

    assert msgspec.json.decode(reply.body)["error"]["field"] == 'a"}<b>'
