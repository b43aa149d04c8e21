"""Apps: each is one Store App, whose backend sends events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from console.actor import Actor, require_admin
from console.apps.destination_hosts import OF_APP, clean_hosts, place_fault, require_all_listed
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.rates import usable_currencies
from console.resources import Resources
from console.validation import clean_code, clean_destination, clean_text, random_code
from shared import fields
from shared.database import Connection, run, transaction
from shared.errors import BadValue, MalformedField, OperatorError
from shared.zones.app_days import UTC_ZONE, AppDays, checked_zone

NAME_CHARACTERS_MAX = 100
APP_TOKEN_CHARACTERS_MAX = 64
AUTOMATIC = "automatic"
_APP_TOKEN_LENGTH = 12  # as Adjust's


class ActiveBy(StrEnum):
    """The rule that makes a user active on a day: a session, or any event."""

    SESSIONS = "sessions"
    EVENTS = "events"


@dataclass(frozen=True)
class App:
    """An app. `app_token` identifies it to machines; it authorises nobody.

    Reports convert to `currency` (ISO 4217); `destination` is the default of new links. Active
    users are counted by `active_users_by`, None for what most of the traffic has. An archived app
    accepts nothing. Links may lead to the `destination_hosts`. Its days are those of
    `time_zone`, which was last changed at `time_zone_at`.
    """

    id: int
    name: str
    app_token: str
    created_at: datetime
    currency: str = "EUR"
    destination: str | None = None
    active_users_by: str | None = None
    archived_at: datetime | None = None
    destination_hosts: Sequence[str] = ()
    time_zone: str = UTC_ZONE
    time_zone_at: datetime | None = None

    @property
    def days(self) -> AppDays:
        """Returns the days of the app's time zone."""
        return AppDays(self.time_zone)

    def today(self, now_ms: int) -> date:
        """Returns the date that the app's clock shows."""
        return self.days.day_of(datetime.fromtimestamp(now_ms / 1000, UTC))


class NoSuchApp(OperatorError):
    """A name or an app token that no app has."""

    def __init__(self) -> None:
        super().__init__(
            "There is no app with this name or app token.",
            "See `waybill app list`, or create one with `waybill app create`.",
        )


@dataclass(frozen=True)
class AppDescription:
    """The values of an app that people set, as they type them.

    "" is no destination, "" or "automatic" counts active users by what most of them have, and "" is
    the time zone that the app has.
    """

    name: str
    currency: str
    destination: str = ""
    active_users_by: str = ""
    destination_hosts: Sequence[str] = ()
    time_zone: str = ""


