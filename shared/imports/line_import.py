"""Makes events of the lines of a file and puts them into the inbox, like all other events.

The partitions of the days in a file are created before the events of those days are sent.
"""

from dataclasses import dataclass, field
from datetime import date

from shared.database import Connection, run
from shared.errors import MalformedField, RequestError
from shared.events import CLICK_KINDS, Event, encode_event, join_events
from shared.imports.line_reader import LINE_BYTES_MAX, FileLine
from shared.inbox import append
from shared.lines.line_format import Destination, read_line
from shared.lines.unused_values import Note
from shared.partitions import day_of, has_partition, make_days
from shared.privacy.truncation import as_stored
from shared.redis import Redis
from shared.rq_queue import enqueue
from shared.settings import Settings

BACKLOG_EVENTS_MAX = 20_000  # some seconds of draining, by which the import delays other events
BATCH_EVENTS_MAX = 500
DAYS_MAX = 400  # partitions that one import may create: a file that needs more has broken dates
BAD_LINES_MAX = 20
STANDSTILL_SECONDS_MAX = 60.0

_LINKS = "SELECT id, name, offer_id, pub_id FROM links WHERE app_id = %s"
_TRUNCATES = "SELECT id FROM apps WHERE truncate_addresses"


@dataclass(frozen=True)
class ImportLimits:
    """The limits of an inbox write, of the inbox, and of what one import creates and reports."""

    batch_events_max: int
    batch_bytes_max: int
    backlog_events_max: int = BACKLOG_EVENTS_MAX
    days_max: int = DAYS_MAX
    bad_lines_max: int = BAD_LINES_MAX
    standstill_seconds_max: float = STANDSTILL_SECONDS_MAX


def import_limits(
    settings: Settings, batch_events_max: int = BATCH_EVENTS_MAX, bad_lines_max: int = BAD_LINES_MAX
) -> ImportLimits:
    """Returns the limits of an import into an installation with these settings."""
    return ImportLimits(
        batch_events_max,
        settings.batch_bytes_max,
        # Never so many that ingest refuses senders for it.
        backlog_events_max=min(BACKLOG_EVENTS_MAX, settings.backlog_events_max // 2),
        bad_lines_max=bad_lines_max,
    )


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


class LineImport:
    """Lines of a file that become events of an app in the inbox.

    `imported` counts what was put into the inbox, and the lines that were rejected, so far.
    """

    def __init__(
        self,
        connection: Connection,
        redis: Redis,
        destination: Destination,
        limits: ImportLimits,
        imported: ImportResult | None = None,
    ) -> None:
        """Prepares an import, or continues one of which so much was `imported`."""
        self._destination = destination
        self._truncating_apps = {app for (app,) in run(connection, _TRUNCATES)}
        self._limits = limits
        self.imported = imported or ImportResult()
        self._partitions = ImportPartitions(connection, limits.days_max, self.imported.days)
        self.inbox = ImportWriter(redis, destination.app_id, limits)

    def read(self, line: FileLine) -> Event | None:
        """Returns the event of a line, whose partition exists; None if it is rejected or blank.

        Raises DatabaseError when the partition cannot be created.
        """
        if line.text == b"":
            return None
        self.imported.lines += 1
        try:
            if line.text is None:
                raise RequestError(f"The line is longer than {LINE_BYTES_MAX} bytes.")
            event = as_stored(read_line(line.text, self._destination), self._truncating_apps)
            self._partitions.ensure(day_of(event.happened_at_ms))
        except RequestError as error:
            self.imported.bad += 1
            if len(self.imported.bad_lines) < self._limits.bad_lines_max:
                bad_line = BadLine(line.number, error.field, error.message)
                self.imported.bad_lines.append(bad_line)
            return None
        self.imported.days = self._partitions.created
        return event

    def put(self, event: Event) -> None:
        """Puts an event into the batch, which is written when it is full. Raises RedisError."""
        self.inbox.add(event)
        if event.kind in CLICK_KINDS:
            self.imported.clicks += 1
        else:
            self.imported.events += 1


class ImportPartitions:
    """The partitions that a file needs, each created when the first event of its day is read."""

    def __init__(self, connection: Connection, days_max: int, created: int = 0) -> None:
        self._connection = connection
        self._days_max = days_max
        self._known: set[date] = set()
        self.created = created

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
    """A writer that puts events of an app into the inbox in batches.

    `backlog_events` are those in the inbox after the last write.
    """

    def __init__(self, redis: Redis, app_id: int, limits: ImportLimits) -> None:
        self._redis = redis
        self._app_id = app_id
        self._limits = limits
        self._batch: list[bytes] = []
        self._bytes = 0
        self.backlog_events = 0

    def add(self, event: Event) -> None:
        encoded = encode_event(event)
        if self._bytes + len(encoded) > self._limits.batch_bytes_max:
            self.flush()
        self._batch.append(encoded)
        self._bytes += len(encoded)
        if len(self._batch) >= self._limits.batch_events_max:
            self.flush()

    def flush(self) -> None:
        """Writes the batch. Raises RedisError."""
        if not self._batch:
            return
        events = join_events(self._batch)
        appended = append(self._redis, events, len(self._batch), apps=str(self._app_id))
        self._batch, self._bytes = [], 0
        self.backlog_events = appended.backlog
        if appended.woke:
            enqueue(self._redis, "drain")


def read_destination(connection: Connection, app_id: int, now_ms: int, note: Note) -> Destination:
    """Returns an app as the destination of lines, none of which may be later than `now_ms`.

    `note` hears of values that are not used.
    """
    links = run(connection, _LINKS, (app_id,)).fetchall()
    return Destination(
        app_id=app_id,
        links_by_name={name: id_ for id_, name, _, _ in links},
        links_by_offer={(offer, pub): id_ for id_, _, offer, pub in links},
        now_ms=now_ms,
        note=note,
    )
