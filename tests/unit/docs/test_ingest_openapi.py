"""Ingest's OpenAPI document says what ingest does, and is written from what it declares."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.app import ROUTES
from ingest.dialects.adjust.privacy import PRIVACY_ROUTES
from ingest.dialects.dialect import Dialect
from tests.support.build import TOKEN
from tests.tools.ingest_openapi import FILE, document, parameters_of, written
from tests.unit.ingest.harness import running
from tests.unit.loop import in_loop

DOCUMENT = document()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for name, text in value.items() if name == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_is_what_make_docs_writes() -> None:
    assert FILE.read_text() == written()
    assert "](ingest-openapi.json)" in (FILE.parent / "dialects.md").read_text()


def test_every_path_is_in_it_and_every_reference_leads_somewhere() -> None:
    served = {path for path, _ in (*ROUTES, *PRIVACY_ROUTES)} | {"/batch", "/v1/batch"}

    assert set(DOCUMENT["paths"]) == served
    components = DOCUMENT["components"]
    assert {tuple(text.split("/")[2:]) for text in references(DOCUMENT)} == {
        (kind, name) for kind in ("schemas", "responses") for name in components[kind]
    }
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations)


@pytest.mark.parametrize(("path", "dialect"), ROUTES)
def test_an_endpoint_has_its_credentials_and_its_parameters(path: str, dialect: Dialect) -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    for operation in DOCUMENT["paths"][path].values():
        shown = {name for choice in operation["security"] for name in choice}
        assert shown >= {"token", *dialect.token_names}
        assert shown <= set(schemes)
        assert ("basic" in shown) == dialect.basic
        in_path = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path)
    assert parameters_of(path, dialect.name)


def test_what_a_page_calls_required_is_required_and_a_part_is_in_its_object() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["ApiV1Evt"]["required"] == ["a", "p", "i", "n"]
    assert schemas["InappeventApp_id"]["required"] == ["appsflyer_id", "eventName"]
    assert schemas["V1Track"]["properties"]["properties"]["properties"].keys() == {
        "revenue",
        "total",
        "currency",
    }
    assert schemas["V1Track"]["properties"]["messageId"]["maxLength"] == 256


@pytest.mark.parametrize(("path", "dialect"), ROUTES)
@in_loop
async def test_what_an_endpoint_answers_is_in_it(path: str, dialect: Dialect) -> None:
    target = re.sub(r"{\w+}", "x", path)
    calls: list[tuple[str, bytes, str]] = [
        ("", b"", ""),
        (f"{dialect.name}=1", b"", "wrong"),
        ("", b"{", TOKEN),
        ("", b'{"a":1}', TOKEN),
        ("", b"x" * 1_100_000, TOKEN),
        ("app_token=4w565xzmb54d&idfv=1", b"", TOKEN),
    ]
    documented = {
        status: DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        for status, answer in DOCUMENT["paths"][path]["post"]["responses"].items()
    }
    async with running() as ingest:
        for query, body, token in calls:
            answer = await ingest.conductor.simulate_post(
                target,
                query_string=query,
                body=body,
                headers={"Authorization": token, "Content-Type": "application/json"},
            )
            status = str(answer.status_code)
            assert status in documented or (status == "404" and dialect.app_scope), status
            content = documented.get(status, {}).get("content", {})
            if content:
                media_type = answer.headers["content-type"].partition(";")[0]
                assert media_type in content
                if media_type == "application/json":
                    (shown, *_) = content[media_type]["examples"].values()
                    assert answer.json.keys() <= {*shown["value"], "field"}


def test_it_is_json_of_a_known_form() -> None:
    assert json.loads(FILE.read_text())["openapi"] == "3.1.0"
