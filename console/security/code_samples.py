"""Code that sends an event of one app, to be copied: with the app's ids filled in, never a token.

The token is read from the environment, so that a pasted snippet holds no secret.
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
    """In which code is offered."""

    CURL = "curl"
    PYTHON = "python"
    PHP = "php"
    NODE = "node"


class Speech(StrEnum):
    """Whose calls are made."""

    SWAARM = "swaarm"
    ADJUST = "adjust"


@dataclass(frozen=True)
class Sending:
    """A form that is sent with the token in its header."""

    url: str
    fields: Mapping[str, str]


def event_sending(base: str, speech: Speech, app: App, event_type: EventType | None) -> Sending:
    """One event of this type; an open where the app has none. `base` is where ingest is reached."""
    if speech is Speech.SWAARM:
        event_id = event_type.mapping_id if event_type else OPEN
        return Sending(f"{base}/postback", {"user_id": _USER, "event_id": event_id, **_VISITOR})
    named = {"s2s": "1", "app_token": app.app_token}
    if event_type is None:
        return Sending(f"{base}/session", {**named, "idfv": _USER, **_VISITOR})
    told = {"event_token": event_type.event_token, "idfv": _USER}
    return Sending(f"{base}/event", {**named, **told, **_VISITOR})


def click_sending(base: str, click_id: str) -> Sending:
    """The first call of a new user who names the click that brought them."""
    return Sending(f"{base}/postback", {"user_id": f"test-{click_id}", "click_id": click_id})


def snippet(sending: Sending, language: Language) -> str:
    return _WRITERS[language](sending)


def _curl(sending: Sending) -> str:
    fields = [
        f"  --data-urlencode {shlex.quote(f'{name}={value}')}"
        for name, value in sending.fields.items()
    ]
    token = f'  -H "Authorization: Bearer ${TOKEN_VARIABLE}"'
    return " \\\n".join([f"curl {shlex.quote(sending.url)}", token, *fields])


def _python(sending: Sending) -> str:
    fields = _lines(sending, lambda name, value: f"    {_quoted(name)}: {_quoted(value)},")
    return f"""\
import os
import urllib.parse
import urllib.request

fields = {{
{fields}
}}
request = urllib.request.Request(
    {_quoted(sending.url)},
    data=urllib.parse.urlencode(fields).encode(),
    headers={{"Authorization": "Bearer " + os.environ["{TOKEN_VARIABLE}"]}},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.status, answer.read().decode())"""


def _php(sending: Sending) -> str:
    fields = _lines(sending, lambda name, value: f"    {_single(name)} => {_single(value)},")
    return f"""\
<?php
$fields = [
{fields}
];
$request = curl_init({_single(sending.url)});
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => http_build_query($fields),
    CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('{TOKEN_VARIABLE}')],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
echo curl_exec($request), PHP_EOL;"""


def _node(sending: Sending) -> str:
    fields = _lines(sending, lambda name, value: f"  {_quoted(name)}: {_quoted(value)},")
    return f"""\
// send.mjs
const fields = {{
{fields}
}};
const answer = await fetch({_quoted(sending.url)}, {{
  method: "POST",
  headers: {{ Authorization: `Bearer ${{process.env.{TOKEN_VARIABLE}}}` }},
  body: new URLSearchParams(fields),
}});
console.log(answer.status, await answer.text());"""


def _lines(sending: Sending, line: Callable[[str, str], str]) -> str:
    return "\n".join(line(name, value) for name, value in sending.fields.items())


def _quoted(text: str) -> str:
    """A JSON string is one of Python and of JavaScript as well."""
    return msgspec.json.encode(text).decode()


def _single(text: str) -> str:
    """PHP's single quotes know two escapes and no others."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_WRITERS: Mapping[Language, Callable[[Sending], str]] = {
    Language.CURL: _curl,
    Language.PYTHON: _python,
    Language.PHP: _php,
    Language.NODE: _node,
}
