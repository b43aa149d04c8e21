"""Refusals that a connection answers by itself, as bytes."""

import json

import pytest

from ingest.dialects.swaarm.responses import error_reply
from ingest.http.refusals import (
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    TooManyConnections,
    TooManyPipelined,
    UriTooLong,
    encode_refusal,
)
from shared.errors import RequestTooLarge, WaybillError

REFUSALS = [
    MalformedRequest("it has no Host header", "Host"),
    RequestTimeout(),
    UriTooLong(65_536),
    TooManyPipelined(16),
    HeadersTooLarge(64, 16_384),
    TooManyConnections(),
    RequestTooLarge(65_536),
]


def parts(error: WaybillError) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Returns status line, header and body of its answer."""
    head, _, body = encode_refusal(error, [(b"server", b"waybill")]).partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    named = [line.partition(b": ") for line in lines]
    return status, {name: value for name, _, value in named}, body


def test_a_refusal_is_answered_byte_for_byte() -> None:
    body = (
        b'{"error":{"code":"request_timeout","field":null,'
        b'"message":"The request did not arrive in time. Send it again, without pauses."}}'
    )

    assert encode_refusal(RequestTimeout(), []) == (
        b"HTTP/1.1 408 Request Timeout\r\n"
        b"content-type: application/json\r\n"
        b"content-length: %d\r\n"
        b"cache-control: no-store\r\n"
        b"connection: close\r\n"
        b"\r\n%s"
    ) % (len(body), body)


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.code)
def test_a_refusal_looks_like_every_other_error_of_ours(error: WaybillError) -> None:
    status, fields, body = parts(error)

    assert status.startswith(b"HTTP/1.1 %d " % error.status)
    assert json.loads(body) == json.loads(error_reply(error).body)
    assert int(fields[b"content-length"]) == len(body)
    assert fields[b"connection"] == b"close"
    assert fields[b"server"] == b"waybill"


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.code)
def test_who_is_to_come_back_is_told_when(error: WaybillError) -> None:
    _, fields, _ = parts(error)

    assert (b"retry-after" in fields) is (error.status in {429, 503})
