"""Generates the OpenAPI document from the endpoints and the types that they take and return."""

import re
from typing import Any

import msgspec

from console.browse.event_filter import EventStatus
from console.reports.cohorts.cohort_question import CohortMetric, CohortSpan
from console.reports.filters import DIMENSIONS, Split
from console.reports.period import DEFAULT, Preset
from console.reports.question import Against, Interval
from console.reports.sheets import MEASURES
from console.reports.views.layout import SORTS
from console.web.api.api_call import COUNT_MAX, ApiEndpoint
from shared.callbacks.activities import Activity
from shared.events import Environment

PREFIX = "/api/v1"
_PATH_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": 1},
    "uuid": {"type": "string", "format": "uuid"},
    "": {"type": "string"},
}
_QUERY_SCHEMAS: dict[str, dict[str, Any]] = {
    "environment": {"type": "string", "enum": list(Environment), "default": "production"},
    "count": {"type": "integer", "minimum": 1, "maximum": COUNT_MAX, "default": 100},
    "period": {"type": "string", "enum": list(Preset), "default": DEFAULT},
    "compare": {"type": "string", "enum": list(Against), "default": Against.NOTHING},
    "sort": {"type": "string", "enum": list(SORTS)},
    "measure": {"type": "string", "enum": [measure.name for measure in MEASURES]},
    "from": {"type": "string", "format": "date"},
    "to": {"type": "string", "format": "date"},
    "day": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
    "status": {"type": "string", "enum": list(EventStatus)},
    "by": {"type": "string", "enum": list(Interval), "default": Interval.DAY},
    "split": {"type": "string", "enum": list(Split), "default": Split.NONE},
    "endpoint_id": {"type": "integer", "minimum": 1},
    "activity": {"type": "string", "enum": list(Activity)},
    "callback_id": {"type": "string", "format": "uuid"},
    "step": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 6},
    "window_hours": {"type": "integer", "minimum": 1, "maximum": 2160, "default": 168},
    "metric": {"type": "string", "enum": list(CohortMetric), "default": CohortMetric.RETENTION},
    "span": {"type": "string", "enum": list(CohortSpan), "default": CohortSpan.WEEK},
    **{
        name: {"type": "string"}
        for name in (
            *("partner", "link", "campaign", "sub_id", "country", "event", "currency"),
            *(f"{split}!" for split in DIMENSIONS),
            *("state", "reason", "user_id", "click_id", "id", "address", "user", "token", "q"),
            "before",
            *("app", "actor", "action", "head"),
        )
    },
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def openapi(endpoints: tuple[ApiEndpoint, ...], server: str) -> dict[str, Any]:
    """Returns an OpenAPI 3.1 document; `server` is the address of the console."""
    types = [
        type_
        for endpoint in endpoints
        for type_ in (endpoint.result_type, endpoint.body_type)
        if type_ not in (None, bytes)
    ]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schema_of = {id(type_): schema for type_, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schema_of)
        paths.setdefault(plain_path(endpoint.path), {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Waybill console", "version": "1"},
        "servers": [{"url": f"{server}{PREFIX}"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def plain_path(path: str) -> str:
    """Returns `/apps/{app_id:int}` as `/apps/{app_id}`."""
    return _PATH_PARAMETER.sub(r"{\1}", path)


def _operation(endpoint: ApiEndpoint, schema_of: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            *(
                _parameter(name, "path", _PATH_SCHEMAS[converter])
                for name, converter in _PATH_PARAMETER.findall(endpoint.path)
            ),
            *(_parameter(name, "query", _QUERY_SCHEMAS[name]) for name in endpoint.query),
            *(
                _parameter(name, "query", {"type": "array", "items": _QUERY_SCHEMAS[name]})
                for name in endpoint.repeated
            ),
        ],
        "responses": {
            str(endpoint.status): _content("Success.", schema_of[id(endpoint.result_type)]),
            "default": _content("An error.", {"$ref": "#/components/schemas/Error"}),
        },
    }
    if endpoint.body_type is bytes:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.body_type is not None:
        body = _content("", schema_of[id(endpoint.body_type)])
        operation["requestBody"] = {"required": True, "content": body["content"]}
    return operation


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _content(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
