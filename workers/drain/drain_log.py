"""What a drain says of itself: a line when it ends, and at `debug` one for each transaction.

By its entries it leads back to the flushes that wrote them (`ingest.inbox`), and so to receipts.
"""

import logging
import time
from collections.abc import Sequence

from shared.inbox import Entry
from shared.logs import note
from workers.facts.record import Recorded

_log = logging.getLogger(__name__)


class DrainLog:
    """Of one drain. One that found nothing says nothing."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._settled: list[str] = []

    def settled(self, entries: Sequence[Entry], recorded: Recorded) -> None:
        ids = [entry.id for entry in entries]
        self._settled += ids
        note(_log, logging.DEBUG, "stored", entries=ids, **_outcome(recorded))

    def ended(self, recorded: Recorded) -> None:
        if not self._settled:
            return
        note(
            _log,
            logging.INFO,
            "drained",
            entries=len(self._settled),
            first_entry=min(self._settled, key=_moment),
            last_entry=max(self._settled, key=_moment),
            milliseconds=round((time.monotonic() - self._begun) * 1000),
            **_outcome(recorded),
        )


def _outcome(recorded: Recorded) -> dict[str, int]:
    return {
        "events": recorded.events,
        "duplicates": recorded.duplicates,
        "quarantined": recorded.quarantined,
    }


def _moment(entry_id: str) -> tuple[int, int]:
    time_ms, _, sequence = entry_id.partition("-")
    return int(time_ms), int(sequence)
