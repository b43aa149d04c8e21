"""Requests that are too large or not HTTP, as a client meets them: with a clear answer."""

import socket
from itertools import repeat

import pytest

from ingest.http.limits import KIB
from tests.integration.ingest.http.http_server import GET, POST, Serving


def _field(name: str, size: int) -> bytes:
    return f"{name}: ".encode() + b"x" * (size - len(name)) + b"\r\n"


# Sizes


def test_five_megabytes_of_query_get_an_answer_that_can_be_read(served: Serving) -> None:
    with served.connect() as client:
        client.send(
            b"GET /postback?event_value=" + b"x" * 5_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        answer = client.answer()
        assert (answer.status, answer.code) == (414, "uri_too_long")
        assert answer.headers["connection"] == "close"
        assert client.is_closed()


@pytest.mark.parametrize(("query_bytes", "status"), [(64 * KIB, 200), (64 * KIB + 1, 414)])
def test_a_query_may_have_64_kib(served: Serving, query_bytes: int, status: int) -> None:
    with served.connect() as client:
        client.send(b"GET /p?" + b"x" * query_bytes + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().status == status


def test_a_long_path_is_refused(served: Serving) -> None:
    path = b"/" + b"x" * 81 * KIB
    assert [answer.status for answer in served.exchange(b"GET " + path + GET[5:])] == [414]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (_field("x-1", 16 * KIB), 200),
        (_field("x-1", 16 * KIB + 1), 431),
        (b"".join(_field(f"x-{number}", 15 * KIB) for number in range(5)), 200),
        (b"".join(_field(f"x-{number}", 15 * KIB) for number in range(6)), 431),
        (b"".join(_field(f"x-{number}", 10) for number in range(63)), 200),
        (b"".join(_field(f"x-{number}", 10) for number in range(64)), 431),
    ],
    ids=["16 KiB", "over 16 KiB", "75 KiB", "90 KiB", "64 fields", "65 fields"],
)
def test_a_header_has_its_limits(served: Serving, fields: bytes, status: int) -> None:
    with served.connect() as client:
        client.send(GET[:-2] + fields + b"\r\n")
        answer = client.answer()
        assert answer.status == status
        assert status == 200 or answer.code == "headers_too_large"


@pytest.mark.parametrize("endless", [b"x", b"x: y\r\n", b"\r\n"], ids=["value", "fields", "blank"])
def test_a_header_without_end_is_refused_while_it_comes(served: Serving, endless: bytes) -> None:
    with served.connect() as client:
        start = GET[:-2] + b"X: " if endless == b"x" else GET[:-2]
        client.send((b"" if endless == b"\r\n" else start) + endless * (100_000 // len(endless)))
        assert client.answer().status == 431
        assert client.is_closed()


def test_an_announced_length_beyond_the_limit_is_refused_before_the_body(served: Serving) -> None:
    with served.connect() as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.code) == (413, "request_too_large")
    assert served.application.asked == []


def test_a_chunked_body_beyond_the_limit_is_refused_while_it_comes(served: Serving) -> None:
    with served.connect() as client:
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 60)
        assert client.answer().status == 413
        assert client.is_closed()
    assert served.application.asked == []


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 65536, b"0\r\nX: " + b"x" * 65536])
def test_chunk_extensions_and_trailers_count_as_body(served: Serving, endless: bytes) -> None:
    with served.connect() as client:
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + endless)
        client.drip(repeat(b"x" * 65536, 100), 0.01)
        assert client.answer().status == 413


def test_a_megabyte_of_body_arrives_whole(served: Serving) -> None:
    with served.connect() as client:
        client.send(POST + b"Content-Length: 1048576\r\n\r\n" + b"x" * 1048576)
        assert client.answer().json["body"] == "1048576"
        client.send(GET)
        assert client.answer().status == 200


def test_large_requests_behind_one_another_are_not_taken_for_one_too_large(served: Serving) -> None:
    request_ = POST + b"Content-Length: 30000\r\n\r\n" + b"x" * 30000
    with served.connect() as client:
        client.send(request_ * 12)
        assert [client.answer().status for _ in range(12)] == [200] * 12


def test_a_head_too_large_behind_another_request_is_refused(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET + GET[:-2] + _field("x", 20 * KIB))
        assert client.answer().status == 200
        client.send(b"\r\n")
        assert client.answer().status == 431


# What is not HTTP, or not ours


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /p?name=a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        POST + b"Content-Length: 5, 5\r\n\r\nabcde",
        POST + b"Content-Length: +5\r\n\r\nabcde",
        POST + b"Content-Length: -5\r\n\r\nabcde",
        POST + b"Content-Length: 99999999999999999999\r\n\r\nabcde",
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\n\r\nabcde",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    ],
)
def test_what_is_not_http_gets_one_400_and_the_connection_closes(
    served: Serving, request_: bytes
) -> None:
    (answer,) = served.exchange(request_ + GET)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/json"
    assert served.application.asked == []


def test_raw_bytes_of_a_query_are_read_as_if_they_were_encoded(served: Serving) -> None:
    (answer,) = served.exchange("GET /p?name=Søren HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    assert answer.status == 200
    (asked,) = served.application.asked
    assert asked["query_bytes"] == len("name=S%C3%B8ren")


# What is ignored


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
)
def test_an_offer_of_http_2_is_ignored_and_the_body_arrives(
    served: Serving, body: bytes, split: bool
) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
    request_ = POST + offer + body
    with served.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (
            [request_[i : i + 40] for i in range(0, len(request_), 40)] if split else [request_]
        ):
            client.send(piece)
        answer = client.answer()
        assert answer.json["body"] == "abc"
        assert "upgrade" not in answer.json["headers"]
        client.send(request_ * 2 + GET)
        assert [client.answer().json["body"] for _ in range(3)] == ["abc", "abc", ""]


def test_trailer_fields_do_not_pass_for_header_fields(served: Serving) -> None:
    body = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nAuthorization: x\r\n\r\n"
    with served.connect() as client:
        client.send(POST + body)
        assert client.answer().json["headers"] == ["host", "transfer-encoding"]
