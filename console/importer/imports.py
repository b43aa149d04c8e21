"""Imports events and clicks of another system through the inbox, like all other events.

The partitions of the days in a file are created before the events of those days are sent. The
import waits while the inbox is long, so that it does not delay events that arrive meanwhile.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.importer.line_reader import LINE_BYTES_MAX, FileLine
from console.resources import Resources
from shared.database import Connection, run
from shared.errors import MalformedField, OperatorError, RequestError
from shared.events import CLICK_KINDS, Event, encode_event, join_events
from shared.inbox import append, measure
from shared.lines.line_format import Destination, read_line
from shared.partitions import day_of, has_partition, make_days
from shared.redis import Redis, RedisError
from shared.rq_queue import enqueue

BACKLOG_EVENTS_MAX = 20_000  # some seconds of draining, by which the import delays other events
DAYS_MAX = 400  # partitions that one import may create: a file that needs more has broken dates
STANDSTILL_SECONDS_MAX = 60.0
_POLL_SECONDS = 0.1

_LINKS = "SELECT id, name, offer_id, pub_id FROM links WHERE app_id = %s"


@dataclass(frozen=True)
class ImportLimits:
    """The limits of an inbox write, of the inbox, and of what one import creates and reports."""

    batch_events_max: int
    batch_bytes_max: int
    backlog_events_max: int = BACKLOG_EVENTS_MAX
    days_max: int = DAYS_MAX
    bad_lines_max: int = 20
    standstill_seconds_max: float = STANDSTILL_SECONDS_MAX


@dataclass(frozen=True)
class BadLine:
    """A line that was rejected, and the reason, without anything of its content."""

    number: int
    field: str | None
    reason: str


@dataclass
class ImportResult:
    """The counts of an import.

    `bad_lines` are the first of the `bad` lines, `days` is the number of partitions created.
    """

    lines: int = 0
    events: int = 0
    clicks: int = 0
    bad: int = 0
    days: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)


class Import:
    """A run of an import.

    `imported` counts what was put into the inbox, and the lines that were rejected, so far.
    """

    def __init__(
        self,
        resources: Resources,
        actor: Actor,
        app: App,
        limits: ImportLimits,
        watch: Callable[[FileLine], None] = lambda _: None,
    ) -> None:
        """Prepares an import. Raises NotAllowed unless the actor is an administrator."""
        require_admin(actor)
        self._connection = resources.connection
        self._actor = actor
        self._app = app
        self._limits = limits
        self._watch = watch
        self._partitions = ImportPartitions(resources.connection, limits.days_max)
        self._inbox = ImportWriter(resources.redis, limits)
        self.imported = ImportResult()

    def run(self, lines: Iterable[FileLine], now_ms: int) -> ImportResult:
        """Imports the lines, none of which may be later than `now_ms`.

        `watch` is called with each line when it is done. The import is written to the audit log
        before its first line is read, because nobody can foresee its end. Raises OperatorError when
        Redis fails or no worker drains the inbox, DatabaseError when a partition cannot be created.
        Events that were sent stay; the same file can be imported again.
        """
        change = Change(Action.APP_IMPORT, self._app.name, None, {})
        record_change(self._connection, self._actor, self._app.id, change)
        links = run(self._connection, _LINKS, (self._app.id,)).fetchall()
        destination = Destination(
            app_id=self._app.id,
            links_by_name={name: id_ for id_, name, _, _ in links},
            links_by_offer={(offer, pub): id_ for id_, _, offer, pub in links},
            now_ms=now_ms,
        )
        try:
            for line in lines:
                self._import_line(line, destination)
                self._watch(line)
            self._inbox.flush()
        except RedisError as error:
            raise OperatorError(
                "Redis failed during the import. Repeat the command when Redis answers again: no "
                "event is stored twice."
            ) from error
        return self.imported

    def _import_line(self, line: FileLine, destination: Destination) -> None:
        self.imported.lines += 1
        try:
            if line.text is None:
                raise RequestError(f"The line is longer than {LINE_BYTES_MAX} bytes.")
            event = read_line(line.text, destination)
            self._partitions.ensure(day_of(event.happened_at_ms))
        except RequestError as error:
            self.imported.bad += 1
            if len(self.imported.bad_lines) < self._limits.bad_lines_max:
                bad_line = BadLine(line.number, error.field, error.message)
                self.imported.bad_lines.append(bad_line)
            return
        self.imported.days = self._partitions.created
        self._inbox.add(event)
        if event.kind in CLICK_KINDS:
            self.imported.clicks += 1
        else:
            self.imported.events += 1


class ImportPartitions:
    """The partitions that a file needs, each created when the first event of its day is read."""

    def __init__(self, connection: Connection, days_max: int) -> None:
        self._connection = connection
        self._days_max = days_max
        self._known: set[date] = set()
        self.created = 0

    def ensure(self, day: date) -> None:
        """Creates the partition of a day unless it exists.

        Raises MalformedField when the import has created as many partitions as it may.
        """
        if day in self._known:
            return
        if self.created >= self._days_max and not has_partition(self._connection, day):
            raise MalformedField(
                "time",
                f"falls on a new day, and one import creates at most {self._days_max} days. "
                "Check the times; import the file again for the rest.",
            )
        self.created += len(make_days(self._connection, [day]))
        self._known.add(day)


class ImportWriter:
    """A writer that puts events into the inbox in batches."""

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
        """Writes the batch and waits while the inbox is long.

        Raises RedisError, or OperatorError when the inbox stays long.
        """
        if not self._batch:
            return
        appended = append(self._redis, join_events(self._batch), len(self._batch))
        self._batch, self._bytes = [], 0
        if appended.woke:
            enqueue(self._redis, "drain")
        if appended.backlog > self._limits.backlog_events_max:
            _await_room(self._redis, self._limits)


def _await_room(redis: Redis, limits: ImportLimits) -> None:
    shortest, since = None, time.monotonic()
    while (backlog := measure(redis).events) > limits.backlog_events_max:
        if shortest is None or backlog < shortest:
            shortest, since = backlog, time.monotonic()
        elif time.monotonic() - since > limits.standstill_seconds_max:
            raise OperatorError(
                f"{backlog} events wait in the inbox, and their number does not fall. Check that a "
                "worker runs, then repeat the command: no event is stored twice."
            )
        time.sleep(_POLL_SECONDS)
