"""Writes docs/ingest-openapi.json from what ingest declares: `make docs`. A test compares.

Paths, credentials, limits and refusals are those of the `Dialect` values that ingest serves; each
refusal is written by the dialect's own `error_reply`. The parameters of an endpoint, with their
meanings and limits, are those of the tables on its page in docs/dialects.
"""

import json
import re
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.app import ROUTES
from ingest.batches.body import BATCH_BYTES_MAX
from ingest.batches.endpoint import BATCH
from ingest.dialects.adjust.privacy import PRIVACY_ROUTES
from ingest.dialects.dialect import Dialect, Reply, Sender
from ingest.dialects.segment.message import SEGMENT
from ingest.dialects.segment.responses import error_reply as segment_error_reply
from ingest.dialects.swaarm.responses import error_reply as waybill_error_reply
from ingest.http.limits import BATCH_PATH, SEGMENT_BATCH_PATH
from ingest.rate_limits.limiter import RateLimited
from shared.errors import (
    ConflictingValues,
    InboxUnreachable,
    MalformedField,
    MissingField,
    RequestTooLarge,
    Unauthorized,
    UnknownDevice,
    UnknownLink,
    UnsupportedBody,
    WaybillError,
)
from shared.tokens import TokenFault

DOCS = Path(__file__).parents[2] / "docs"
FILE = DOCS / "ingest-openapi.json"

Json = dict[str, Any]

_CELLS = re.compile(r"(?<!\\)\|")
_NAME = re.compile(r"`([\w.]+)`")
_CHARACTERS = re.compile(r"(\d+) characters")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_SAME_AS = re.compile(r"(?:Those of|those of|As for|as for) \[`([^`]+)`\]|any other of `([^`]+)`")
_OTHER_NAMES = re.compile(r"also (?:spelled )?((?:`\w+`(?:, )?)+)")
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The token of the app."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The token as user name, with an empty password.",
    },
}
# As JSON; in a query and a form each value is a text.
_KINDS = {"number": ["string", "number"], "JSON object": ["string", "object"]}
_COLUMNS_MIN = 3  # name, origin and meaning; some tables have type and limit too
_REQUIRED = re.compile(r", required(?=$|, in the path)")
_FORMS = ("application/x-www-form-urlencoded", "application/json")


def document() -> Json:
    """Returns the whole document."""
    paths: Json = {}
    schemas: Json = {}
    responses: Json = {}
    schemes: Json = dict(_SCHEMES)
    for path, dialect in (*ROUTES, *PRIVACY_ROUTES):
        security = _security(dialect, schemes)
        fields = parameters_of(path, dialect.name)
        name = _schema_name(path)
        schemas[name] = _schema(fields, path)
        answers = _responses(dialect)
        responses |= {f"{name}{status}": answer for status, answer in answers.items()}
        refer = {status: {"$ref": f"#/components/responses/{name}{status}"} for status in answers}
        methods = ("post",) if (path, dialect) in PRIVACY_ROUTES else ("get", "post")
        paths[path] = {
            method: _operation(method, path, dialect, fields, security) | {"responses": refer}
            for method in methods
        }
    paths[BATCH_PATH] = {"post": _batch(BATCH, schemes)}
    paths[SEGMENT_BATCH_PATH] = {"post": _batch(SEGMENT, schemes)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Waybill ingest",
            "version": "1",
            "description": "What backends, networks and other systems send. docs/dialects.md says "
            "how requests are read, docs/batch.md how batches are.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": schemes,
        },
    }


