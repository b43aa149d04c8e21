"""Limits of an app's traffic, kept by several ingest processes at once."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import Running, make_token
from tests.system.product import Waybill
from tests.system.servers import until
from tests.system.traffic import Log, get, requests_until, send

PROCESSES = 3
RATE, SECONDS, SETTLED_SECONDS = 40, 12, 5
QUEUE_EVENTS, SENT = 200, 2_000


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The product with several ingest processes."""
    folder: Path = tmp_path_factory.mktemp("several")
    with Waybill(folder / "data", {"WEB_CONCURRENCY": str(PROCESSES)}, patient=False) as waybill:
        yield Running(waybill, make_token(waybill))


@pytest.fixture(scope="module")
def other(several: Running) -> str:
    """The token of an app that has no limits."""
    several.waybill.json("app", "create", "--name", "Other")
    made = several.waybill.json("token", "create", "--app", "Other", "--name", "backend")
    return str(made["secret"])


def postback(token: str, user: str) -> bytes:
    return get(f"/postback?s2s_token={token}&user_id={user}&event_id=__open")


def limit(several: Running, **limits: int) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in limits.items()]
    several.waybill.json("app", "set", "--app", "Shop", *options)
    time.sleep(1)  # every process has it by then


def test_all_processes_together_keep_a_rate(several: Running) -> None:
    assert len(several.waybill.children("ingest.server")) > PROCESSES
    limit(several, token_requests_per_second_max=RATE)
    begun = time.monotonic()

    flood = send(
        several.port,
        requests_until(
            lambda number: postback(several.token, f"rate-{number}"),
            lambda: time.monotonic() > begun + SECONDS,
        ),
        connections=24,
    )
    limit(several, token_requests_per_second_max=0)

    settled = [answer for answer in flood.answers if answer.at > begun + SETTLED_SECONDS]
    passed = sum(answer.status == 200 for answer in settled)
    assert set(flood.statuses()) == {200, 429}
    assert all(
        int(answer.headers["retry-after"]) <= 5 for answer in flood.answers if answer.status == 429
    )
    seconds = SECONDS - SETTLED_SECONDS
    assert 0.5 * RATE * seconds <= passed <= 1.5 * RATE * seconds
    assert several.waybill.run("check", "Shop").stdout.count("429") > 0


def accepted(log: Log) -> int:
    return log.statuses().get(200, 0)


def test_an_app_whose_queue_is_full_waits_and_nobody_else_does(
    several: Running, other: str
) -> None:
    limit(several, queued_events_max=QUEUE_EVENTS)
    workers = several.waybill.children("rq.cli")
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        flood = send(
            several.port,
            (postback(several.token, f"queued-{number}") for number in range(SENT)),
            connections=4,
        )
        later = send(several.port, [postback(several.token, "later")] * 9, connections=3)
        others = send(several.port, [postback(other, f"o-{n}") for n in range(30)], connections=6)
        clicks = send(several.port, [get("/click?offer_id=1&pub_id=1")] * 9, connections=3)
        checked = several.waybill.run("check", "Shop").stdout
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGCONT)

    assert QUEUE_EVENTS <= accepted(flood) < SENT
    assert later.statuses() == {429: 9}
    assert {answer.headers["retry-after"] for answer in later.answers} == {"5"}
    assert others.statuses() == {200: 30}
    assert clicks.statuses() == {302: 9}
    assert f"of at most {QUEUE_EVENTS}" in " ".join(checked.split())
    several.waybill.wait_until_drained()
    until(
        lambda: accepted(send(several.port, [postback(several.token, "again")], 1)) == 1,
        10,
        "the app being accepted again",
    )
    figures = several.waybill.json("app", "show", "--app", "Shop")
    assert figures["limits"]["queued_events_max"] == QUEUE_EVENTS
