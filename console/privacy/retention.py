"""Reads and changes for how many days an app keeps what."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from shared.database import Connection, named_rows, run, transaction
from shared.errors import BadValue

DAYS_MAX = 3_650
# Events may be 58 days old when they arrive, and clicks may be credited for 30 days.
DAYS = {
    "address_days": (7, DAYS_MAX, "IP addresses and user agents"),
    "event_days": (60, DAYS_MAX, "Events"),
    "click_days": (60, DAYS_MAX, "Clicks that are credited to nobody"),
    "delivery_days": (1, DAYS_MAX, "Callbacks and their attempts"),
    "rejection_days": (1, 365, "Refused requests"),
}


@dataclass(frozen=True, kw_only=True)
class Retention:
    """For how many days an app keeps what; None: for good, or as long as the installation does."""

    address_days: int | None = None
    event_days: int | None = None
    click_days: int | None = None
    delivery_days: int | None = None
    rejection_days: int | None = None


_SELECT = """
    SELECT address_days, event_days, click_days, delivery_days, rejection_days
    FROM retention WHERE app_id = %(app)s
"""
_WRITE = """
    INSERT INTO retention
        (app_id, address_days, event_days, click_days, delivery_days, rejection_days)
    VALUES (%(app)s, %(address_days)s, %(event_days)s, %(click_days)s, %(delivery_days)s,
            %(rejection_days)s)
    ON CONFLICT (app_id) DO UPDATE SET
        address_days = excluded.address_days, event_days = excluded.event_days,
        click_days = excluded.click_days, delivery_days = excluded.delivery_days,
        rejection_days = excluded.rejection_days
"""


def read_retention(connection: Connection, app: App) -> Retention:
    """Reads the days of an app."""
    rows = named_rows(connection, _SELECT, {"app": app.id})
    return Retention(**rows[0]) if rows else Retention()


def change_retention(
    connection: Connection, actor: Actor, app: App, wanted: Mapping[str, int | None]
) -> Retention:
    """Changes the days that are given; None means for good. What has expired stays away.

    Raises BadValue for days out of range, and NotAllowed for a viewer; then nothing is changed.
    """
    require_admin(actor)
    for name, days in wanted.items():
        smallest, largest, _ = DAYS[name]
        if days is not None and not smallest <= days <= largest:
            raise BadValue(
                name.replace("_", "-"), f"must be {smallest} to {largest} days, or none to keep it."
            )
    with transaction(connection):
        lock_app(connection, app)
        before = read_retention(connection, app)
        after = Retention(**(asdict(before) | dict(wanted)))
        if after != before:
            run(connection, _WRITE, {"app": app.id, **asdict(after)})
            change = Change(Action.APP_RETENTION, app.name, asdict(before), asdict(after))
            record_change(connection, actor, app.id, change)
    return after


def read_days(texts: Mapping[str, str]) -> dict[str, int | None]:
    """Reads the days that were typed; an empty text means for good. Raises BadValue."""
    days: dict[str, int | None] = {}
    for field in fields(Retention):
        text = texts.get(field.name, "").strip()
        if text and not (text.isascii() and text.isdecimal() and len(text) <= len(str(DAYS_MAX))):
            raise BadValue(field.name.replace("_", "-"), "must be a whole number of days.")
        days[field.name] = int(text) if text else None
    return days
