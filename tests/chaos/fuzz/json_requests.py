"""Calls with a JSON body: single ones, batches in every form, compressed, cut, or no JSON."""

import gzip
import json

from hypothesis import strategies as st

from tests.chaos.fuzz.ingest_requests import ENDPOINTS, NAMES, NEEDED, PAIRS, VALUES, encoded

# How a batch names the endpoints of dialects; of a path with a part that differs, as declared.
_IN_BATCHES = {
    "/inappevent/id1": ("appsflyer", "/inappevent/{app_id}"),
    "/key/postback": ("affiliate", "/{s2s_token}/postback"),
    "/conversion": ("affiliate", "/conversion"),
}
_DIALECTS_OF = {"v1": "segment", "api": "singular", "event": "adjust", "revenue": "adjust",
                "session": "adjust", "ad_revenue": "adjust"}  # fmt: skip
_LINE_FIELDS = (
    "type", "time", "user_id", "event_id", "click_id", "link", "offer_id", "pub_id", "ip",
    "user_agent", "sale_amount", "sale_amount_currency", "id", "event_value", "parameters", "x",
)  # fmt: skip
_ENCODINGS = (b"", b"", b"gzip", b"gzip", b"x-gzip", b"br", b"identity")
_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats()
    | VALUES.map(lambda value: value.decode(errors="replace")),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["ip", "device", "os", "name", "id", "page", "url", "revenue", "total",
                             "currency", "referrer", "advertisingId", "af_revenue", "x"]),
            inner, max_size=3,
        )
    ),
    max_leaves=5,
)  # fmt: skip


def _document(pairs: list[tuple[bytes, bytes]]) -> dict[str, object]:
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in pairs}


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """A path and the JSON object of a call of it."""
    path = draw(st.sampled_from(ENDPOINTS))
    called = _document(NEEDED[path])
    return path, {
        **called,
        **draw(st.dictionaries(st.sampled_from(NAMES), _JSON_VALUES, max_size=4)),
    }


@st.composite
def _batched_calls(draw: st.DrawFn) -> object:
    """An event of `/batch`: a line, a call of a dialect, or anything."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(_JSON_VALUES)
    if kind < 4:
        line = {
            "type": draw(st.sampled_from(["event", "open", "click", "impression", "ad_revenue"]))
        }
        line |= {"time": "2026-01-01T00:00:00Z", "user_id": "u", "event_id": "purchase"}
        fields = draw(st.dictionaries(st.sampled_from(_LINE_FIELDS), _JSON_VALUES, max_size=3))
        return line | fields
    path, params = draw(_documents())
    dialect, endpoint = _IN_BATCHES.get(
        path, (_DIALECTS_OF.get(path.split("/")[1], "swaarm"), path)
    )
    named: dict[str, object] = {"dialect": dialect, "endpoint": endpoint, "params": params}
    if draw(st.booleans()):
        named["params"] = encoded(draw(PAIRS)).decode()
    return named | ({"id": draw(st.text(max_size=8))} if draw(st.booleans()) else {})


@st.composite
def _segment_calls(draw: st.DrawFn) -> object:
    """A call of `/v1/batch`, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(_JSON_VALUES)
    kinds = ["track", "identify", "page", "screen", "group", "alias", "x", ""]
    names = ["context", "properties", "traits", "messageId", "timestamp", "sentAt", "userId", "x"]
    call = {"type": draw(st.sampled_from(kinds)), **_document(NEEDED["/v1/track"])}
    return call | draw(st.dictionaries(st.sampled_from(names), _JSON_VALUES, max_size=3))


@st.composite
def json_requests(draw: st.DrawFn, token: str, sdk_token: str) -> bytes:
    """One request whose body is JSON: a single call, a batch in any form, or an SDK's events."""
    path = draw(st.sampled_from(["/batch", "/batch", "/v1/batch", "/sdk", "/websdk", ""]))
    query, media_type = b"", b"application/json"
    if path == "/batch":
        events = draw(st.lists(_batched_calls(), max_size=6))
        query = draw(st.sampled_from([b"", b"", b"?results=failed", b"?validate=only", b"?x=1"]))
        body = json.dumps(events if draw(st.booleans()) else {"events": events})
        if draw(st.integers(0, 3)) == 0:
            media_type, body = b"application/x-ndjson", "\n".join(map(json.dumps, events))
    elif path == "/v1/batch":
        calls = draw(st.lists(_segment_calls(), max_size=6))
        names = ["context", "sentAt", "integrations", "x"]
        common = draw(st.dictionaries(st.sampled_from(names), _JSON_VALUES, max_size=2))
        body = json.dumps({"batch": calls, **common})
    elif path in {"/sdk", "/websdk"}:
        names = ["id", "typeId", "vendorId", "clientTime", "revenue", "installReferrer", "x"]
        events = draw(st.lists(st.dictionaries(st.sampled_from(names), _JSON_VALUES), max_size=3))
        body = json.dumps({"events": events, "time": "2026-01-01T00:00:00"})
        token = sdk_token
    else:
        path, document = draw(_documents())
        body = json.dumps(document)
    sent = body.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:  # cut, or with something in it that is no JSON
        at = draw(st.integers(0, len(sent)))
        sent = sent[:at] + draw(st.sampled_from([b"", b"\0", b"\xff", b"]", b"[" * 2_000]))
    encoding = draw(st.sampled_from(_ENCODINGS))
    if encoding in {b"gzip", b"x-gzip"}:
        sent = _compressed(draw, sent)
    lines = [
        b"POST " + path.encode() + query + b" HTTP/1.1",
        b"Host: waybill",
        b"Content-Type: " + media_type,
        b"Content-Length: %d" % len(sent),
        *([b"Content-Encoding: " + encoding] if encoding else []),
        *([b"Authorization: Bearer " + token.encode()] if draw(st.integers(0, 9)) < 9 else []),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + sent


def _compressed(draw: st.DrawFn, body: bytes) -> bytes:
    """The body as gzip; sometimes in two members, cut, a bomb, or not compressed at all."""
    match draw(st.integers(0, 9)):
        case 0:
            return body
        case 1:
            half = len(body) // 2
            return gzip.compress(body[:half]) + gzip.compress(body[half:])
        case 2:
            whole = gzip.compress(body)
            return whole[: draw(st.integers(0, len(whole)))]
        case 3:
            return gzip.compress(body + b" " * 8_000_000)
        case _:
            return gzip.compress(body)
