"""Lists what was told to whom, each callback with its attempts, and sends it again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.cursor import Cursor
from console.delivery.delivery_filter import DeliveryFilter
from console.resources import Resources
from shared.database import Connection, named_rows, run, transaction
from shared.day_files.rows import rows_of_receipts
from shared.errors import OperatorError
from shared.privacy.identities import IdKind, PersonId, id_digest
from shared.privacy.tombstones import read_tombstone_key
from shared.publishing import require_key
from shared.rq_queue import enqueue

REPLAYED_MAX = 100_000  # at once: more are a mistake more often than a wish
_OF_PERSONS = (("user_id", IdKind.USER), ("click_id", IdKind.CLICK))


@dataclass(frozen=True)
class CallbackAttempt:
    """A request, with its secrets masked, and what came back. `status` is None without answer."""

    number: int
    at: datetime
    request: str
    outcome: str
    status: int | None
    took_ms: int
    answer: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A callback. `due_at` is when a waiting one is tried next.

    `is_of_deleted`: its endpoint was deleted.
    """

    id: UUID
    endpoint_id: int
    endpoint: str
    partner: str | None
    environment: str
    activity: str
    user_id: str | None
    event_type: str | None
    receipt: UUID
    event_time: datetime
    click_id: str | None
    state: str
    reason: str | None
    created_at: datetime
    due_at: datetime
    attempts: int
    is_of_deleted: bool = False
    tries: list[CallbackAttempt] = field(default_factory=list)


@dataclass(frozen=True)
class DeliveryPage:
    """Callbacks, newest first; `after` is the cursor that continues them, None at their end."""

    callbacks: list[Delivery]
    after: str | None


@dataclass(frozen=True)
class DeliveryCount:
    """The number of callbacks of one day and endpoint that are in a state, for a reason."""

    day: date
    endpoint: str
    partner: str | None
    state: str
    reason: str | None
    callbacks: int


@dataclass
class DeliveryDay:
    """The callbacks that became due on a day, by state, and the withheld ones by reason."""

    day: date
    delivered: int = 0
    waiting: int = 0
    failed: int = 0
    withheld: dict[str, int] = field(default_factory=dict)

    @property
    def due(self) -> int:
        """Returns how many callbacks became due, whatever became of them."""
        return self.delivered + self.waiting + self.failed + sum(self.withheld.values())


_FILTER = """
    callbacks.app_id = %(app)s
    AND (%(endpoint_id)s::bigint IS NULL OR callbacks.endpoint_id = %(endpoint_id)s)
    AND (%(partner)s::text IS NULL OR partners.name = %(partner)s)
    AND (%(state)s::text IS NULL OR callbacks.state = %(state)s)
    AND (%(reason)s::text IS NULL OR callbacks.reason = %(reason)s)
    AND (%(activity)s::text IS NULL OR callbacks.activity = %(activity)s)
    AND (%(environment)s::text IS NULL OR callbacks.environment = %(environment)s)
    AND (%(click_id)s::text IS NULL OR callbacks.click_id = %(click_id)s)
    AND (%(callback_id)s::uuid IS NULL OR callbacks.id = %(callback_id)s)
    AND (%(receipt)s::uuid IS NULL OR callbacks.receipt = %(receipt)s)
    AND (%(begin)s::timestamptz IS NULL OR callbacks.created_at >= %(begin)s)
    AND (%(end)s::timestamptz IS NULL OR callbacks.created_at < %(end)s)
    AND (%(user_id)s::text IS NULL OR callbacks.user_ref IN (
        SELECT id FROM users WHERE app_id = %(app)s AND user_id = %(user_id)s
    ))
"""
_TABLES = """
    callbacks
    JOIN callback_endpoints ON callback_endpoints.id = callbacks.endpoint_id
    LEFT JOIN partners ON partners.id = callback_endpoints.partner_id
"""
# The newest of each endpoint by its index, and of these the newest: however many there are.
_LIST = f"""
    SELECT
        callbacks.id, callbacks.endpoint_id, callback_endpoints.name AS endpoint,
        partners.name AS partner, callbacks.environment, activity, users.user_id,
        event_types.name AS event_type, callbacks.receipt, callbacks.event_time,
        callbacks.click_id, state, reason, callbacks.created_at, due_at, attempts,
        callback_endpoints.deleted_at IS NOT NULL AS is_of_deleted
    FROM callback_endpoints
    LEFT JOIN partners ON partners.id = callback_endpoints.partner_id
    CROSS JOIN LATERAL (
        SELECT * FROM callbacks
        WHERE callbacks.endpoint_id = callback_endpoints.id AND {_FILTER}
          AND (%(before_time)s::timestamptz IS NULL
               OR (callbacks.created_at, callbacks.id) < (%(before_time)s, %(before_id)s::uuid))
        ORDER BY callbacks.created_at DESC, callbacks.id DESC
        LIMIT %(count)s
    ) AS callbacks
    LEFT JOIN users ON users.id = callbacks.user_ref
    LEFT JOIN events ON events.receipt = callbacks.receipt
    LEFT JOIN event_types ON event_types.id = events.event_type_id
    WHERE callback_endpoints.app_id = %(app)s
    ORDER BY callbacks.created_at DESC, callbacks.id DESC
    LIMIT %(count)s
"""
_EVENT_TYPES = """
    SELECT receipt, event_types.name FROM events
    JOIN event_types ON event_types.id = event_type_id WHERE receipt = ANY(%s)
"""
_ATTEMPTS = """
    SELECT callback_id, number, at, request, outcome, status, took_ms, answer
    FROM callback_attempts WHERE callback_id = ANY(%s) ORDER BY callback_id, number
"""
# One that waits is only made due at once; what was told stays told unless it is named alone.
_REPLAY = f"""
    UPDATE callbacks SET state = 'waiting', reason = NULL, due_at = now()
    WHERE id IN (
        SELECT callbacks.id FROM {_TABLES}
        WHERE {_FILTER} AND callback_endpoints.deleted_at IS NULL
          AND (callbacks.state <> 'delivered' OR %(callback_id)s::uuid IS NOT NULL
               OR %(state)s::text = 'delivered')
        ORDER BY callbacks.created_at
        LIMIT %(count)s
    )
"""
_COUNTS = f"""
    SELECT (callbacks.created_at AT TIME ZONE %(zone)s::text)::date, callback_endpoints.name,
           partners.name, state, reason, count(*)
    FROM {_TABLES}
    WHERE {_FILTER}
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1 DESC, 2, 4, 5
"""


