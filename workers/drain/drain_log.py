"""Logs a drain: a line when it ends, and at level `debug` one for each transaction.

The inbox ids of the entries lead back to the flushes that wrote them (`ingest.inbox`), and so to
receipts.
"""

import logging
import time
from collections.abc import Sequence

from shared.inbox import Entry
from shared.logs import note
from workers.facts.record import Recorded

_log = logging.getLogger(__name__)


class DrainLog:
    """The log of one drain; a drain that found nothing logs nothing."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self._ids: list[str] = []

    def log_stored(self, entries: Sequence[Entry], recorded: Recorded) -> None:
        """Logs the entries of a transaction."""
        ids = [entry.id for entry in entries]
        self._ids += ids
        note(_log, logging.DEBUG, "stored", entries=ids, **_counts(recorded))

    def log_end(self, recorded: Recorded) -> None:
        """Logs what the whole drain has stored."""
        if not self._ids:
            return
        note(
            _log,
            logging.INFO,
            "drained",
            entries=len(self._ids),
            first_entry=min(self._ids, key=_entry_order),
            last_entry=max(self._ids, key=_entry_order),
            milliseconds=round((time.monotonic() - self._started_at) * 1000),
            **_counts(recorded),
        )


def _counts(recorded: Recorded) -> dict[str, int]:
    return {
        "events": recorded.events,
        "duplicates": recorded.duplicates,
        "conflicts": recorded.conflicts,
        "quarantined": recorded.quarantined,
    }


def _entry_order(entry_id: str) -> tuple[int, int]:
    time_ms, _, sequence = entry_id.partition("-")
    return int(time_ms), int(sequence)
