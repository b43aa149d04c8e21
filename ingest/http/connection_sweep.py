"""Limits the open connections of one ingest process, and ends those whose deadline has passed.

Deadlines cost no timer per request: one sweep a second looks at every connection. It also bounds
the memory that unfinished bodies take together, and reports what was refused in one line.
"""

import asyncio
import logging
from collections import Counter
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from ingest.http.connection import Connection
from ingest.http.limits import ConnectionLimits
from ingest.http.open_connections import AdmittedConnection
from ingest.http.refusals import TooManyConnections
from shared import metrics
from shared.errors import Overloaded
from shared.tally import Tally

_log = logging.getLogger(__name__)


class ConnectionSweeper:
    """The open connections of a process, in place of the protocol class that uvicorn expects."""

    def __init__(self, limits: ConnectionLimits, tally: Tally | None = None) -> None:
        self.limits = limits
        self._tally = tally or Tally()
        self._open = self._tally.counter(metrics.CONNECTIONS)
        self.refused: Counter[str] = Counter()
        self._is_sweeping = False

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        return Connection(config, server_state, app_state, self)

    def admit(self, connection: AdmittedConnection) -> None:
        if not self._is_sweeping:
            self._is_sweeping = True
            loop = connection.loop
            loop.call_later(self.limits.sweep_seconds, self._sweep, loop, connection.server_state)
        excess = len(connection.server_state.connections) - self.limits.connections_max
        if excess > self.limits.refused_connections_max:
            connection.transport.abort()
        elif excess > 0:
            connection.refuse(TooManyConnections())

    def count_refusal(self, code: str) -> None:
        self.refused[code] += 1
        self._tally.counter(metrics.CONNECTIONS_REFUSED, code).add()

    def _sweep(self, loop: asyncio.AbstractEventLoop, state: ServerState) -> None:
        connections = [cast("Connection", connection) for connection in state.connections]
        self._open.value = len(connections)
        self._is_sweeping = bool(connections)
        if connections:
            # Before the work: an error in it must not end the deadlines of all connections.
            loop.call_later(self.limits.sweep_seconds, self._sweep, loop, state)
        now = loop.time()
        for connection in connections:
            connection.keep_deadlines(now)
        excess = sum(map(Connection.waiting_bytes, connections)) - self.limits.bodies_bytes_max
        if excess > 0:
            for connection in sorted(connections, key=Connection.waiting_bytes, reverse=True):
                if excess > 0:
                    excess -= connection.waiting_bytes()
                    connection.refuse(Overloaded())
        if self.refused:
            # One line a sweep, however much is refused, with nothing that was sent.
            counts = ", ".join(f"{code} {count}" for code, count in sorted(self.refused.items()))
            _log.warning("Refused before they were requests: %s.", counts)
            self.refused.clear()
