"""The judge: each request and answer of the journal against the rows, event by event."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg

from tests.chaos.machine.journal import Told

_ALLOWED = frozenset(range(200, 500)) | {503}
_STORED_AT = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float"
_EVENTS = f"SELECT receipt::text, idempotency_key, {_STORED_AT} FROM events"
_CLICKS = f"SELECT receipt::text, parameters->>'pub_click_id', {_STORED_AT} FROM clicks"
_DUPLICATES = "SELECT receipt::text, first_receipt::text FROM duplicates"
_QUARANTINE = "SELECT receipt::text, reason FROM quarantine"


@dataclass(frozen=True)
class Rows:
    """What the tables hold: (receipt, key, stored at) of events and clicks, and the rest."""

    stored: Sequence[tuple[str, str, float | None]]
    duplicates: Mapping[str, str]
    quarantined: Mapping[str, str]


def rows_of(url: str) -> Rows:
    with psycopg.connect(url) as connection:

        def ask(statement: str) -> list[tuple[Any, ...]]:
            return list(connection.execute(statement.encode()).fetchall())

        return Rows(
            [(str(row[0]), str(row[1]), row[2]) for row in ask(_EVENTS) + ask(_CLICKS)],
            {str(row[0]): str(row[1]) for row in ask(_DUPLICATES)},
            {str(row[0]): str(row[1]) for row in ask(_QUARANTINE)},
        )


@dataclass
class Verdict:
    """The first group of fields breaks the promise when it is not zero; the others are printed."""

    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    nobodys: list[str] = field(default_factory=list)  # rows that nobody sent
    stored_and_quarantined: list[str] = field(default_factory=list)
    innocent_quarantined: list[str] = field(default_factory=list)
    wrong_statuses: Counter[str] = field(default_factory=Counter)
    differing_decisions: int = 0
    differing_rollups: int = 0

    requests: int = 0
    acknowledged: int = 0
    stored: int = 0
    stored_unanswered: int = 0
    quarantined: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    pause_seconds: float = 0.0
    drain_seconds: float = 0.0
    quiet_delays: list[float] = field(default_factory=list)  # from answer to row, in seconds
    launcher_ends: int = 0

    def violations(self) -> dict[str, int]:
        """What was promised and did not hold, with how often."""
        counts = {
            "missing": len(self.missing),
            "stored twice": len(self.twice),
            "rows that nobody sent": len(self.nobodys),
            "stored and quarantined": len(self.stored_and_quarantined),
            "innocent events in quarantine": len(self.innocent_quarantined),
            "wrong statuses": sum(self.wrong_statuses.values()),
            "differing decisions": self.differing_decisions,
            "differing rollups": self.differing_rollups,
        }
        return {name: count for name, count in counts.items() if count}

    def lines(self) -> list[tuple[str, str]]:
        numbers = {
            "requests": self.requests, "acknowledged": self.acknowledged, "stored": self.stored,
            "missing": len(self.missing), "stored twice": len(self.twice),
            "rows that nobody sent": len(self.nobodys),
            "stored, though no answer came": self.stored_unanswered,
            "quarantined (poison)": self.quarantined,
            "stored and quarantined": len(self.stored_and_quarantined),
            "innocent events in quarantine": len(self.innocent_quarantined),
            "statuses other than 2xx, 3xx, 4xx, 503": sum(self.wrong_statuses.values()),
            "decisions that differ from a quiet replay": self.differing_decisions,
            "rollups that differ from a quiet replay": self.differing_rollups,
            "launcher ended by itself": self.launcher_ends,
        }  # fmt: skip
        delays = sorted(self.quiet_delays) or [0.0]
        told = ", ".join(f"{count:,} {name}" for name, count in self.statuses.most_common())
        return [
            *((name, f"{count:,}") for name, count in numbers.items()),
            ("answers", told),
            ("longest pause of answers", f"{self.pause_seconds:.1f} s"),
            ("time to drain after the last fault", f"{self.drain_seconds:.1f} s"),
            ("quiet app, from answer to row, median", f"{delays[len(delays) // 2]:.2f} s"),
            ("quiet app, from answer to row, p99", f"{delays[len(delays) * 99 // 100]:.2f} s"),
            ("quiet app, from answer to row, worst", f"{delays[-1]:.2f} s"),
        ]


def judge(told: Mapping[str, Told], rows: Rows) -> Verdict:
    verdict = Verdict(stored=len(rows.stored), quarantined=len(rows.quarantined))
    _judge_rows(told, rows, verdict)
    _judge_answers(told.values(), rows, verdict)
    return verdict


def _judge_rows(told: Mapping[str, Told], rows: Rows, verdict: Verdict) -> None:
    copies = Counter(key for _, key, _ in rows.stored)
    verdict.twice = [key for key, count in copies.items() if count > 1]
    verdict.nobodys = [key for key in copies if key not in told]
    verdict.stored_unanswered = sum(
        1 for key in copies if key in told and not told[key].acknowledged
    )
    verdict.stored_and_quarantined = [
        receipt for receipt, _, _ in rows.stored if receipt in rows.quarantined
    ]


def _judge_answers(told: Iterable[Told], rows: Rows, verdict: Verdict) -> None:
    stored = {receipt: (key, at) for receipt, key, at in rows.stored}
    keys = {key for _, key, _ in rows.stored}
    moments: list[float] = []
    for entry in told:
        for attempt in entry.attempts.values():
            verdict.requests += 1
            name = attempt.why or str(attempt.status or "none, the sender was killed")
            verdict.statuses[name] += 1
            if attempt.status is not None and attempt.status not in _ALLOWED:
                verdict.wrong_statuses[name] += 1
            if attempt.is_acknowledged:
                moments.append(attempt.told_at or 0.0)
        verdict.acknowledged += len(entry.acknowledged)
        _judge_entry(entry, stored, keys, rows, verdict)
    pauses = (later - earlier for earlier, later in pairwise(sorted(moments)))
    verdict.pause_seconds = max(pauses, default=0.0)


def _judge_entry(
    entry: Told,
    stored: Mapping[str, tuple[str, float | None]],
    keys: set[str],
    rows: Rows,
    verdict: Verdict,
) -> None:
    """Each receipt that was answered has to lead to the one row of its key."""
    for attempt in entry.acknowledged:
        receipt = str(attempt.receipt)
        if receipt in rows.quarantined:
            if entry.kind != "poison":
                verdict.innocent_quarantined.append(receipt)
            continue
        first = rows.duplicates.get(receipt, receipt)
        is_stored = first in stored and stored[first][0] == entry.key
        if not is_stored and not (entry.kind == "poison" and first in rows.quarantined):
            verdict.missing.append(f"{entry.key} {receipt}")
        if receipt in stored and entry.app == "quiet" and entry.kind == "event":
            _, at = stored[receipt]
            if at is not None and attempt.told_at is not None:
                verdict.quiet_delays.append(max(0.0, at - attempt.told_at))
    if entry.kind == "poison" and entry.key in keys:
        verdict.nobodys.append(entry.key)  # the constraint forbids it: the harness is wrong


def pauses_by_fault(
    told: Iterable[Told], spans: Sequence[tuple[str, float, float]]
) -> dict[str, tuple[int, float]]:
    """Of each kind of fault: how often it was done, and the longest pause that touches it."""
    moments = sorted(attempt.told_at or 0.0 for entry in told for attempt in entry.acknowledged)
    pauses = [pair for pair in pairwise(moments) if pair[1] - pair[0] > 0.2]
    found: dict[str, tuple[int, float]] = {}
    for name, begun, ended in spans:
        touching = [end - start for start, end in pauses if start < ended + 1 and end > begun]
        count, longest = found.get(name, (0, 0.0))
        found[name] = (count + 1, max([longest, *touching]))
    return found
