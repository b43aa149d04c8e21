"""Prints the current load while `waybill up` runs.

On a terminal one line is rewritten each second; in a log a new line is written now and then.
"""

from dataclasses import dataclass
from typing import TextIO

from console.commands.terminal.output import discard, visible
from console.pipeline.health import Status

REWRITE_SECONDS = 1.0
WRITE_SECONDS = 10.0


@dataclass(frozen=True)
class StatusSample:
    """The status at one moment, `at_seconds` on a monotonic clock."""

    status: Status
    at_seconds: float


def describe_load(now: StatusSample, before: StatusSample) -> str:
    """Describes the events per second between two samples, and the backlog."""
    seconds = max(now.at_seconds - before.at_seconds, 0.001)
    rate = max(now.status.accepted - before.status.accepted, 0) / seconds
    waiting = f"{now.status.backlog_events:,} waiting"
    oldest = f"oldest {now.status.oldest_ms / 1000:.1f} s"
    return f"{rate:,.0f} events/s · {waiting} · {oldest} · {now.status.accepted:,} accepted"


class StatusLine:
    """A status line in `file`. Other sentences go through `say`, so that the two do not mix."""

    def __init__(self, file: TextIO, *, enabled: bool) -> None:
        self._file = file
        self._enabled = enabled
        self._rewrites = file.isatty()
        self._last = ""

    @property
    def period_seconds(self) -> float:
        return REWRITE_SECONDS if self._rewrites else WRITE_SECONDS

    def show(self, line: str) -> None:
        """Rewrites the line on a terminal; elsewhere writes a new one, unless it is unchanged."""
        if self._enabled and self._rewrites:
            self._write(f"\r\x1b[K{line}")
        elif self._enabled and line != self._last:
            self._write(f"{line}\n")
        self._last = line

    def say(self, sentence: str) -> None:
        clear = "\r\x1b[K" if self._rewrites else ""
        self._write(f"{clear}{visible(sentence)}\n")

    def _write(self, text: str) -> None:
        """Writes to the output, which may be on a full disk, or have no reader any more.

        Neither is a reason to end: what cannot be written is lost.
        """
        try:
            self._file.write(text)
            self._file.flush()
        except BrokenPipeError:
            discard(self._file)
        except OSError:
            return
