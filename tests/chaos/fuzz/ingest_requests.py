"""Calls of ingest: every endpoint, parameters by their documented names, any values."""

import re
from pathlib import Path
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

_DIALECTS = Path(__file__).parents[3] / "docs/dialects"
ENDPOINTS = (
    "/postback", "/s2sevent", "/click", "/impression", "/event", "/revenue", "/session",
    "/ad_revenue", "/inappevent/id1", "/conversion", "/key/postback", "/v1/track", "/v1/identify",
    "/v1/page", "/v1/screen", "/v1/group", "/v1/alias", "/api/v1/launch", "/api/v1/evt",
    "/api/v2/evt", "/gdpr_forget_device", "/third_party_sharing", "/measurement_consent",
)  # fmt: skip
METHODS = ("GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
APP_TOKEN, EVENT_TOKEN = "4w565xzmb54d", "f0ob4r"
_CONTENT_TYPES = ("", "application/x-www-form-urlencoded", "application/json", "text/plain", "\xff")


def documented_names() -> list[str]:
    """The parameters that the tables of docs/dialects/ name."""
    pages = "\n".join(page.read_text() for page in sorted(_DIALECTS.glob("*.md")))
    rows = re.findall(r"^\| (`[^|]+) \|", pages, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    return sorted(name for name in names if not name.isdigit())


NAMES = documented_names()


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


VALUES = st.one_of(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=24),
    st.integers(-(10**30), 10**30).map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
    st.datetimes().map(lambda moment: moment.isoformat().encode()),
    st.ip_addresses().map(lambda address: str(address).encode()),
    st.uuids().map(lambda one: str(one).encode()),
    st.sampled_from([2, 50, 999, 1_000, 3_000]).map(lambda depth: nested(depth).encode()),
    st.sampled_from([256, 257, 2_048, 16_385]).map(lambda size: b"x" * size),
    st.sampled_from(
        [
            b"", b" ", b"\0", b"%", b"{}", b"[]", b"null", b"NaN", b"Infinity", b"-0", b"1e400",
            b"true", b"undefined", b"__open", b"__install", b"production", b"sandbox", b"EUR",
            b"DE", b"0000-AAAA", b"00000000-0000-0000-0000-000000000000", b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80", b"\\u0000", b"\\", b"'", b'"', b"\t\n", b"\x7f", b"\xc2\x85",
            b"9999-12-31T23:59:59Z", b"1970-01-01T00:00:00+99:99", b"1e18", b"253402300800",
        ]
    ),
)  # fmt: skip
# What a call needs to be accepted; without it hardly any would be.
NEEDED = {
    "/postback": [(b"user_id", b"u"), (b"event_id", b"purchase")],
    "/s2sevent": [(b"user_id", b"u"), (b"event_id", b"purchase")],
    "/click": [(b"offer_id", b"1"), (b"pub_id", b"1")],
    "/impression": [(b"offer_id", b"1"), (b"pub_id", b"1")],
    **{
        path: [
            (b"s2s", b"1"), (b"app_token", APP_TOKEN.encode()), (b"event_token", b"f0ob4r"),
            (b"idfa", b"0f0e0d0c-0000-4000-8000-00000000000a"),
        ]
        for path in (
            "/event", "/revenue", "/session", "/ad_revenue", "/third_party_sharing",
            "/measurement_consent", "/gdpr_forget_device",
        )
    },
    "/inappevent/id1": [(b"appsflyer_id", b"1-1"), (b"eventName", b"purchase")],
    "/conversion": [(b"transaction_id", b"01dWTBYnLv3fPLi3y3psrs")],
    "/key/postback": [(b"subid", b"01dWTBYnLv3fPLi3y3psrs")],
    **{
        f"/v1/{call}": [
            (b"userId", b"u"), (b"event", b"purchase"), (b"groupId", b"g"), (b"previousId", b"p"),
        ]
        for call in ("track", "identify", "page", "screen", "group", "alias")
    },
    **{
        f"/api/{path}": [(b"p", b"iOS"), (b"i", b"a"), (b"idfv", b"v"), (b"n", b"purchase")]
        for path in ("v1/launch", "v1/evt", "v2/evt")
    },
}  # fmt: skip
_NAMED = st.sampled_from(NAMES).map(str.encode)
PAIRS = st.lists(
    st.tuples(st.one_of(_NAMED, _NAMED, _NAMED, st.binary(max_size=12)), VALUES), max_size=6
)


def encoded(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Unescaped where that is still one line."""
    return "&".join(
        f"{quote_from_bytes(name)}={quote_from_bytes(value)}" for name, value in pairs
    ).encode()


@st.composite
def ingest_requests(draw: st.DrawFn, token: str) -> bytes:
    """One whole request, which is HTTP."""
    path = draw(st.sampled_from(ENDPOINTS))
    pairs = draw(PAIRS)
    if draw(st.integers(0, 9)) < 8:
        sent = {name for name, _ in pairs}
        pairs += [pair for pair in NEEDED[path] if pair[0] not in sent]
    headers = []
    if draw(st.integers(0, 9)) < 8:
        headers.append(b"Authorization: " + token.encode())
    if draw(st.integers(0, 9)) == 0:
        key = draw(
            st.text(st.characters(max_codepoint=255, categories=["L", "N", "P"]), max_size=300)
        )
        headers.append(b"Idempotency-Key: " + key.encode("latin-1"))
    in_form = draw(st.booleans())
    method = draw(st.sampled_from(METHODS))
    query, form = (b"", encoded(pairs)) if in_form else (encoded(pairs), b"")
    if form:
        content_type = draw(st.sampled_from(_CONTENT_TYPES))
        if content_type:
            headers.append(b"Content-Type: " + content_type.encode("latin-1"))
        headers.append(b"Content-Length: %d" % len(form))
    target = path.encode() + (b"?" + query if query else b"")
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: waybill", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + form
