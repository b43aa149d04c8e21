"""Calls of the console's API, made from its own document: mostly of its types, sometimes not."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

Schema = Mapping[str, Any]
# Fuzzing the app that sends events would take its token away.
_OTHER_APPS = ("2", "2", "2", "999", "0", "-1", "99999999999999999999", "x", "%00")
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
_TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(string.ascii_letters, min_size=1, max_size=12),
    st.sampled_from(
        ["", "\0", "a\0b", "x" * 300, "purchase", "events", "EUR", "DE", "2026-01-01", "9999-12-31",
         "0001-01-01", "https://shop.example/", "shop://x", "{click_id}", "production", "day"]
    ),
    st.uuids().map(str),
)  # fmt: skip

_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-1, 400) | st.integers(-(2**70), 2**70),
    "boolean": st.booleans(),
    "null": st.none(),
}
_DEPTH_MAX = 4


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    query: tuple[Schema, ...]
    parameters: tuple[Schema, ...]
    body: Schema | None


def operations(document: Mapping[str, Any]) -> list[Operation]:
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            named = operation.get("parameters", ())
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            found.append(
                Operation(
                    method.upper(), path,
                    tuple(one for one in named if one["in"] == "query"),
                    tuple(one for one in named if one["in"] == "path"),
                    body["schema"] if body else None,
                )
            )  # fmt: skip
    return found


@st.composite
def api_calls(draw: st.DrawFn, document: Mapping[str, Any], key: str) -> bytes:
    operation = draw(st.sampled_from(operations(document)))
    path = operation.path
    for parameter in operation.parameters:
        path = path.replace("{%s}" % parameter["name"], _path_value(draw, parameter))  # noqa: UP031
    chosen = [one for one in operation.query if draw(st.booleans())]
    pairs = [(one["name"], _query_value(draw, one["schema"])) for one in chosen]
    query = "&".join(f"{name}={value}" for name, value in pairs)
    body = b""
    if operation.body is not None:
        value = _value(draw, document, operation.body, 0)
        body = json.dumps(value).encode("utf-8", "surrogatepass")
    elif draw(st.integers(0, 19)) == 0:
        body = draw(st.binary(max_size=30))
    lines = [
        f"{operation.method} /api/v1{path}{'?' if query else ''}{query} HTTP/1.1",
        "Host: waybill", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}",
        *(["Content-Type: application/json"] if operation.body is not None else []),
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _path_value(draw: st.DrawFn, parameter: Schema) -> str:
    if parameter["name"] == "app_id":
        return draw(st.sampled_from(_OTHER_APPS))
    if draw(st.integers(0, 4)) == 0:
        return _escaped(draw(_TEXTS)) or "%00"
    if parameter["schema"].get("format") == "uuid":
        return str(draw(st.uuids()))
    if parameter["schema"].get("type") == "integer":
        return str(draw(st.integers(-2, 10**22)))
    return _escaped(draw(_TEXTS)) or "u"


def _query_value(draw: st.DrawFn, schema: Schema) -> str:
    if "enum" in schema and draw(st.booleans()):
        return draw(st.sampled_from(list(map(str, schema["enum"]))))
    if schema.get("type") == "integer" and draw(st.booleans()):
        return str(draw(st.integers(-1, 10**20)))
    if schema.get("format") == "date" and draw(st.booleans()):
        return draw(st.dates()).isoformat()
    return _escaped(draw(_TEXTS))


def _value(draw: st.DrawFn, document: Mapping[str, Any], schema: Schema, depth: int) -> Any:
    """A value of the schema; one in ten is anything."""
    if depth > _DEPTH_MAX or draw(st.integers(0, 9)) == 0:
        return draw(_ANYTHING)
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _value(draw, document, document["components"]["schemas"][name], depth)
    if "anyOf" in schema:
        return _value(draw, document, draw(st.sampled_from(list(schema["anyOf"]))), depth + 1)
    if schema.get("type") == "object":
        return _object(draw, document, schema, depth)
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return [_value(draw, document, items, depth + 1) for _ in range(draw(st.integers(0, 3)))]
    scalars = _SCALARS.get(schema.get("type", ""), _TEXTS)
    return draw(st.sampled_from(list(schema["enum"])) if "enum" in schema else scalars)


def _object(
    draw: st.DrawFn, document: Mapping[str, Any], schema: Schema, depth: int
) -> dict[str, Any]:
    """All required fields, and some others."""
    required, properties = schema.get("required", ()), schema.get("properties", {})
    names = [name for name in properties if name in required or draw(st.booleans())]
    return {name: _value(draw, document, properties[name], depth + 1) for name in names}
