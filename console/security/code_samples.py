"""Renders code samples that send an event, with the app's ids filled in and never a token.

The code reads the token from the environment, so that a copied sample contains no secret.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from console.apps.apps import App
from console.apps.event_types import EventType
from shared.events import OPEN

TOKEN_VARIABLE = "WAYBILL_TOKEN"  # noqa: S105 - a name
_USER = "0000-AAAA-BBBB-CCCC"
_VISITOR = {"ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0"}


class Language(StrEnum):
    """A language of the code samples."""

    CURL = "curl"
    PYTHON = "python"
    PHP = "php"
    NODE = "node"


class CallDialect(StrEnum):
    """The dialect that a code sample uses: the vendor whose calls it makes."""

    SWAARM = "swaarm"
    ADJUST = "adjust"


@dataclass(frozen=True)
class SampleRequest:
    """A form, which is sent with the token in its header."""

    url: str
    fields: Mapping[str, str]


def event_request(
    base: str, dialect: CallDialect, app: App, event_type: EventType | None
) -> SampleRequest:
    """Returns a request for an event of this type, or for an open without one.

    `base` is the URL of ingest.
    """
    if dialect is CallDialect.SWAARM:
        event_id = event_type.mapping_id if event_type else OPEN
        return SampleRequest(
            f"{base}/postback", {"user_id": _USER, "event_id": event_id, **_VISITOR}
        )
    named = {"s2s": "1", "app_token": app.app_token}
    if event_type is None:
        return SampleRequest(f"{base}/session", {**named, "idfv": _USER, **_VISITOR})
    event = {"event_token": event_type.event_token, "idfv": _USER}
    return SampleRequest(f"{base}/event", {**named, **event, **_VISITOR})


def click_request(base: str, click_id: str) -> SampleRequest:
    """Returns the first request of a new user, which names the click to attribute it to."""
    return SampleRequest(f"{base}/postback", {"user_id": f"test-{click_id}", "click_id": click_id})


def render_sample(request: SampleRequest, language: Language) -> str:
    return _WRITERS[language](request)


def _curl(request: SampleRequest) -> str:
    fields = [
        f"  --data-urlencode {shlex.quote(f'{name}={value}')}"
        for name, value in request.fields.items()
    ]
    token = f'  -H "Authorization: Bearer ${TOKEN_VARIABLE}"'
    return " \\\n".join([f"curl {shlex.quote(request.url)}", token, *fields])


def _python(request: SampleRequest) -> str:
    fields = _lines(request, lambda name, value: f"    {_quoted(name)}: {_quoted(value)},")
    return f"""\
import os
import urllib.parse
import urllib.request

fields = {{
{fields}
}}
request = urllib.request.Request(
    {_quoted(request.url)},
    data=urllib.parse.urlencode(fields).encode(),
    headers={{"Authorization": "Bearer " + os.environ["{TOKEN_VARIABLE}"]}},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.status, answer.read().decode())"""


def _php(request: SampleRequest) -> str:
    fields = _lines(request, lambda name, value: f"    {_single(name)} => {_single(value)},")
    return f"""\
<?php
$fields = [
{fields}
];
$request = curl_init({_single(request.url)});
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => http_build_query($fields),
    CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('{TOKEN_VARIABLE}')],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
echo curl_exec($request), PHP_EOL;"""


def _node(request: SampleRequest) -> str:
    fields = _lines(request, lambda name, value: f"  {_quoted(name)}: {_quoted(value)},")
    return f"""\
// send.mjs
const fields = {{
{fields}
}};
const answer = await fetch({_quoted(request.url)}, {{
  method: "POST",
  headers: {{ Authorization: `Bearer ${{process.env.{TOKEN_VARIABLE}}}` }},
  body: new URLSearchParams(fields),
}});
console.log(answer.status, await answer.text());"""


def _lines(request: SampleRequest, line: Callable[[str, str], str]) -> str:
    return "\n".join(line(name, value) for name, value in request.fields.items())


def _quoted(text: str) -> str:
    """Quotes text as a JSON string, which is valid in Python and JavaScript as well."""
    return msgspec.json.encode(text).decode()


def _single(text: str) -> str:
    """Quotes text for PHP, whose single quotes have two escapes and no others."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_WRITERS: Mapping[Language, Callable[[SampleRequest], str]] = {
    Language.CURL: _curl,
    Language.PYTHON: _python,
    Language.PHP: _php,
    Language.NODE: _node,
}
