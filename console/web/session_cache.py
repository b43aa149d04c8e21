"""Remembers who was signed in a short while ago, for when PostgreSQL is unavailable.

It gives access only to a page of metrics: it allows no change and shows nobody's data.
"""

import threading
from dataclasses import dataclass, field

from console.accounts.people import Person
from shared.clock import Clock

# Since PostgreSQL last confirmed the session. One that was ended elsewhere meanwhile stays valid
# here for so long.
MINUTES_MAX = 60
SESSIONS_MAX = 1_000
_MINUTE_MS = 60_000


@dataclass
class RecentSessions:
    """The sessions that were seen last by one process."""

    clock: Clock
    _seen: dict[str, tuple[Person, int]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, secret: str, person: Person | None) -> None:
        """Records what PostgreSQL says of a session: whose it is, or None if it has ended."""
        with self._lock:
            self._seen.pop(secret, None)
            if person is None:
                return
            self._seen[secret] = person, self.clock()
            if len(self._seen) > SESSIONS_MAX:
                del self._seen[next(iter(self._seen))]  # the oldest

    def find(self, secret: str) -> Person | None:
        with self._lock:
            person, noted_ms = self._seen.get(secret, (None, 0))
        return person if self.clock() - noted_ms < MINUTES_MAX * _MINUTE_MS else None
