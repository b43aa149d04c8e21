"""Defines the limits of one connection, and of all connections of one ingest process.

They apply before a request reaches Falcon. Each default leaves room for what an honest sender does
and bounds what a hostile one can take; tests pass shorter times.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
BATCH_PATH = "/batch"
SEGMENT_BATCH_PATH = "/v1/batch"
_BATCH_PATHS = frozenset({BATCH_PATH, SEGMENT_BATCH_PATH})


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """Limits in bytes on the wire, and in seconds from the event that the name begins with.

    A request head is the request line and all header fields. A query of `query_bytes_max` fits
    into a head, beside fields of ordinary size.
    """

    connections_max: int = 4096
    """Open connections of one process; further ones are answered 503."""
    refused_connections_max: int = 512
    """Connections that may wait to read that 503; further ones are dropped."""

    header_seconds_max: float = 10.0
    """From the opening of a connection, or the first byte of a later request, to its whole head."""
    body_seconds_max: float = 10.0
    """From the whole head to the whole body."""
    write_seconds_max: float = 10.0
    """How long answers may wait for a client that does not read."""
    leave_seconds_max: float = 2.0
    """How long a stopping process still reads requests from the connections that are open."""
    linger_seconds_max: float = 5.0
    """How long a refused client may go on sending, so that it can read the refusal."""
    sweep_seconds: float = 1.0
    """How often connections are looked at: a deadline is kept to within this time."""

    head_bytes_max: int = 80 * KIB
    query_bytes_max: int = 64 * KIB
    header_bytes_max: int = 16 * KIB
    """One header field, name and value."""
    headers_max: int = 64
    body_bytes_max: int = MIB + 4 * KIB
    """The Adjust dialect accepts 1 MiB; the application has a limit for each endpoint."""
    batch_bytes_max: int = 5_000_000 + 64 * KIB
    """The body of a batch: what `ingest.batches.body` takes, and the frames of its chunks."""
    bodies_bytes_max: int = 64 * MIB
    """Unfinished bodies of all connections together; beyond it the largest are refused."""
    linger_bytes_max: int = 8 * MIB
    pipelined_requests_max: int = 16
    """Requests of one connection that may wait for the answer to the one before."""

    def body_bytes_max_of(self, path: str) -> int:
        """Returns the limit of a body that is sent to this path."""
        return self.batch_bytes_max if path in _BATCH_PATHS else self.body_bytes_max
