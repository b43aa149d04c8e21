"""Checks request heads before the application sees them. Pure: values in, errors out.

llhttp, the parser, refuses what is not HTTP: Content-Length beside Transfer-Encoding, repeated or
malformed lengths, bare line feeds, control characters. This adds sizes and the rules of RFC 9112
that it leaves to the server.
"""

from collections.abc import Callable, Iterable
from urllib.parse import quote_from_bytes

from ingest.http.limits import ConnectionLimits
from ingest.http.refusals import Headers, HeadersTooLarge, MalformedRequest, UriTooLong

# The bytes around a field (colon, space, line end), and around a target (method, version).
_FIELD_FRAME_BYTES = 4
_LINE_FRAME_BYTES = 14
_ASCII = bytes(range(128))
_VERSIONS = frozenset(("1.0", "1.1"))
_UPGRADE_FIELDS = frozenset((b"upgrade", b"http2-settings"))


def head_bytes(url: bytes, headers: Headers) -> int:
    """Returns the size on the wire, as far as parsed parts tell: outer white space is gone."""
    fields = sum(len(name) + len(value) + _FIELD_FRAME_BYTES for name, value in headers)
    return len(url) + _LINE_FRAME_BYTES + fields


def check_sizes(url: bytes, headers: Headers, received: int, limits: ConnectionLimits) -> None:
    """Checks that a head, complete or not, is within the limits.

    `received` counts its bytes so far, with those that are not parsed yet; 0 for a complete head.
    Raises UriTooLong or HeadersTooLarge, depending on which part is too large.
    """
    size = received or head_bytes(url, headers)
    path, _, query = url.partition(b"?")
    if len(path) >= limits.query_bytes_max or len(query) > limits.query_bytes_max:
        raise UriTooLong(limits.query_bytes_max)
    is_large = any(len(name) + len(value) > limits.header_bytes_max for name, value in headers)
    if size > limits.head_bytes_max and len(url) > size // 2:
        raise UriTooLong(limits.query_bytes_max)
    if is_large or len(headers) > limits.headers_max or size > limits.head_bytes_max:
        raise HeadersTooLarge(limits.headers_max, limits.header_bytes_max)


def check_fields(headers: Headers, version: Callable[[], str], limits: ConnectionLimits) -> None:
    """Checks the rules for a complete head. Names are in lower case; `version` returns "1.1".

    Raises MalformedRequest or HeadersTooLarge.
    """
    fields, spoken = dict(headers), version()
    if spoken not in _VERSIONS:  # llhttp also takes 0.9 and 2.0; Falcon then fails with a 500
        raise MalformedRequest("its version is neither HTTP/1.1 nor HTTP/1.0")
    if b"host" not in fields and spoken != "1.0":
        # RFC 9112, section 3.2; also for the second Host below.
        raise MalformedRequest("it has no Host header", "Host")
    if len(fields) != len(headers) and [name for name, _ in headers].count(b"host") > 1:
        raise MalformedRequest("it has more than one Host header", "Host")
    if len(headers) > limits.headers_max:
        raise HeadersTooLarge(limits.headers_max, limits.header_bytes_max)
    coding = fields.get(b"transfer-encoding")
    # llhttp accepts "gzip, chunked": the body would be read as if it were plain.
    if coding is not None and (spoken != "1.1" or coding.strip().lower() != b"chunked"):
        raise MalformedRequest("Transfer-Encoding may only be chunked", "Transfer-Encoding")


def with_ascii_target(data: bytes) -> bytes:
    """Percent-encodes what is not ASCII in the request line that the data begins with.

    A browser encodes a link's `campaign=Søren`; some apps and scripts send the bytes. A person who
    follows such a link has done nothing wrong.
    """
    line, end, rest = data.partition(b"\r\n")
    return quote_from_bytes(line, safe=_ASCII).encode() + end + rest


def announced_bytes(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Returns Content-Length, which the parser has checked; 0 without one."""
    return int(dict(headers).get(b"content-length", 0))


def without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """Encodes the head as a client would send it that offers no other protocol.

    Java's HttpClient offers h2c with its first request. A server may ignore that (RFC 9110,
    section 7.8), but llhttp skips the body of such a request, and its event would be lost.
    """
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    lines += [b"%s: %s" % field for field in headers if field[0] not in _UPGRADE_FIELDS]
    return b"\r\n".join(lines) + b"\r\n\r\n"
