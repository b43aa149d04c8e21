"""Uploads a file over HTTP, and kills the worker that imports it.

Imports nothing of the product.
"""

import gzip
import json
import signal
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.system.product import Waybill
from tests.system.servers import until

PIECE_BYTES = 262_144
LINES = 30_000  # more than the inbox takes at once
IMPORT_SECONDS_MAX = 120


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    with Waybill(tmp_path_factory.mktemp("uploads") / "data", workers=1, console=True) as waybill:
        yield waybill


def ask(waybill: Waybill, key: str, method: str, path: str, body: bytes = b"") -> Any:
    port = urlsplit(waybill.console_url).port
    assert port is not None
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", body, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
    assert answer.status < 300, document
    return document


def test_a_packed_file_is_imported_once_although_the_worker_is_killed(waybill: Waybill) -> None:
    waybill.json("app", "create", "--name", "Shop")
    key = waybill.json("key", "create", "upload", "--role", "admin")["secret"]
    [app] = ask(waybill, key, "GET", "/apps")
    lines = (
        {"type": "event", "time": 1_767_225_600 + n, "user_id": f"u{n % 900}", "event_id": "bought"}
        for n in range(LINES)
    )
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    packed = gzip.compress(text, compresslevel=0)  # so that there are several pieces
    uploads = f"/apps/{app['id']}/uploads"
    new = json.dumps({"name": "past.ndjson.gz", "size_bytes": len(packed)}).encode()

    upload = f"{uploads}/{ask(waybill, key, 'POST', uploads, new)['id']}"
    for start in range(0, len(packed), PIECE_BYTES):
        piece = packed[start : start + PIECE_BYTES]
        ask(waybill, key, "PUT", f"{upload}/pieces/{start // PIECE_BYTES + 1}", piece)
    ask(waybill, key, "POST", f"{upload}/complete")
    until(lambda: ask(waybill, key, "GET", upload)["lines"] > 0, 60, "the import having begun")
    for worker in waybill.children("rq.cli"):
        kill(worker)
    until(lambda: ask(waybill, key, "GET", upload)["state"] == "done", IMPORT_SECONDS_MAX, "done")
    waybill.wait_until_drained()

    done = ask(waybill, key, "GET", upload)
    assert (done["lines"], done["events"] + done["repeats"], done["bad"]) == (LINES, LINES, 0)
    report = ask(waybill, key, "GET", f"{uploads}")
    assert [each["state"] for each in report] == ["done"]
    until(lambda: stored(waybill, key, app["id"]) == LINES, 60, "all events being counted")


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def stored(waybill: Waybill, key: str, app_id: int) -> int:
    path = f"/apps/{app_id}/report?from=2026-01-01&to=2026-01-01&by=day"
    report = ask(waybill, key, "GET", path)
    return int(report["total"]["events"]) if "total" in report else -1