def list_deliveries(
    connection: Connection,
    app: App,
    wanted: DeliveryFilter,
    count: int,
    before: Cursor | None = None,
) -> list[Delivery]:
    """Lists callbacks with their attempts, newest first, behind the cursor."""
    place = {"before_time": before and before.time, "before_id": before and before.id}
    rows = named_rows(connection, _LIST, {**_arguments(app, wanted, count), **place})
    types = _event_types(connection, rows)
    found = [
        Delivery(**{**row, "event_type": row["event_type"] or types.get(row["receipt"])})
        for row in rows
    ]
    attempts: dict[UUID, list[CallbackAttempt]] = {}
    for callback_id, *values in run(connection, _ATTEMPTS, ([each.id for each in found],)):
        attempts.setdefault(callback_id, []).append(CallbackAttempt(*values))
    return [replace(each, tries=attempts.get(each.id, [])) for each in found]


def _event_types(connection: Connection, rows: list[dict[str, Any]]) -> dict[UUID, str]:
    """Returns the event types of events that may be in day files, by receipt."""
    receipts = [row["receipt"] for row in rows if row["event_type"] is None]
    with rows_of_receipts(connection, receipts):
        return dict(run(connection, _EVENT_TYPES, (receipts,)).fetchall()) if receipts else {}


def page_deliveries(
    connection: Connection, app: App, wanted: DeliveryFilter, count: int, before: Cursor | None
) -> DeliveryPage:
    """Returns one page of the callbacks that match."""
    found = list_deliveries(connection, app, wanted, count + 1, before)
    shown = found[:count]
    is_last = len(found) == len(shown)
    after = None if is_last else str(Cursor(shown[-1].created_at, shown[-1].id))
    return DeliveryPage(shown, after)


def find_delivery(connection: Connection, app: App, callback_id: UUID) -> Delivery:
    """Finds one callback. Raises OperatorError."""
    found = list_deliveries(connection, app, DeliveryFilter(callback_id=callback_id), 1)
    if not found:
        raise OperatorError("The app has no such callback.", "See `waybill callback log`.")
    return found[0]


def replay_deliveries(resources: Resources, actor: Actor, app: App, wanted: DeliveryFilter) -> int:
    """Sends callbacks again, under the same ids; how many. Raises NotAllowed.

    Those that were withheld are sent too, since somebody asks for them. Those that were delivered
    are sent only when they are asked for by their state or one by its id.
    """
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        count = run(connection, _REPLAY, _arguments(app, wanted, REPLAYED_MAX)).rowcount
        after = {"callbacks": count, **_told(resources, app, wanted)}
        change = Change(Action.CALLBACK_REPLAY, "callbacks", None, after)
        record_change(connection, actor, app.id, change)
    enqueue(resources.redis, "deliver")
    return count


def _told(resources: Resources, app: App, wanted: DeliveryFilter) -> dict[str, object]:
    """Returns a choice as the audit log has it: the ids of a person as keyed digests alone.

    The log outlives an erasure. Who knows an id can show by its digest that it was chosen.
    """
    told: dict[str, object] = {
        name: str(value) for name, value in vars(wanted).items() if value is not None
    }
    ids = [PersonId(kind, str(told.pop(name))) for name, kind in _OF_PERSONS if name in told]
    if ids:
        require_key(resources.connection, resources.secret_key)
        key = read_tombstone_key(resources.connection, resources.secret_key)
        assert key is not None  # require_key has made one
        told["proof"] = [id_digest(key, app.id, each).hex() for each in ids]
    return told


def count_deliveries(
    connection: Connection, app: App, wanted: DeliveryFilter
) -> list[DeliveryCount]:
    """Counts callbacks by day (of the app, of when they became due), endpoint, state and reason."""
    rows = run(connection, _COUNTS, _arguments(app, wanted, 0))
    return [DeliveryCount(*row) for row in rows]


def delivery_days(counts: Iterable[DeliveryCount]) -> list[DeliveryDay]:
    """Adds counts up by day, newest first."""
    days: dict[date, DeliveryDay] = {}
    for each in counts:
        day = days.setdefault(each.day, DeliveryDay(each.day))
        match each.state:
            case "delivered":
                day.delivered += each.callbacks
            case "waiting":
                day.waiting += each.callbacks
            case "failed":
                day.failed += each.callbacks
            case _:
                reason = each.reason or "withheld"
                day.withheld[reason] = day.withheld.get(reason, 0) + each.callbacks
    return sorted(days.values(), key=lambda each: each.day, reverse=True)


def _arguments(app: App, wanted: DeliveryFilter, count: int) -> dict[str, Any]:
    return {**vars(wanted), "app": app.id, "zone": app.time_zone, "count": count}