def written() -> str:
    """Returns the document as it is written."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def parameters_of(path: str, dialect: str) -> dict[str, Json]:
    """Returns the documented parameters of an endpoint, by name, with those that it refers to."""
    page = (DOCS / "dialects" / f"{dialect}.md").read_text()
    section = _under(_under(page, f"## `{path}`"), "### Parameters")
    fields: dict[str, Json] = {}
    for one, other in _SAME_AS.findall(section):
        if (one or other) != path:
            fields |= parameters_of(one or other, dialect)
    for row in _rows(section):
        if len(row) >= _COLUMNS_MIN:
            names, origin, meaning, kind, limit = [*row, "", ""][:5]
            fields |= _fields(names, origin, meaning, kind, limit)
    return fields


def _fields(names: str, origin: str, meaning: str, kind: str, limit: str) -> dict[str, Json]:
    """Returns the parameters of one row of a table."""
    schema: Json = {"type": "string", "description": _plain(meaning)}
    if rule := _plain(kind):
        schema["description"] += f" ({rule})" if not limit else f" ({rule}; {_plain(limit)})"
    for word, kinds in _KINDS.items():
        if word in kind:
            schema["type"] = kinds
    if length := _CHARACTERS.match(limit):
        schema["maxLength"] = int(length[1])
    if _REQUIRED.search(origin):
        schema["x-required"] = True
    also = _OTHER_NAMES.search(names)
    own = names[: also.start()] if also else names
    found = {name: dict(schema) for name in _NAME.findall(own)}
    if also:
        first = next(iter(found), "")
        for name in _NAME.findall(also[1]):
            found[name] = {"type": "string", "description": f"The same as {first}."}
    return found


def _schema(fields: dict[str, Json], path: str) -> Json:
    """Returns the object of a body; a name with a point is a field of an object in it."""
    schema: Json = {"type": "object", "properties": {}, "additionalProperties": True}
    in_path = set(re.findall(r"{(\w+)}", path))
    for name, field in fields.items():
        *parents, last = name.split(".")
        if last in in_path:
            continue
        holder = schema
        for parent in parents:
            inner = holder["properties"].setdefault(parent, {})
            inner["type"] = "object"
            inner.setdefault("properties", {})
            holder = inner
        told = {key: value for key, value in field.items() if key != "x-required"}
        holder["properties"][last] = {**told, **holder["properties"].get(last, {})}
        if field.get("x-required"):
            holder.setdefault("required", []).append(last)
    return schema


def _operation(
    method: str, path: str, dialect: Dialect, fields: dict[str, Json], security: list[Json]
) -> Json:
    parameters = [_path_parameter(part) for part in re.findall(r"{(\w+)}", path)]
    operation: Json = {
        "operationId": f"{method}{_schema_name(path)}",
        "tags": [dialect.name],
        "summary": _summary(path, dialect.name),
        "security": security,
        "parameters": parameters,
    }
    if method == "get":
        known = {parameter["name"] for parameter in parameters}
        parameters += [
            {
                "name": field,
                "in": "query",
                "required": bool(told.get("x-required")),
                "schema": {key: value for key, value in told.items() if key != "x-required"},
            }
            for field, told in fields.items()
            if "." not in field and field not in known
        ]
    else:
        shown = {"schema": {"$ref": f"#/components/schemas/{_schema_name(path)}"}}
        operation["requestBody"] = {"content": dict.fromkeys(_FORMS, shown)}
        operation["description"] = (
            f"Query and body together have at most {dialect.request_bytes_max:,} bytes and "
            f"{dialect.parameters_max} parameters. The body may be compressed by gzip."
        )
    return operation


def _responses(dialect: Dialect) -> Json:
    responses: Json = {"200": {"description": "The event is on disk."}}
    if dialect.link_names is not None and dialect.no_redirect_name is not None:
        responses["302"] = {"description": "The click is on disk; it leads to the destination."}
    refusals: list[WaybillError] = [
        MissingField("name"),
        MalformedField("name", "breaks its rule."),
        ConflictingValues("name"),
        Unauthorized(TokenFault.WRONG),
        RequestTooLarge(dialect.request_bytes_max),
        UnsupportedBody(),
        RateLimited("of the app", 1),
        InboxUnreachable(),
    ]
    if dialect.link_names is not None:
        refusals.append(UnknownLink())
    if dialect.app_scope is not None or dialect.name == "singular":
        refusals.append(UnknownDevice("There is no device."))
    for error in refusals:
        _add_refusal(responses, error.code, dialect.error_reply(error, None))
    return dict(sorted(responses.items()))


def _add_refusal(responses: Json, code: str, reply: Reply) -> None:
    """Adds a refusal to those of its status, as its dialect words it."""
    status = str(reply.status)
    phrase = HTTPStatus(reply.status).phrase
    shown = responses.setdefault(status, {"description": f"{phrase}."})
    media_type = reply.headers.get("Content-Type", "application/json").partition(";")[0]
    text = reply.body.decode()
    value = json.loads(text) if media_type == "application/json" else text
    content = shown.setdefault("content", {}).setdefault(media_type, {"examples": {}})
    content["examples"][code] = {"value": value}


def _security(sender: Sender, schemes: Json) -> list[Json]:
    """Returns what a request may show in place of the header; an empty one: nothing of these."""
    accepted: list[Json] = [{"token": []}]
    if sender.basic:
        accepted.append({"basic": []})
    names = sorted(sender.secret_names)
    for name in names:
        schemes[name] = {"type": "apiKey", "in": "query", "name": name}
        accepted.append({name: []})
    if sender.token_header is not None:
        schemes[sender.token_header] = {
            "type": "apiKey",
            "in": "header",
            "name": sender.token_header,
        }
        accepted.append({sender.token_header: []})
    if sender.link_names is not None or sender.app_scope is not None or sender.network_token_name:
        accepted.append({})  # a link, an app or a click of it, as the app allows
    return accepted


def _batch(sender: Sender, schemes: Json) -> Json:
    """Returns the operation of a batch, whose events docs/batch.md and segment.md describe."""
    key = "events" if sender is BATCH else "batch"
    events = {"type": "array", "items": {"type": "object"}}
    whole = {"type": "object", "properties": {key: events}, "required": [key]}
    is_own = sender is BATCH
    shapes: Json = {"application/json": {"schema": {"anyOf": [events, whole]} if is_own else whole}}
    if is_own:
        shapes["application/x-ndjson"] = {"schema": {"type": "string"}}
    error_reply = waybill_error_reply if is_own else segment_error_reply
    responses: Json = {"200": {"description": "The batch was read."}}
    for error in (
        MalformedField("body", "is no batch."),
        Unauthorized(TokenFault.WRONG),
        RequestTooLarge(BATCH_BYTES_MAX),
        UnsupportedBody(),
        RateLimited("of the app", 1),
        InboxUnreachable(),
    ):
        _add_refusal(responses, error.code, error_reply(error, None))
    query = (("results", ["all", "failed"]), ("validate", ["only"])) if is_own else ()
    return {
        "operationId": "postBatch" if is_own else "postV1Batch",
        "tags": [sender.name],
        "summary": "Many events in one request.",
        "security": _security(sender, schemes),
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string", "enum": values}}
            for name, values in query
        ],
        "description": f"At most {BATCH_BYTES_MAX:,} bytes, as sent and inflated. The body may be "
        "compressed by gzip.",
        "requestBody": {"required": True, "content": shapes},
        "responses": dict(sorted(responses.items())),
    }


def _summary(path: str, dialect: str) -> str:
    """Returns the first paragraph of an endpoint's section."""
    section = _under((DOCS / "dialects" / f"{dialect}.md").read_text(), f"## `{path}`")
    first = _plain(section.strip().partition("\n\n")[0])
    return first or "Adjust: what a user asks of their data, see docs/privacy.md."


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _schema_name(path: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W+", path))


def _rows(text: str) -> list[list[str]]:
    """Returns the cells of all tables without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in _CELLS.split(line)[1:-1]] for line in lines]
    return [row for row, below in pairwise([*cells, [""]]) if "---" not in {row[0], below[0]}]


def _under(text: str, heading: str) -> str:
    """Returns the text under a heading, with its subheadings; "" if there is none."""
    _, _, rest = text.partition(f"\n{heading}\n")
    level = len(heading.partition(" ")[0])
    return re.split(rf"^#{{1,{level}}} ", rest, flags=re.MULTILINE)[0]


def _plain(markdown: str) -> str:
    """Returns text without links and marks."""
    text = _LINK.sub(r"\1", " ".join(markdown.split()))
    return text.replace("**", "").replace("`", "")
