"""Tells when an app has as many events queued as it may."""

from collections.abc import Iterator
from datetime import UTC, datetime

from console.apps.apps import App
from console.apps.limits import read_limits
from console.resources import Resources
from console.security.unread_values import UnreadTotal
from shared.clock import now_ms
from shared.limits.app_shares import queued_events


def queue_totals(resources: Resources, app: App) -> Iterator[UnreadTotal]:
    """Yields the app's queue if its limit is reached, with the number of events."""
    events_max = read_limits(resources.connection, app).queued_events_max
    events = queued_events(resources.redis).get(app.id, 0) if events_max else 0
    if events_max and events >= events_max:
        now = datetime.fromtimestamp(now_ms() / 1000, UTC)
        what = (
            f"{events:,} events are queued, of at most {events_max:,}: requests are answered with "
            "429 until workers have stored some. Send more slowly, add workers or raise the limit."
        )
        yield UnreadTotal(what, events, now, now)
