"""Counts refused requests by app and hour, from the rejection log, so that what is usual is known.

The log is capped: a flood pushes older entries out. An hour keeps the largest count that was seen.
"""

from collections import Counter
from datetime import UTC, datetime

from shared.database import Connection, run
from shared.redis import Redis
from shared.rejections import CLICK_LOST, rejections_since

HOUR_MS = 3_600_000

_KEEP = """
INSERT INTO rejection_hours (app_id, hour, rejected)
SELECT app_id, hour, rejected
FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS seen (app_id, hour, rejected)
ORDER BY app_id, hour
ON CONFLICT (app_id, hour) DO UPDATE SET
    rejected = greatest(rejection_hours.rejected, excluded.rejected)
"""
_EXPIRE = "DELETE FROM rejection_hours WHERE hour < now() - interval '8 days'"


def count_rejections(connection: Connection, redis: Redis, apps: set[int], now_ms: int) -> None:
    """Counts this hour's and the last one's of these apps. Raises DatabaseError, RedisError."""
    first_ms = (now_ms // HOUR_MS - 1) * HOUR_MS
    # An app without any has its zero: since then it is known how many are usual.
    counts: Counter[tuple[int, int]] = Counter({(app, now_ms // HOUR_MS): 0 for app in apps})
    for rejection in rejections_since(redis, first_ms):
        if rejection.app_id in apps and rejection.code != CLICK_LOST:
            counts[rejection.app_id, rejection.at_ms // HOUR_MS] += 1
    places = sorted(counts)
    hours = [datetime.fromtimestamp(hour * HOUR_MS / 1000, UTC) for _, hour in places]
    run(connection, _KEEP, ([app for app, _ in places], hours, [counts[each] for each in places]))
    run(connection, _EXPIRE)
