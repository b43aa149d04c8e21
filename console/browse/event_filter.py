"""Reads which events are wanted, by the names that reports use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from console.apps.apps import App
from console.moments import read_moment
from console.reports.bounds import moment_of
from console.reports.names import country_key, read_names
from console.security.token_table import find_token
from console.validation import clean_text
from shared.database import Connection, run
from shared.device_ids import as_user_id
from shared.errors import BadValue, OperatorError
from shared.names.invisible import trimmed

TEXT_CHARACTERS_MAX = 256
DAYS_BACK = 28  # without `from`
_AHEAD = timedelta(days=1)  # clocks of senders may be ahead
FIELDS = ("event", "partner", "link", "status", "country", "user", "token", "q", "from", "to")


class EventStatus(StrEnum):
    """What became of an accepted event."""

    COUNTED = "counted"
    REPEATED = "repeated"  # of a unique event type, whose first event counts
    UNMAPPED = "unmapped"  # without an event type
    WOULD_REFUSE = "would_refuse"  # required tokens would refuse it


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """A choice of events. `arguments` are those of the SQL; None leaves a part open.

    `is_scanned`: a part of it has no index. `by_source`: it needs the user's attribution.
    """

    environment: str
    begin: datetime
    end: datetime
    arguments: Mapping[str, object] = field(default_factory=dict)

    @property
    def user_ref(self) -> object:
        return self.arguments["user_ref"]

    @property
    def is_scanned(self) -> bool:
        names = ("event", "status", "country", "token", "text")
        return self.by_source or any(self.arguments[name] is not None for name in names)

    @property
    def by_source(self) -> bool:
        return self.arguments["links"] is not None


def read_filter(
    connection: Connection, app: App, environment: str, values: Mapping[str, str], now_ms: int
) -> EventFilter:
    """Reads the fields of FIELDS; an empty one is open. Raises OperatorError."""
    given = {name: text for name, text in values.items() if text}
    names = read_names(connection, app)
    source = names.source_filter(given.get("partner"), given.get("link"))
    status = given.get("status")
    if status is not None and status not in {*EventStatus}:
        raise BadValue("status", f"must be one of {', '.join(EventStatus)}.")
    days = app.days
    end = read_moment("to", given.get("to"), days, end_of_day=True) or moment_of(now_ms) + _AHEAD
    begin = read_moment("from", given.get("from"), days) or end - timedelta(days=DAYS_BACK)
    text = given.get("q")
    return EventFilter(
        environment=environment,
        begin=begin,
        end=end,
        arguments={
            "event": names.event_key(given["event"]) if "event" in given else None,
            "links": None if source is None else list(source.link_ids),
            "source": None if source is None else source.source,
            "status": status,
            "country": country_key(given["country"]) if "country" in given else None,
            "token": find_token(connection, app, given["token"]).id if "token" in given else None,
            "text": clean_text("q", text, TEXT_CHARACTERS_MAX).lower() if text else None,
            "user_ref": _user_ref(connection, app, environment, given.get("user")),
        },
    )


def _user_ref(connection: Connection, app: App, environment: str, user_id: str | None) -> object:
    if user_id is None:
        return None
    row = run(
        connection,
        "SELECT id FROM users WHERE app_id = %s AND environment = %s AND user_id = %s",
        (app.id, environment, as_user_id(trimmed(user_id))),
    ).fetchone()
    if row is None:
        raise OperatorError(
            f"Nothing of this user is stored in {environment}. Search for their ID on the Users "
            "page, which knows device IDs and click IDs too."
        )
    return row[0]
