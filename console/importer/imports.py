"""Importing: events and clicks of another system, through the inbox that everything goes through.

The days that a file touches get their partitions before the events of those days are sent. The
import waits while the inbox is long, so that events that are sent meanwhile are not held up.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.importer.line_format import Destination, read_line
from console.importer.line_reader import LINE_BYTES_MAX, FileLine
from console.resources import Resources
from shared.database import Connection, run
from shared.errors import MalformedField, OperatorError, RequestError
from shared.events import CLICK_KINDS, Event, encode_event, join_events
from shared.inbox import append, measure
from shared.partitions import day_of, has_partition, make_days
from shared.redis import Redis, RedisError
from shared.rq_queue import enqueue

BACKLOG_EVENTS_MAX = 20_000  # some seconds of draining: so much later are others' events stored
DAYS_MAX = 400  # partitions that one import may make: more is a file with broken dates
STANDSTILL_SECONDS_MAX = 60.0
_LOOK_SECONDS = 0.1


_LINKS = "SELECT id, name, offer_id, pub_id FROM links WHERE app_id = %s"


@dataclass(frozen=True)
class ImportLimits:
    """Of one write to the inbox, of the inbox, of what one import makes and reports."""

    batch_events_max: int
    batch_bytes_max: int
    backlog_events_max: int = BACKLOG_EVENTS_MAX
    days_max: int = DAYS_MAX
    bad_lines_max: int = 20
    standstill_seconds_max: float = STANDSTILL_SECONDS_MAX


@dataclass(frozen=True)
class BadLine:
    """A line that was not taken, and why; nothing of what stands in it."""

    number: int
    field: str | None
    reason: str


@dataclass
class Imported:
    """What became of the lines. `bad_lines` are the first of the `bad`, `days` partitions made."""

    lines: int = 0
    events: int = 0
    clicks: int = 0
    bad: int = 0
    days: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)


class Import:
    """One run. `imported` counts what is on disk in the inbox, and the lines refused until now."""

    def __init__(
        self,
        resources: Resources,
        actor: Actor,
        app: App,
        limits: ImportLimits,
        watch: Callable[[FileLine], None] = lambda _: None,
    ) -> None:
        """Raises NotAllowed."""
        require_admin(actor)
        self._connection = resources.connection
        self._actor = actor
        self._app = app
        self._limits = limits
        self._watch = watch
        self._days = Days(resources.connection, limits.days_max)
        self._sender = Sender(resources.redis, limits)
        self.imported = Imported()

    def run(self, lines: Iterable[FileLine], now_ms: int) -> Imported:
        """`watch` sees each line once it is done with; none may be later than `now_ms`.

        It stands in the audit log before its first line is taken, for nobody can foresee its end.
        Raises OperatorError when Redis fails or nobody empties the inbox, DatabaseError when a
        partition cannot be made. What was sent stays; the same file can be imported again.
        """
        told = Change(Action.APP_IMPORT, self._app.name, None, {})
        record_change(self._connection, self._actor, self._app.id, told)
        destination = _destination_in(self._connection, self._app, now_ms)
        try:
            for line in lines:
                self._take(line, destination)
                self._watch(line)
            self._sender.flush()
        except RedisError as fault:
            raise OperatorError(
                "Redis failed on the way. Repeat the command once it answers: nothing is stored "
                "twice."
            ) from fault
        return self.imported

    def _take(self, line: FileLine, destination: Destination) -> None:
        self.imported.lines += 1
        try:
            event = self._read(line, destination)
        except RequestError as fault:
            self._refuse(line, fault)
            return
        self._sender.add(event)
        if event.kind in CLICK_KINDS:
            self.imported.clicks += 1
        else:
            self.imported.events += 1

    def _read(self, line: FileLine, destination: Destination) -> Event:
        if line.text is None:
            raise RequestError(f"The line is longer than {LINE_BYTES_MAX} bytes.")
        event = read_line(line.text, destination)
        self._days.make(day_of(event.happened_at_ms))
        self.imported.days = self._days.made
        return event

    def _refuse(self, line: FileLine, fault: RequestError) -> None:
        self.imported.bad += 1
        if len(self.imported.bad_lines) < self._limits.bad_lines_max:
            bad = BadLine(line.number, fault.field, fault.message)
            self.imported.bad_lines.append(bad)


def _destination_in(connection: Connection, app: App, now_ms: int) -> Destination:
    links = run(connection, _LINKS, (app.id,)).fetchall()
    return Destination(
        app_id=app.id,
        links_by_name={name: id_ for id_, name, _, _ in links},
        links_by_offer={(offer, pub): id_ for id_, _, offer, pub in links},
        now_ms=now_ms,
    )


class Days:
    """The partitions that a file needs, each made when its day is first met."""

    def __init__(self, connection: Connection, days_max: int) -> None:
        self._connection = connection
        self._days_max = days_max
        self._known: set[date] = set()
        self.made = 0

    def make(self, day: date) -> None:
        """Raises MalformedField when the file has had its share of new days."""
        if day in self._known:
            return
        if self.made >= self._days_max and not has_partition(self._connection, day):
            raise MalformedField(
                "time",
                f"is of one more day than an import makes room for ({self._days_max}). "
                "Check the times; import the file again for the rest.",
            )
        self.made += len(make_days(self._connection, [day]))
        self._known.add(day)


class Sender:
    """Puts events into the inbox, batch by batch."""

    def __init__(self, redis: Redis, limits: ImportLimits) -> None:
        self._redis = redis
        self._limits = limits
        self._batch: list[bytes] = []
        self._bytes = 0

    def add(self, event: Event) -> None:
        encoded = encode_event(event)
        if self._bytes + len(encoded) > self._limits.batch_bytes_max:
            self.flush()
        self._batch.append(encoded)
        self._bytes += len(encoded)
        if len(self._batch) >= self._limits.batch_events_max:
            self.flush()

    def flush(self) -> None:
        """Raises RedisError; OperatorError when the inbox stays long."""
        if not self._batch:
            return
        appended = append(self._redis, join_events(self._batch), len(self._batch))
        self._batch, self._bytes = [], 0
        if appended.woke:
            enqueue(self._redis, "drain")
        if appended.backlog > self._limits.backlog_events_max:
            _await_room(self._redis, self._limits)


def _await_room(redis: Redis, limits: ImportLimits) -> None:
    least, since = None, time.monotonic()
    while (backlog := measure(redis).events) > limits.backlog_events_max:
        if least is None or backlog < least:
            least, since = backlog, time.monotonic()
        elif time.monotonic() - since > limits.standstill_seconds_max:
            raise OperatorError(
                f"{backlog} events wait in the inbox and become no fewer. See that a worker runs; "
                "then repeat the command: nothing is stored twice."
            )
        time.sleep(_LOOK_SECONDS)
