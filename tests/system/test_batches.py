"""Batches: the published clients behind a network that loses answers, and whatever is killed."""

import gzip
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import psycopg
import pytest

from tests.system.conftest import Watched
from tests.system.flaky_proxy import FAULTS, flaky
from tests.system.servers import ANSWER_SECONDS_MAX
from tests.system.test_faults import count_rows

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "docs" / "clients"
CLIENT_SECONDS_MAX = 120
EVENTS = 1_300  # three batches of a client
# `make batch-kills EVENTS=…` sends more, and kills more often.
KILLED_EVENTS = int(os.environ.get("KILLED_EVENTS", "60000"))
KILLS = max(4, KILLED_EVENTS // 25_000)
KILLED_SECONDS_MAX = max(300, KILLED_EVENTS // 200)
SENDERS = 4

COMMANDS = {
    "python": ("python3", "waybill_batch.py"),
    "javascript": ("node", "waybill_batch.mjs"),
    "java": ("java", "WaybillBatch.java"),
    "php": ("php", "waybill_batch.php"),
    "ruby": ("ruby", "waybill_batch.rb"),
}


def batch_event(user: str, number: int) -> dict[str, Any]:
    return {
        "type": "event" if number % 3 else "open",
        "time": int(time.time()) - number % 1000,
        "user_id": f"{user}-{number}",
        **({"event_id": "purchase", "sale_amount": "1.50"} if number % 3 else {}),
    }


def stored(watched: Watched, user: str) -> tuple[int, int]:
    """The rows of these users, and how many different users have one."""
    where = f"FROM events WHERE user_id LIKE '{user}-%'"
    url = watched.postgres.url
    return (
        count_rows(url, f"SELECT count(*) {where}"),
        count_rows(url, f"SELECT count(DISTINCT user_id) {where}"),
    )


def test_there_is_a_client_for_each_language_of_the_page() -> None:
    named = re.findall(r"\]\(clients/([\w.]+)\)", (ROOT / "docs" / "batch.md").read_text())

    assert sorted(named) == sorted(file for _, file in COMMANDS.values())
    assert sorted(path.name for path in CLIENTS.iterdir() if path.is_file()) == sorted(named)


@pytest.mark.parametrize("language", COMMANDS)
def test_a_published_client_stores_every_event_once_though_answers_are_lost(
    watched: Watched, language: str
) -> None:
    program, file = COMMANDS[language]
    found = shutil.which(program)
    assert found, f"There is no {program}: `make .venv/clients` installs it."
    events = [batch_event(language, number) for number in range(EVENTS)]
    bad = {**batch_event(language, EVENTS), "ip": "nowhere", "id": f"{language}-bad"}
    lines = "".join(json.dumps(event) + "\n" for event in [*events, bad])

    with flaky(watched.port) as proxy:
        done = subprocess.run(
            [found, str(CLIENTS / file)],
            input=lines,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS_MAX,
            env=os.environ
            | {"EVENTS_URL": f"http://127.0.0.1:{proxy.port}", "EVENTS_TOKEN": watched.token},
        )
    watched.waybill.wait_until_drained()

    counts = Counter(json.loads(done.stdout))
    print(f"\n{language}: {dict(counts)} through {proxy.met}")
    assert done.returncode == 1, done.stderr
    assert tuple(proxy.met[: len(FAULTS)]) == FAULTS
    assert counts["accepted"] + counts["duplicate"] == EVENTS
    assert counts["duplicate"] > 0
    assert (counts["rejected"], counts["retry"]) == (1, 0)
    assert json.loads(done.stderr.strip().splitlines()[-1])["id"] == f"{language}-bad"
    assert stored(watched, language) == (EVENTS, EVENTS)


@pytest.mark.parametrize("language", COMMANDS)
def test_a_published_client_stops_at_once_where_the_token_is_wrong(
    watched: Watched, language: str
) -> None:
    program, file = COMMANDS[language]
    done = subprocess.run(
        [program, str(CLIENTS / file)],
        input=json.dumps(batch_event("nobody", 1)) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ
        | {"EVENTS_URL": f"http://127.0.0.1:{watched.port}", "EVENTS_TOKEN": "wrong"},
    )

    assert done.returncode not in {0, None}
    assert "401" in done.stderr + done.stdout


def test_the_call_of_the_page_is_answered_as_it_says(watched: Watched) -> None:
    page = (ROOT / "docs" / "batch.md").read_text()
    (call,) = re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL)
    command = call.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{watched.port}")
    command = command.replace("Bearer TOKEN", f"Bearer {watched.token}")
    command = re.sub(
        r"2026-01-02T", time.strftime("%Y-%m-%dT", time.gmtime(time.time() - 86_400)), command
    )
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=ANSWER_SECONDS_MAX
    )

    answer = json.loads(done.stdout)
    assert (answer["accepted"], answer["rejected"]) == (2, 0)
    receipts = [result["receipt"] for result in answer["results"]]
    assert watched.waybill.recorded_event(receipts[0])["event_id"] == "purchase"
    assert watched.waybill.recorded_event(receipts[1])["event_id"] == "__open"


