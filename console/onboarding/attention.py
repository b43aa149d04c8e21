"""Lists what somebody should look at in an app: what stopped, failed, expires or is not counted."""

from dataclasses import dataclass
from datetime import timedelta

from console.apps.apps import App
from console.reports.bounds import moment_of
from console.resources import Resources
from console.security.enforcement import read_enforcement
from console.security.integration_check import check_integration
from shared.database import run
from shared.ids import receipt_floor
from shared.inbox import measure
from shared.redis import RedisError

SILENCE = timedelta(hours=24)
LOOKED_BACK = timedelta(days=8)
EXPIRES_SOON = timedelta(days=14)
FAILING_MIN = timedelta(minutes=10)  # a receiver that restarts is back by then
CHECKED_MS = 86_400_000
WAIT_MS_MAX = 60_000  # events are stored within seconds while workers run
UNMAPPED_COUNTED_MAX = 10_000
PROBLEMS_SHOWN_MAX = 3


@dataclass(frozen=True)
class AttentionItem:
    """A sentence that says what is wrong, and the page where it is explained or set right."""

    code: str
    text: str
    path: str

    def is_of(self, app: App) -> bool:
        """Tells whether it leads to a page of the app, and not to one of the installation."""
        return self.path.startswith(f"/apps/{app.id}/")


_LAST_EVENT = """
    SELECT event_time FROM events
    WHERE app_id = %s AND environment = %s AND receipt >= %s
    ORDER BY event_time DESC LIMIT 1
"""
_UNMAPPED = """
    SELECT count(*) FROM (
        SELECT FROM events
        WHERE app_id = %s AND environment = %s AND unmapped AND receipt >= %s LIMIT %s
    ) AS recent
"""
_ENDPOINTS = """
    SELECT id, name, disabled_at IS NOT NULL, failures
    FROM callback_endpoints
    WHERE app_id = %s AND deleted_at IS NULL AND (disabled_at IS NOT NULL OR failing_since < %s)
    ORDER BY name
"""
_QUARANTINED = """
    SELECT coalesce(sum(event_count), 0) FROM quarantine
    WHERE app_id = %s AND replayed_at IS NULL
"""
# A token that nobody has used lately may expire in silence.
_EXPIRING = """
    SELECT id, name, expires_at FROM tokens
    WHERE app_id = %(app)s AND revoked_at IS NULL AND deactivated_at IS NULL
      AND expires_at < %(soon)s AND last_used_at > %(used_since)s
    ORDER BY expires_at
"""


def read_attention(
    resources: Resources, app: App, environment: str, now_ms: int
) -> list[AttentionItem]:
    """Returns what needs attention, the most urgent first."""
    connection = resources.connection
    now = moment_of(now_ms)
    recent = receipt_floor(int((now - LOOKED_BACK).timestamp() * 1000))
    items = _pipeline_items(resources, app, now_ms)
    last = run(connection, _LAST_EVENT, (app.id, environment, recent)).fetchone()
    if last is not None and now - last[0] > SILENCE:
        hours = (now - last[0]) // timedelta(hours=1)
        text = f"The last event in {environment} happened {hours} hours ago."
        items.append(AttentionItem("silent", text, f"/apps/{app.id}/integration"))
    for number, name, is_disabled, failures in run(
        connection, _ENDPOINTS, (app.id, now - FAILING_MIN)
    ):
        state = "is disabled" if is_disabled else f"has failed {failures} times in a row"
        path = f"/apps/{app.id}/callbacks/{number}"
        items.append(AttentionItem("callbacks", f"Callback endpoint {name} {state}.", path))
    used = {"app": app.id, "soon": now + EXPIRES_SOON, "used_since": now - LOOKED_BACK}
    for number, name, expires_at in run(connection, _EXPIRING, used):
        verb = "expires" if expires_at > now else "expired"
        text = f"Token {name}, which senders use, {verb} on {expires_at:%Y-%m-%d} at "
        path = f"/apps/{app.id}/protection/tokens/{number}"
        items.append(AttentionItem("token", f"{text}{expires_at:%H:%M} UTC.", path))
    items += [
        AttentionItem("enforcement", warning, f"/apps/{app.id}/protection")
        for warning in read_enforcement(connection, app).warnings
    ]
    row = run(connection, _UNMAPPED, (app.id, environment, recent, UNMAPPED_COUNTED_MAX)).fetchone()
    if row is not None and row[0]:
        number = f"{row[0]:,} events" if row[0] > 1 else "1 event"
        more = "at least " if row[0] == UNMAPPED_COUNTED_MAX else ""
        text = f"In the last {LOOKED_BACK.days} days, {more}{number} had no event type."
        items.append(AttentionItem("unmapped", text, f"/apps/{app.id}/events"))
    return items


def _pipeline_items(resources: Resources, app: App, now_ms: int) -> list[AttentionItem]:
    """Returns what Redis and the quarantine tell; without Redis, that it does not answer."""
    items: list[AttentionItem] = []
    try:
        waits_ms = measure(resources.redis).oldest_ms
        if waits_ms > WAIT_MS_MAX:
            text = f"Accepted events have waited to be stored for {waits_ms // 1000} seconds."
            items.append(AttentionItem("backlog", text, "/operations"))
        problems = check_integration(resources, app, now_ms - CHECKED_MS).problems
        items += [
            AttentionItem("integration", problem.what, f"/apps/{app.id}/integration")
            for problem in problems[:PROBLEMS_SHOWN_MAX]
        ]
    except RedisError:
        text = "Redis does not answer, so what it knows of the last requests is missing here."
        items.append(AttentionItem("redis", text, "/operations"))
    row = run(resources.connection, _QUARANTINED, (app.id,)).fetchone()
    if row is not None and row[0]:
        text = f"Events in quarantine, which are not counted: {row[0]}."
        items.append(AttentionItem("quarantine", text, "/operations/quarantine"))
    return items
