"""Tests that the installation's key is rotated under load without one refused request.

Imports nothing of the product.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import make_token
from tests.system.product import Waybill
from tests.system.servers import until
from tests.system.traffic import get, requests_until, send, send_beside

USED_SECONDS_MAX = 60


Start = Callable[[], Waybill]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Yields what starts the product in one data folder; it is stopped at the end."""
    started: list[Waybill] = []

    def start() -> Waybill:
        started.append(Waybill(tmp_path / "data"))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    if started and started[-1].process.poll() is None:
        started[-1].stop()


def _postback(token: str, user: str) -> bytes:
    return get(f"/postback?s2s_token={token}&user_id={user}&event_id=__open")


def test_the_key_is_rotated_under_load_and_no_request_is_refused(start: Start) -> None:
    waybill = start()
    tokens = [make_token(waybill)]
    for name in ("second", "idle"):
        made = waybill.json("token", "create", "--app", "Shop", "--name", name)
        tokens.append(str(made["secret"]))
    limits = [f"{who}-{what}" for who in ("open", "address") for what in ("requests", "bytes")]
    waybill.json(
        "app", "set", "--app", "Shop", *[f"--{limit}-per-second-max=0" for limit in limits]
    )
    idle = tokens.pop()
    waybill.json("key", "rotate", "--prepare")
    assert "Restart it first" in waybill.run("key", "rotate", "--yes", "--json").stdout
    waybill.stop()
    waybill = start()
    over = threading.Event()
    seen: dict[str, Any] = {}

    def rotate() -> None:
        try:
            seen["rotated"] = waybill.json("key", "rotate", "--yes")["unused"]

            def only_idle() -> bool:
                refused = waybill.run("key", "rotate", "--finish").stderr
                seen["refused"] = refused
                return "idle" in refused and "backend" not in refused and "second" not in refused

            until(only_idle, USED_SECONDS_MAX, "the tokens being used")
            assert send(waybill.port, [_postback(idle, "late")], 1).statuses() == {200: 1}

            def finished() -> bool:
                return waybill.run("key", "rotate", "--finish").returncode == 0

            until(finished, USED_SECONDS_MAX, "the rotation")
        finally:
            over.set()

    rotation = threading.Thread(target=rotate)
    rotation.start()
    requests = requests_until(
        lambda number: _postback(tokens[number % 2], f"u{number}"), over.is_set
    )
    log = asyncio.run(send_beside(waybill.port, requests, 8))
    rotation.join()

    assert set(seen["rotated"]) == {
        f"token {name} of Shop" for name in ("backend", "second", "idle")
    }
    assert [answer for answer in log.answers if answer.status != 200] == []
    assert log.broken == 0
    print(f"\n{len(log.answers)} requests during the rotation, all of them stored")
    waybill.wait_until_drained()
    waybill.stop()
    assert not (waybill.data / "secret.previous").exists()
    again = start()
    sent = send(again.port, [_postback(token, "after") for token in (*tokens, idle)], 1)
    assert sent.statuses() == {200: 3}