def published_client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("waybill_batch", CLIENTS / "waybill_batch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Acknowledged:
    """What senders were told, each of its own share of the events."""

    ids: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)

    def send(self, watched: Watched, number: int) -> None:
        module = published_client()
        client = module.BatchClient(f"http://127.0.0.1:{watched.port}", watched.token)
        share = range(number, KILLED_EVENTS, SENDERS)
        for begin in range(0, len(share), 200):
            events = [batch_event("k", each) for each in share[begin : begin + 200]]
            for event, verdict in zip(events, client.send(events), strict=True):
                self.verdicts[verdict["status"]] += 1
                if verdict["status"] in {"accepted", "duplicate"}:
                    self.ids.add(event["id"])


def kill_one(watched: Watched, word: str) -> int:
    """Kills one process of the product by its command line; returns how many."""
    for process in random.sample(found := watched.waybill.children(word), min(1, len(found))):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
            return 1
    return 0


def kill_while(watched: Watched, threads: Sequence[threading.Thread]) -> Counter[str]:
    """Kills ingest, a worker and Redis in turns, up to KILLS times each."""
    kills: Counter[str] = Counter()
    while any(thread.is_alive() for thread in threads) and kills["redis"] < KILLS:
        for word in ("ingest.server", "rq.cli"):
            time.sleep(0.7)
            kills[word] += kill_one(watched, word)
        time.sleep(0.7)
        watched.redis.stop(signal.SIGKILL)
        kills["redis"] += 1
        watched.redis.start()
    return kills


def test_each_acknowledged_event_is_once_in_the_tables_whatever_is_killed_meanwhile(
    watched: Watched,
) -> None:
    told = [Acknowledged() for _ in range(SENDERS)]
    threads = [
        threading.Thread(target=each.send, args=(watched, number))
        for number, each in enumerate(told)
    ]
    for thread in threads:
        thread.start()
    kills = kill_while(watched, threads)
    for thread in threads:
        thread.join(KILLED_SECONDS_MAX)
    took = watched.waybill.wait_until_drained(KILLED_SECONDS_MAX)

    url = watched.postgres.url
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT idempotency_key FROM events WHERE user_id LIKE 'k-%'"
        ).fetchall()
    verdicts = sum((each.verdicts for each in told), Counter())
    print(f"\nkilled {dict(kills)}: {dict(verdicts)}, {len(rows)} rows, empty after {took:.1f} s")
    assert not any(thread.is_alive() for thread in threads)
    assert min(kills["ingest.server"], kills["rq.cli"], kills["redis"]) > 0
    assert set(verdicts) <= {"accepted", "duplicate"}
    assert len(rows) == KILLED_EVENTS
    assert {key for (key,) in rows} == set().union(*(each.ids for each in told))


def post(port: int, body: bytes | Iterable[bytes], token: str, **headers: str) -> tuple[int, str]:
    """The status, and the code of a refusal, which of a large body may come before its end."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Authorization": token, "Content-Type": "application/json", **named}
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", "/batch", body, fields)
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("error", {}).get("code", "")
    finally:
        connection.close()


def test_a_body_of_five_megabytes_is_read_and_a_larger_one_refused(watched: Watched) -> None:
    parameters = {str(number): "x" * 400 for number in range(12)}
    events = [batch_event("large", number) | {"parameters": parameters} for number in range(950)]
    body = json.dumps(events).encode()
    assert 4_700_000 < len(body) < 5_000_000

    def chunks(whole: bytes) -> Iterator[bytes]:
        yield from (whole[begin : begin + 50_000] for begin in range(0, len(whole), 50_000))

    assert post(watched.port, body, watched.token) == (200, "")
    assert post(watched.port, chunks(body), watched.token) == (200, "")
    for large in (body + b" " * 400_000, chunks(body + b" " * 400_000)):
        assert post(watched.port, large, watched.token) == (413, "request_too_large")
    watched.waybill.wait_until_drained()
    assert stored(watched, "large") == (1900, 950)


def test_bombs_and_millions_of_elements_leave_the_memory_of_ingest_flat(watched: Watched) -> None:
    bomb = gzip.compress(b"[" + b"{}," * 60_000_000)
    elements = b"[" + b"{}," * 1_600_000 + b"{}]"

    def resident_bytes() -> int:
        sizes = [each.memory_info().rss for each in watched.waybill.children("ingest.server")]
        return int(max(sizes))

    def flood(_: int) -> set[tuple[int, str]]:
        return {
            post(watched.port, bomb, watched.token, Content_Encoding="gzip"),
            post(watched.port, elements, watched.token),
            post(watched.port, gzip.compress(elements), watched.token, Content_Encoding="gzip"),
        }

    before = resident_bytes()
    with ThreadPoolExecutor(8) as pool:
        answers = set().union(*pool.map(flood, range(24)))
    after = resident_bytes()

    print(f"\nbombs: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after, {answers}")
    assert answers <= {(413, "request_too_large"), (413, "too_many_events"), (503, "overloaded")}
    assert after < before + 150_000_000