_SEE = "See `waybill app list`."
_COLUMNS = (
    "id, name, app_token, created_at, currency, destination, active_users_by, archived_at, "
    "destination_hosts, time_zone, time_zone_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM apps"
_INSERT = f"""
    INSERT INTO apps (name, app_token) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""
_UPDATE = f"""
    UPDATE apps SET
        name = %(name)s, currency = %(currency)s, destination = %(destination)s,
        active_users_by = %(active_users_by)s, destination_hosts = %(destination_hosts)s,
        time_zone = %(time_zone)s,
        time_zone_at = CASE WHEN time_zone = %(time_zone)s THEN time_zone_at ELSE now() END
    WHERE id = %(id)s
      AND NOT EXISTS (SELECT FROM apps AS other WHERE name = %(name)s AND other.id <> %(id)s)
    RETURNING {_COLUMNS}
"""


def create_app(resources: Resources, actor: Actor, name: str, app_token: str | None = None) -> App:
    """Creates an app; without an app token one is generated.

    Raises OperatorError when the name or the app token is malformed or taken, or the change cannot
    be published, and NotAllowed for a viewer.
    """
    require_admin(actor)
    if app_token is None:
        app_token = random_code(_APP_TOKEN_LENGTH)
    values = (
        clean_text("name", name, NAME_CHARACTERS_MAX),
        clean_code("app-token", app_token, APP_TOKEN_CHARACTERS_MAX),
    )
    with publishing_transaction(resources):
        row = run(resources.connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError("An app with this name or this app token already exists.", _SEE)
        app = App(*row)
        change = Change(Action.APP_CREATE, app.name, None, {"app_token": app.app_token})
        record_change(resources.connection, actor, app.id, change)
    return app


def lock_app(connection: Connection, app: App) -> None:
    """Locks an app and what belongs to it against changes by others until the transaction ends."""
    run(connection, "SELECT FROM apps WHERE id = %s FOR NO KEY UPDATE", (app.id,))


def list_apps(connection: Connection) -> list[App]:
    """Returns every app, by name."""
    rows = run(connection, f"{_SELECT} ORDER BY name, id")
    return [App(*row) for row in rows]


def app_names(connection: Connection) -> dict[int, str]:
    """Returns every app's name by its id."""
    return dict(run(connection, "SELECT id, name FROM apps").fetchall())


def find_app(connection: Connection, reference: str) -> App:
    """Returns the app with this name or this app token.

    Raises OperatorError unless there is exactly one.
    """
    rows = run(
        connection,
        f"{_SELECT} WHERE %(reference)s IN (name, app_token)",
        {"reference": clean_text("app", reference, NAME_CHARACTERS_MAX)},
    ).fetchall()
    if not rows:
        raise NoSuchApp
    if len(rows) > 1:
        raise OperatorError(
            "This is the name of one app and the app token of another. Use the other value of the "
            "app that you mean.",
            _SEE,
        )
    return App(*rows[0])


def app_with_id(connection: Connection, number: int) -> App | None:
    row = run(connection, f"{_SELECT} WHERE id = %s", (number,)).fetchone()
    return None if row is None else App(*row)


_KNOWN_ZONE = """
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %(zone)s),
       EXISTS (SELECT FROM pg_timezone_abbrevs WHERE abbrev = upper(%(zone)s))
"""


def _require_known(connection: Connection, zone: str) -> None:
    """Raises BadValue for a time zone that PostgreSQL does not know as the same, which counts too.

    It takes abbreviations before names: its CET has no summer time, Python's has.
    """
    [(is_known, is_short)] = run(connection, _KNOWN_ZONE, {"zone": zone})
    if is_short and zone != UTC_ZONE:
        raise BadValue("time-zone", "is an abbreviation. Use a region's, such as Europe/Berlin.")
    if not is_known:
        raise BadValue(
            "time-zone", "is not known to PostgreSQL. Update its time zones, or use another."
        )


def update_app(connection: Connection, actor: Actor, app: App, new: AppDescription) -> App:
    """Describes an app anew and returns it.

    Raises OperatorError when a value is malformed or the name is taken, and NotAllowed for a
    viewer.
    """
    require_admin(actor)
    try:
        currency = fields.currency("currency", new.currency)
    except MalformedField as error:
        raise BadValue("currency", error.rule) from None
    if currency != app.currency and currency not in usable_currencies():
        usable = ", ".join(sorted(usable_currencies()))
        raise BadValue("currency", f"has no current exchange rates. Use one of {usable}.")
    if new.active_users_by not in {"", AUTOMATIC, *ActiveBy}:
        raise BadValue("active-users-by", f"must be one of {AUTOMATIC}, {', '.join(ActiveBy)}.")
    hosts = clean_hosts(new.destination_hosts)
    after = {
        "name": clean_text("name", new.name, NAME_CHARACTERS_MAX),
        "currency": currency,
        "destination": clean_destination(new.destination) if new.destination else None,
        "active_users_by": new.active_users_by if new.active_users_by in {*ActiveBy} else None,
        "destination_hosts": hosts,
        "time_zone": checked_zone(new.time_zone) if new.time_zone else app.time_zone,
    }
    if new.destination and (fault := place_fault(str(after["destination"]), hosts)):
        raise BadValue("destination", fault)
    with transaction(connection):
        lock_app(connection, app)
        current = app_with_id(connection, app.id) or app
        before = {name: getattr(current, name) for name in after}
        if after == before:
            return app
        if after["time_zone"] != before["time_zone"]:
            _require_known(connection, str(after["time_zone"]))
        if hosts != before["destination_hosts"]:
            require_all_listed(connection, OF_APP, app.id, hosts)
        row = run(connection, _UPDATE, {"id": app.id, **after}).fetchone()
        if row is None:
            raise OperatorError("Another app has this name. Choose a different name.")
        change = Change(Action.APP_DESCRIBE, app.name, before, after)
        record_change(connection, actor, app.id, change)
        return App(*row)
