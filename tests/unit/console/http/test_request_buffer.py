"""Where a request ends, however its bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.http.request_buffer import BODY_BYTES_MAX, HEAD_BYTES_MAX, RequestBuffer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"

bodies = st.binary(max_size=200)


def plain(body: bytes) -> bytes:
    return b"%sContent-Length: %d\r\n\r\n%s" % (POST, len(body), body)


def chunked(pieces: list[bytes], trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return b"%sTransfer-Encoding: Chunked\r\n\r\n%s0\r\n%s\r\n" % (POST, chunks, trailer)


requests = (
    st.just(GET)
    | bodies.map(plain)
    | st.builds(chunked, st.lists(bodies, max_size=4), st.sampled_from([b"", b"X: 1\r\n"]))
)


@given(st.lists(requests, min_size=1, max_size=3), st.data())
def test_each_request_is_taken_whole_however_the_bytes_arrive(
    sent: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    buffer, taken = RequestBuffer(), []
    for begin, end in pairwise([0, *cuts, len(stream)]):
        is_whole = buffer.feed(stream[begin:end])
        while is_whole:
            taken.append(buffer.take())
            is_whole = buffer.feed(b"")

    assert taken == sent
    assert buffer.size_bytes == 0


@given(requests, st.data())
def test_no_part_of_a_request_is_whole(sent: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(sent) - 1))

    assert not RequestBuffer().feed(sent[:length])


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ("header", b"GET /" + b"a" * HEAD_BYTES_MAX),
        ("header", GET[:-2] + b"A: b\r\n" * HEAD_BYTES_MAX),
        ("body", POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1)),
        ("body", POST + b"Content-Length: %s\r\n\r\n" % (b"9" * 400)),
        ("body", chunked([b"a" * BODY_BYTES_MAX])),
    ],
)
def test_what_is_too_large_is_refused(size: str, sent: bytes) -> None:
    with pytest.raises(ValueError, match=size):
        RequestBuffer().feed(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nnone\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 2000,
    ],
)
def test_what_is_no_request_is_left_to_the_parser(sent: bytes) -> None:
    buffer = RequestBuffer()

    assert buffer.feed(sent)
    assert buffer.take() == sent


def test_blank_lines_before_a_request_are_no_part_of_it() -> None:
    buffer = RequestBuffer()

    assert not buffer.feed(b"\r\n\r\n")
    assert buffer.feed(b"\r\n" + GET)
    assert buffer.take() == GET


def test_a_client_that_waits_to_be_told_is_recognised() -> None:
    buffer = RequestBuffer()
    buffer.feed(POST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")

    assert buffer.expects_invitation
