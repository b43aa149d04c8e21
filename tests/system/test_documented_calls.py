"""Sends every call that README.md and the pages on dialects show, as it is printed there.

A call is an `sh` block that begins with curl; the block behind it is its answer: `http` with status
line, some headers and body, or `json` with the body of a 200. `TOKEN` and the address are put in.
`DEVICE` is another device for each call, `NOW` the time. An id, of a receipt, a click or a device,
stands for any id, but equal ids stand for the same one, and so do times.

Imports nothing of the product.
"""

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest

from tests.system.conftest import Running

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "dialects").glob("*.md"))]
ADDRESS = "http://127.0.0.1:8080"
FORM = "application/x-www-form-urlencoded"
SECONDS_MAX = 60

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ID = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|\b01[0-9A-Za-z_~]{20}"
    r"|[\d-]{10}T[\d:.]{12}Z\+0000"
)


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `status_line` is without the version, names of headers are in lower
    case."""

    status_line: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Call:
    """A command and its answer as a page shows them, and their place on the page."""

    place: str
    command: str
    answer: Answer


def _calls(page: Path) -> list[Call]:
    text = page.read_text()
    return [
        Call(
            f"{page.name}:{text.count(chr(10), 0, block.start()) + 2}",
            block[2],
            _parse_answer(*following.groups()),
        )
        for block, following in pairwise(_BLOCK.finditer(text))
        if block[1] == "sh" and block[2].startswith("curl ")
    ]


def _parse_answer(kind: str, text: str) -> Answer:
    assert kind in {"http", "json"}, "a call is followed by its answer"
    return _answer(text if kind == "http" else f"HTTP/1.1 200 OK\n\n{text}")


def _answer(text: str) -> Answer:
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status_line, *lines = head.rstrip("\n").split("\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    try:
        said = json.loads(body or "null")
    except ValueError:
        said = body.rstrip("\n")  # plain text
    return Answer(status_line.removeprefix("HTTP/1.1 "), headers, said)


def _arguments(command: str) -> list[str]:
    """Returns the arguments that the shell passes to curl."""
    given = f"curl() {{ printf '%s\\n' \"$@\"; }}\n{command}"
    return subprocess.run(
        ["sh", "-c", given], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def _by_curl(arguments: list[str]) -> Answer:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", *arguments],
        capture_output=True, text=True, timeout=SECONDS_MAX,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return _answer(done.stdout)


def _by_python(arguments: list[str]) -> Answer:
    """Sends the call on machines without curl, by the options that the pages use, as curl reads
    them."""
    options = argparse.ArgumentParser()
    options.add_argument("url", type=urlsplit)
    options.add_argument("-X", dest="method")
    options.add_argument("-H", dest="headers", action="append", default=[])
    options.add_argument("-d", dest="data", action="append", default=[])
    options.add_argument("--data-urlencode", dest="data", action="append", type=_encoded)
    call = options.parse_args(arguments)
    headers = {"Content-Type": FORM} if call.data else {}
    headers |= dict(header.split(": ", 1) for header in call.headers)
    with closing(HTTPConnection(call.url.netloc, timeout=SECONDS_MAX)) as connection:
        connection.request(
            call.method or ("POST" if call.data else "GET"),
            f"{call.url.path}?{call.url.query}",
            "&".join(call.data) or None,
            headers,
        )
        response = connection.getresponse()
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        head += [f"{name}: {value}" for name, value in response.getheaders()]
        return _answer("\n".join(head) + "\n\n" + response.read().decode())


def _encoded(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={quote(value, safe='')}"


def _comparable_text(answer: Answer, headers: set[str]) -> str:
    """Returns the answer with these headers, its ids numbered in the order of their appearance."""
    headers_shown = {name: value for name, value in answer.headers.items() if name in headers}
    lines = [
        answer.status_line,
        *(f"{name}: {headers_shown[name]}" for name in sorted(headers_shown)),
    ]
    text = "\n".join([*lines, json.dumps(answer.body)])
    ids = list(dict.fromkeys(_ID.findall(text)))
    return _ID.sub(lambda match: f"id {ids.index(match[0])}", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_shows_calls(page: Path) -> None:
    assert _calls(page)


@pytest.mark.parametrize("send", [_by_python, *([_by_curl] if shutil.which("curl") else [])])
@pytest.mark.parametrize(
    "call", [call for page in PAGES for call in _calls(page)], ids=lambda call: call.place
)
def test_a_documented_call_gets_the_documented_answer(
    running: Running, call: Call, send: Callable[[list[str]], Answer]
) -> None:
    assert ADDRESS in call.command
    command = call.command.replace(ADDRESS, running.waybill.url).replace("TOKEN", running.token)
    command = command.replace("DEVICE", str(uuid4())).replace("NOW", str(int(time())))

    answer = send(_arguments(command))

    shown = set(call.answer.headers)
    assert _comparable_text(answer, shown) == _comparable_text(call.answer, shown)
