"""Declares what a connection needs of the others of its process, and they of it."""

import asyncio
from typing import Protocol

from uvicorn.server import ServerState

from ingest.http.limits import ConnectionLimits
from shared.errors import WaybillError


class AdmittedConnection(Protocol):
    """A connection, as the others of its process see it."""

    loop: asyncio.AbstractEventLoop
    server_state: ServerState
    transport: asyncio.Transport

    def refuse(self, error: WaybillError) -> None:
        """Answers with the error and closes the connection."""


class OpenConnections(Protocol):
    """The other connections of this process, as one connection sees them."""

    limits: ConnectionLimits

    def admit(self, connection: AdmittedConnection) -> None:
        """Refuses the connection if there are too many."""

    def count_refusal(self, code: str) -> None:
        """Counts a refusal by its error code."""
