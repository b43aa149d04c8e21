"""Counts the values of an imported file that were not used, for the integration check."""

from shared.clock import Clock
from shared.integration_log import (
    UNREAD_MAX,
    UnreadCount,
    UnreadSource,
    UnreadValue,
    unread_commands,
    unread_source,
)
from shared.lines.line_format import ENDPOINT
from shared.redis import Redis
from shared.snapshot import NO_TOKEN

_VALUES_MAX = 10 * UNREAD_MAX  # a file of another macro in each line must not fill the memory


class UnreadNotes:
    """The values of one file that were not used, each with how often and when it was read."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._counts: dict[UnreadValue, UnreadCount] = {}

    def add(self, unread: UnreadValue) -> None:
        """Counts one."""
        known = self._counts.get(unread)
        if known is None and len(self._counts) >= _VALUES_MAX:
            return
        now_ms = self._now()
        count = UnreadCount(1, now_ms, now_ms)
        self._counts[unread] = count if known is None else known | count

    def write(self, redis: Redis, app_id: int) -> None:
        """Adds them to the integration check of an app, and forgets them. Raises RedisError."""
        counts: dict[UnreadSource, UnreadCount] = {}
        for unread, count in self._counts.items():
            source = unread_source(ENDPOINT, 0, NO_TOKEN, unread)
            counts[source] = counts[source] | count if source in counts else count
            if len(counts) >= UNREAD_MAX:
                break
        self._counts.clear()
        with redis.pipeline(transaction=False) as pipeline:
            unread_commands(pipeline, redis.names, app_id, counts)
            pipeline.execute()
