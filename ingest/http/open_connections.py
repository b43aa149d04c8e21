"""Declares what a connection needs of the others of its process."""

from typing import TYPE_CHECKING, Protocol

from ingest.http.limits import ConnectionLimits

if TYPE_CHECKING:
    from ingest.http.connection import Connection


class OpenConnections(Protocol):
    """The other connections of this process, as one connection sees them."""

    limits: ConnectionLimits

    def admit(self, connection: "Connection") -> None:
        """Refuses the connection if there are too many."""

    def count_refusal(self, code: str) -> None:
        """Counts a refusal by its error code."""
