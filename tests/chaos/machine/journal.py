"""What senders write down: a line before each request, and one for its answer before the next.

A line is one write to a file opened for appending, so that killing the sender loses none of it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.machine.requests import Item


class Journal:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def sent(self, item: Item, attempt: int, at: float) -> None:
        self._write(
            what="sent", key=item.key, attempt=attempt, at=at,
            app=item.app, kind=item.kind, target=item.target,
        )  # fmt: skip

    def told(self, item: Item, attempt: int, at: float, status: int, receipt: str | None) -> None:
        self._write(
            what="told", key=item.key, attempt=attempt, at=at, status=status, receipt=receipt
        )

    def unanswered(self, item: Item, attempt: int, at: float, why: str) -> None:
        self._write(what="unanswered", key=item.key, attempt=attempt, at=at, why=why)

    def _write(self, **line: Any) -> None:
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")


@dataclass
class Attempt:
    """One sending of a request. Without a status nobody knows whether it was taken."""

    sent_at: float
    told_at: float | None = None
    status: int | None = None
    receipt: str | None = None
    why: str | None = None

    @property
    def is_acknowledged(self) -> bool:
        """A redirect without a receipt is that of a click that was not stored."""
        return self.status in {200, 302} and self.receipt is not None


@dataclass
class Told:
    """What was sent under one key, and what was answered."""

    key: str
    app: str
    kind: str
    target: str
    attempts: dict[int, Attempt] = field(default_factory=dict)

    @property
    def acknowledged(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts.values() if attempt.is_acknowledged]


def read(path: Path) -> dict[str, Told]:
    """By key. A line that breaks off, where a sender was killed in mid-write, is not one."""
    told: dict[str, Told] = {}
    for line in _lines(path):
        key, attempt = line["key"], line["attempt"]
        if line["what"] == "sent":
            entry = told.setdefault(key, Told(key, line["app"], line["kind"], line["target"]))
            entry.attempts[attempt] = Attempt(line["at"])
            continue
        made = told[key].attempts[attempt]
        made.told_at = line["at"]
        made.status, made.receipt = line.get("status"), line.get("receipt")
        made.why = line.get("why")
    return told


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for text in file:
            if text.endswith("\n"):
                yield json.loads(text)
