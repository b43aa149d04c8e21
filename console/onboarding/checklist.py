"""Lists the steps from a new app to authenticated events, and which of them are done."""

from dataclasses import dataclass

from console.apps.apps import App
from console.security.enforcement import enforced_scopes
from shared.database import Connection, run

RECENT_CLICKS_MAX = 10_000  # clicks have no index by app; a test click is among the latest


@dataclass(frozen=True)
class SetupStep:
    """A step of the checklist. `path` is the page of the app where it is done."""

    name: str
    text: str
    path: str
    is_done: bool


_DONE = """
    SELECT
        EXISTS (
            SELECT FROM tokens
            WHERE app_id = %(app)s AND revoked_at IS NULL AND deactivated_at IS NULL
              AND (expires_at IS NULL OR expires_at > now())
        ),
        EXISTS (
            SELECT FROM events WHERE app_id = %(app)s AND environment IN ('production', 'sandbox')
        ) OR EXISTS (SELECT FROM day_files WHERE app_id = %(app)s),
        EXISTS (SELECT FROM event_types WHERE app_id = %(app)s),
        EXISTS (SELECT FROM links WHERE app_id = %(app)s),
        EXISTS (
            SELECT FROM (
                SELECT app_id, link_id FROM clicks ORDER BY receipt DESC LIMIT %(clicks_max)s
            ) AS latest
            WHERE app_id = %(app)s AND link_id IS NOT NULL
        )
"""


def read_checklist(connection: Connection, app: App) -> list[SetupStep]:
    """Returns the steps in the order in which they are done."""
    arguments = {"app": app.id, "clicks_max": RECENT_CLICKS_MAX}
    row = run(connection, _DONE, arguments).fetchone()
    assert row is not None
    has_token, has_event, has_event_type, has_link, has_click = row
    is_enforced = bool(enforced_scopes(connection, app))
    return [
        SetupStep("app", "Create the app", "", True),
        SetupStep(
            "token",
            "Create a token, with which its backend sends events",
            "/protection/tokens/new",
            has_token,
        ),
        SetupStep("event", "Receive a first event", "/integration", has_event),
        SetupStep(
            "event_type",
            "Create an event type for what the backend reports, such as a purchase",
            "/events/new",
            has_event_type,
        ),
        SetupStep("link", "Create a tracking link for a partner", "/links/new", has_link),
        SetupStep("click", "Follow a test click from a link to its user", "/links", has_click),
        SetupStep(
            "authentication",
            "Require tokens in the Adjust dialect; Swaarm's always needs them",
            "/protection/enforcement",
            is_enforced,
        ),
    ]
