"""Bytes that are hardly HTTP: requests that are cut, doubled, spliced and bent, and any bytes."""

from hypothesis import strategies as st

_VERSIONS = (
    b"HTTP/0.9", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/9.9", b"http/1.1", b"",
    b"HTTP/1.1 ", b"HTTP/11", b"ICE/1.0", b"RTSP/1.0",
)  # fmt: skip
_METHODS = (b"GET", b"POST", b"HEAD", b"PRI", b"CONNECT", b"TRACE", b"get", b"", b"\0", b"SOURCE")
_TARGETS = (
    b"/postback?user_id=u&event_id=e", b"/health/live", b"/", b"*", b"//", b"http://a/postback",
    b"a:80", b"/%00", b"/\xff", b"/click?%", b"/event?callback_params=%7B",
    b"/postback?" + b"&" * 99,
    b"/" + b"a" * 70_000, b"/postback?" + b"a" * 66_000,
)  # fmt: skip
_FIELDS = (
    b"Host: a", b"Host: a", b"Host: a", b"Host: b", b"Host:", b"Content-Length: 5",
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 5, 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: \x0b",
    b"Connection: close", b"Connection: keep-alive, upgrade", b"Upgrade: h2c",
    b"Upgrade: websocket",
    b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Expect: 100-continue", b"Expect: 200-ok",
    b"Authorization: Bearer", b"Authorization: Basic \xff", b"X: " + b"y" * 17_000, b"X : y",
    b": y",
    b" folded", b"X: a\0b", b"Content-Type: application/x-www-form-urlencoded",
    b"Content-Type: multipart/form-data; boundary=", b"X-Forwarded-For: a, b, \xff",
    b"Sec-WebSocket-Key: x", b"Idempotency-Key: \x80", b"Idempotency-Key: ",
    b"User-Agent: \xff\xfe",
)  # fmt: skip
_BODIES = (
    b"", b"hello", b"user_id=u&event_id=e", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n",
    b"5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n", b"-1\r\n", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
)  # fmt: skip


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    first = b" ".join(draw(st.sampled_from(part)) for part in (_METHODS, _TARGETS, _VERSIONS))
    fields = draw(st.lists(st.sampled_from(_FIELDS), max_size=6))
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]))
    return end.join([first, *fields, b"", b""]) + draw(st.sampled_from(_BODIES))


@st.composite
def raw_bytes(draw: st.DrawFn) -> bytes:
    """What one connection sends before it closes its side."""
    whole = b"".join(draw(st.lists(_requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(whole)))
        length = draw(st.integers(0, 6))
        whole = whole[:at] + draw(st.binary(max_size=6)) + whole[at + length :]
    return draw(st.one_of(st.just(whole), st.just(whole), st.just(whole), st.binary(max_size=200)))
