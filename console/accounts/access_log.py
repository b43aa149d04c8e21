"""Records what happens at the door of the console: in the log, the metrics and the audit log.

The log and the metrics have each event. The audit log has an entry with the address for the first
of a kind, of one person from one address, within 15 minutes; entries that strangers cause are
limited in all, so that nobody fills the table. A name that was typed is recorded only if somebody
has it: people type passwords there.
"""

import logging
import threading
import time
from dataclasses import dataclass

import msgspec

from shared import metrics
from shared.database import Connection, run
from shared.logs import note
from shared.published_counts import PublishedCounts
from shared.redis import Redis, RedisError
from shared.tally import Tally
from shared.vocabulary import AccessEvent

ACTION_PREFIX = "access."
STRANGER = "stranger"
REPEAT_MINUTES = 15
STRANGERS_ENTRIES_MAX = 200  # within an hour; further ones are in the log and the metrics only
_PUBLISH_SECONDS = 1.0
_PROVEN = frozenset({AccessEvent.SIGN_IN, AccessEvent.KEY_USE})
_LOG = logging.getLogger(__name__)

_INSERT = """
INSERT INTO audit_log (actor, action, subject, after)
SELECT %(actor)s, %(action)s, 'console', %(after)s::jsonb
WHERE NOT EXISTS (
    SELECT FROM audit_log
    WHERE action LIKE 'access.%%' AND at > now() - make_interval(mins => %(repeat)s)
      AND action = %(action)s AND actor = %(actor)s AND after = %(after)s::jsonb
) AND (%(proven)s OR %(limit)s > (
    SELECT count(*) FROM audit_log
    WHERE action LIKE 'access.%%' AND at > now() - interval '1 hour'
      AND action <> ALL (%(proven_actions)s)
))
"""


@dataclass(frozen=True)
class AccessNote:
    """An event at the door: who caused it, as the audit log names them, and from which address.

    `number` is the id of the person or key, 0 for a stranger.
    """

    event: AccessEvent
    actor: str
    address: str
    number: int = 0


class AccessLog:
    """The record of one process, which counts in memory and publishes every second."""

    def __init__(self, redis: Redis) -> None:
        tally = Tally()
        self._counters = {
            event: tally.counter(metrics.CONSOLE_ACCESS, event) for event in AccessEvent
        }
        self._counts = PublishedCounts(redis, tally)
        self._lock = threading.Lock()

    def note(self, connection: Connection, access: AccessNote) -> None:
        """Records an event."""
        with self._lock:
            self._counters[access.event].add()
        is_proven = access.event in _PROVEN
        level = logging.INFO if is_proven else logging.WARNING
        note(_LOG, level, f"console access: {access.event}", id=access.number)
        arguments = {
            "actor": access.actor,
            "action": ACTION_PREFIX + access.event,
            "after": msgspec.json.encode({"address": access.address}).decode(),
            "repeat": REPEAT_MINUTES,
            "proven": is_proven,
            "limit": STRANGERS_ENTRIES_MAX,
            "proven_actions": [ACTION_PREFIX + event for event in sorted(_PROVEN)],
        }
        run(connection, _INSERT, arguments)

    def publish(self) -> None:
        """Adds what was counted since the last time to the sums in Redis. Raises RedisError."""
        self._counts.publish()

    def publish_forever(self) -> None:
        """Publishes every second; what Redis did not take is published later."""
        while True:
            time.sleep(_PUBLISH_SECONDS)
            try:
                self.publish()
            except RedisError:
                continue
