"""Compares the answers to senders with the tables, and measures how long each stood still."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg
from redis.exceptions import RedisError

from tests.chaos.cluster.cluster import BINARIES, INGEST_PORT, ROOT, Cluster
from tests.chaos.cluster.faults import Fault
from tests.chaos.cluster.stores import NAME
from tests.system.servers import until

RATE = 50  # events per second
CALM_SECONDS = 3
DRAIN_SECONDS_MAX = 90
_LOOK_SECONDS = 0.2
_STORED = (
    "SELECT idempotency_key, count(*) FROM events WHERE idempotency_key LIKE '{}-%' GROUP BY 1"
)
_ROWS = "SELECT count(*) FROM events WHERE idempotency_key LIKE '{}-%'"


@dataclass(frozen=True)
class Verdict:
    """The result of a fault: counts of events, pauses in seconds."""

    fault: Fault
    sent: int
    acknowledged: int
    stored: int
    missing: int
    twice: int
    answers_pause: float
    rows_pause: float
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def cells(self) -> tuple[str, ...]:
        again = ", ".join(f"{count} {name}" for name, count in self.refusals.most_common(3))
        numbers = (self.sent, self.acknowledged, self.stored, self.missing, self.twice)
        return (
            self.fault.name, *map(str, numbers),
            f"{self.answers_pause:.1f} s", f"{self.rows_pause:.1f} s", again or "none",
        )  # fmt: skip


HEAD = (
    "fault", "sent", "acknowledged", "stored", "missing", "twice", "longest pause of answers",
    "longest pause of rows", "sent again because of",
)  # fmt: skip


class Rows:
    """A watch on the rows of one fault, to find the longest time in which they did not grow."""

    def __init__(self, cluster: Cluster, label: str) -> None:
        self._cluster = cluster
        self._question = _ROWS.format(label)
        self._over = threading.Event()
        self._grown: list[float] = [time.monotonic()]
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def end(self) -> float:
        """Ends the watch and returns the longest pause, in seconds."""
        self._over.set()
        self._watcher.join()
        return longest_pause(self._grown)

    def _watch(self) -> None:
        seen = 0
        while not self._over.wait(_LOOK_SECONDS):
            try:
                ((rows,),) = self._cluster.postgres[0].execute(self._question, NAME)
            except psycopg.Error:
                continue
            if rows > seen:
                self._grown.append(time.monotonic())
                seen = rows


def longest_pause(moments: Iterable[float]) -> float:
    return max((later - earlier for earlier, later in pairwise(sorted(moments))), default=0.0)


def try_fault(cluster: Cluster, fault: Fault, number: int) -> Verdict:
    label = f"fault{number}"
    output = cluster.sender.folder / f"{label}.jsonl"
    rows = Rows(cluster, label)
    senders = cluster.sender.serve(
        label,
        cluster.sender.argv(
            *(str(BINARIES / "python"), "-m", "tests.chaos.cluster.load", "--token", cluster.token),
            *("--targets", *(f"{host.address}:{INGEST_PORT}" for host in cluster.ingests)),
            *("--label", label, "--rate", str(RATE), "--output", str(output)),
        ),
        {**cluster.environment, "PYTHONPATH": str(ROOT)},
    )
    time.sleep(CALM_SECONDS)
    fault.happen(cluster)
    time.sleep(CALM_SECONDS)
    senders.stop()
    events = [json.loads(line) for line in output.read_text().splitlines()]
    _until_drained(cluster)
    return _judge(cluster, fault, events, label, rows.end())


def _until_drained(cluster: Cluster) -> None:
    def is_empty() -> bool:
        try:
            client = cluster.redis_primary().client()
            return int(str(client.get("waybill:inbox:events") or 0)) == 0
        except RedisError:
            return False

    until(is_empty, DRAIN_SECONDS_MAX, "the inbox emptying")


def _judge(
    cluster: Cluster, fault: Fault, events: Sequence[dict[str, Any]], label: str, rows_pause: float
) -> Verdict:
    stored = dict(cluster.postgres[0].execute(_STORED.format(label), NAME))
    acknowledged = [event for event in events if event["acknowledged"]]
    refusals: Counter[str] = Counter()
    for event in events:
        refusals.update(event["refusals"])
    return Verdict(
        fault=fault,
        sent=len(events),
        acknowledged=len(acknowledged),
        stored=len(stored),
        missing=sum(event["key"] not in stored for event in acknowledged),
        twice=sum(count - 1 for count in stored.values()),
        answers_pause=longest_pause(event["acknowledged"] for event in acknowledged),
        rows_pause=rows_pause,
        refusals=refusals,
    )


def broken_promises(cluster: Cluster, verdicts: Sequence[Verdict]) -> list[str]:
    """Returns the promises that did not hold, one sentence each."""
    broken = []
    for verdict in verdicts:
        may_lose = verdict.fault.may_lose and cluster.mode.replicas_min == 0
        if verdict.missing and not may_lose:
            broken.append(f"{verdict.fault.name}: {verdict.missing} answered events are missing.")
        if verdict.twice:
            broken.append(f"{verdict.fault.name}: {verdict.twice} events are stored twice.")
        if verdict.acknowledged < verdict.sent:
            broken.append(f"{verdict.fault.name}: not every event was taken in the end.")
    ((quarantined,),) = cluster.postgres[0].execute("SELECT count(*) FROM quarantine", NAME)
    if quarantined:
        broken.append(f"{quarantined} events are in quarantine.")
    return broken


def table(verdicts: Sequence[Verdict]) -> str:
    lines = [HEAD, tuple("---" for _ in HEAD), *(verdict.cells for verdict in verdicts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
