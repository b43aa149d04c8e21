"""Imports events and clicks of another system through the inbox, like all other events.

The import waits while the inbox is long, so that it does not delay events that arrive meanwhile.
"""

import time
from collections.abc import Callable, Iterable

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.clock import now_ms as clock_ms
from shared.errors import OperatorError
from shared.imports.line_import import ImportLimits, ImportResult, LineImport, read_destination
from shared.imports.line_reader import FileLine
from shared.imports.unread_notes import UnreadNotes
from shared.inbox import measure
from shared.redis import Redis, RedisError

_POLL_SECONDS = 0.1


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
        self._resources = resources
        self._actor = actor
        self._app = app
        self._limits = limits
        self._watch = watch
        self.imported = ImportResult()

    def run(self, lines: Iterable[FileLine], now_ms: int) -> ImportResult:
        """Imports the lines, none of which may be later than `now_ms`.

        `watch` is called with each line when it is done. The import is written to the audit log
        before its first line is read, because nobody can foresee its end. Raises OperatorError when
        Redis fails or no worker drains the inbox, DatabaseError when a partition cannot be created.
        Events that were sent stay; the same file can be imported again.
        """
        connection, redis = self._resources.connection, self._resources.redis
        change = Change(Action.APP_IMPORT, self._app.name, None, {})
        record_change(connection, self._actor, self._app.id, change)
        unread = UnreadNotes(clock_ms)
        destination = read_destination(connection, self._app.id, now_ms, unread.add)
        line_import = LineImport(connection, redis, destination, self._limits, self.imported)
        try:
            for line in lines:
                if event := line_import.read(line):
                    line_import.put(event)
                if line_import.inbox.backlog_events > self._limits.backlog_events_max:
                    _await_room(redis, self._limits)
                    line_import.inbox.backlog_events = 0
                self._watch(line)
            line_import.inbox.flush()
            unread.write(redis, self._app.id)
        except RedisError as error:
            raise OperatorError(
                "Redis failed during the import. Repeat the command when Redis answers again: no "
                "event is stored twice."
            ) from error
        return self.imported


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
