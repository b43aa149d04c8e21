"""Code samples work as copied, whatever the ids of the app are."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import pytest

from console.security.code_samples import Language, SampleRequest, render_sample

AWKWARD = {
    "user_id": "0000-AAAA",
    "quotes": "'\"`$HOME\\' \\\\",
    "markup": "</script><b>&amp;",
    "letters": "é 😀 \t %00 ${x} #{y}",
}
TOKEN = "wbs_a token of the tests"
ENDINGS = {
    Language.CURL: ("sh", "bash"),
    Language.PYTHON: ("py", sys.executable),
    Language.NODE: ("mjs", "node"),
    Language.PHP: ("php", "php"),
}
# What this machine can run: Python and a shell everywhere.
RUNNABLE = [
    language
    for language, (_, program) in ENDINGS.items()
    if shutil.which(program) and (language is not Language.CURL or shutil.which("curl"))
]


class Listener:
    """A server that stores what it was sent."""

    def __init__(self) -> None:
        self.path = self.authorization = ""
        self.fields: dict[str, str] = {}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                listener.path = self.path
                listener.fields = dict(parse_qsl(body, strict_parsing=True))
                listener.authorization = self.headers["Authorization"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"taken")

            def log_message(self, *_: Any) -> None:
                """Logs nothing to the terminal."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.mark.parametrize("language", RUNNABLE)
def test_a_snippet_sends_the_fields_letter_by_letter_with_the_token_of_the_environment(
    language: Language, listener: Listener, tmp_path: Path
) -> None:
    ending, program = ENDINGS[language]
    code = tmp_path / f"send.{ending}"
    code.write_text(render_sample(SampleRequest(f"{listener.url}/event", AWKWARD), language))

    ran = subprocess.run(
        [program, code],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "WAYBILL_TOKEN": TOKEN},
    )

    assert "taken" in ran.stdout, ran.stderr
    assert listener.fields == AWKWARD
    assert listener.authorization == f"Bearer {TOKEN}"
    assert listener.path == "/event"
