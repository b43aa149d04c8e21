"""Swaarm's answers: an accepted event, and errors in the shape that all of them have."""

import msgspec

from ingest.dialects.swaarm.responses import error_reply, receipt_reply
from shared.errors import InboxUnreachable, MissingField, RequestError, Unauthorized
from shared.tokens import TokenFault
from tests.support.build import event


def test_an_accepted_event_is_answered_with_its_receipt_and_nothing_else() -> None:
    reply = receipt_reply(event())

    assert reply.status == 200
    assert reply.body == b'{"status":"ok","id":"019b7ca9-8f2e-7000-8000-000000000001"}'
    assert reply.headers == {"Waybill-Receipt": "019b7ca9-8f2e-7000-8000-000000000001"}


def test_a_refused_field_is_answered_with_code_field_and_what_to_do() -> None:
    reply = error_reply(MissingField("user_id"))

    assert reply.status == 400
    assert reply.body == (
        b'{"error":{"code":"missing_field","field":"user_id",'
        b'"message":"user_id is required. Send user_id with every call."}}'
    )


def test_a_bad_token_is_answered_without_a_hint_for_a_guesser() -> None:
    reply = error_reply(Unauthorized(TokenFault.WRONG))

    assert reply.status == 401
    assert reply.body == (
        b'{"error":{"code":"unauthorized","field":null,"message":"The token is missing or not '
        b'valid. Send one active token, in the Authorization header or as s2s_token."}}'
    )


def test_an_event_that_could_not_be_kept_is_answered_so() -> None:
    reply = error_reply(InboxUnreachable())

    assert reply.status == 503
    assert reply.body == (
        b'{"error":{"code":"inbox_unreachable","field":null,'
        b'"message":"The event could not be written to disk. Send it again later."}}'
    )


def test_a_quote_in_a_field_does_not_break_the_answer() -> None:
    reply = error_reply(RequestError('say "no"', 'a"}<b>'))

    assert msgspec.json.decode(reply.body)["error"]["field"] == 'a"}<b>'
