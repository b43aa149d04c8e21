"""Gives threads whole requests only, within deadlines: gunicorn's worker with a buffer before it.

gunicorn's own threads read from the socket, so that as many slow clients as there are threads close
the server for everybody. Here the loop reads, as ingest does, and a thread is given what is whole.
"""

import selectors
import socket
import struct
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from console.http.request_buffer import RequestBuffer

CONNECTIONS_MAX = 512
REFUSED_CONNECTIONS_MAX = 64  # those that may read why; further ones wait in the kernel's queue
HEADER_SECONDS_MAX = 10.0
BODY_SECONDS_MAX = 10.0
LEAVE_SECONDS_MAX = 2.0
WAITING_BYTES_MAX = 32 * 1024 * 1024  # of unfinished requests together
_THREAD_TIME = struct.pack("ll", 10, 0)  # seconds, microseconds; for a client that does not read
_WRITE_BYTES = 1024 * 1024  # a page fits, so that a slow client holds no thread
_READ_BYTES = 65_536

_REASONS = {
    408: ("Request Timeout", "The request did not arrive in time. Send it again, without pauses."),
    413: ("Content Too Large", "The request is too large. Send less data."),
    503: ("Service Unavailable", "Too many connections are open. Try again later."),
}


class BufferedConnection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection whose requests are read by the loop."""

    def __init__(self, worker: "WholeRequestWorker", client: socket.socket, address: Any) -> None:
        super().__init__(worker.cfg, client, address, client.getsockname())
        self.request = RequestBuffer()
        self.data_ready = True
        self._worker = worker

    def close(self, graceful: bool = False) -> None:
        """Closes the connection; gracefully without holding up the loop, as gunicorn does."""
        if graceful:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
                self._worker.linger(self.sock)
                return
        super().close()


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A gunicorn worker whose threads read whole requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = CONNECTIONS_MAX + REFUSED_CONNECTIONS_MAX
        self._lingering: dict[socket.socket, float] = {}

    # Called by the loop

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WRITE_BYTES)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            client.setsockopt(socket.SOL_SOCKET, option, _THREAD_TIME)
        connection = BufferedConnection(self, client, address)
        self.nr_conns += 1
        if self.nr_conns > CONNECTIONS_MAX:
            self._refuse(connection, 503)
        else:
            self._await_request(connection)

    def on_client_socket_readable(self, connection: BufferedConnection, client: Any) -> None:
        self.poller.unregister(client)
        self.keepalived_conns.remove(connection)
        self._await_request(connection)

    def handle(self, conn: BufferedConnection) -> Any:
        """Handles a whole request, in a thread."""
        conn.init()
        conn.parser.unreader.unread(conn.request.take())
        return super().handle(conn)

    def finish_request(self, conn: BufferedConnection, fs: Any) -> None:
        super().finish_request(conn, fs)
        if conn.request.size_bytes and conn in self.keepalived_conns:
            self.on_client_socket_readable(conn, conn.sock)

    def murder_pending(self) -> None:
        """Refuses requests whose time is up, and the largest where they wait for too many bytes."""
        now = monotonic()
        for connection in [late for late in self.pending_conns if late.timeout <= now]:
            if connection.request.size_bytes:
                self._drop(connection, 408)
            else:
                self._drop(connection)
        excess = sum(waiting.request.size_bytes for waiting in self.pending_conns)
        excess -= WAITING_BYTES_MAX
        largest = sorted(self.pending_conns, key=lambda waiting: waiting.request.size_bytes)
        while excess > 0:
            excess -= largest[-1].request.size_bytes
            self._drop(largest.pop(), 503)
        for client in [late for late, due in self._lingering.items() if due <= now]:
            self._end(client)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, deadline)

    # Reading

    def _await_request(self, connection: BufferedConnection) -> None:
        connection.timeout = monotonic() + HEADER_SECONDS_MAX
        connection.sock.setblocking(False)
        self.pending_conns.append(connection)
        receive = partial(self._receive, connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, receive)
        if connection.request.size_bytes:
            self._feed(connection, b"")

    def _receive(self, connection: BufferedConnection, client: socket.socket) -> None:
        try:
            data = client.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._feed(connection, data)
        else:
            self._drop(connection)

    def _feed(self, connection: BufferedConnection, data: bytes) -> None:
        had_head = connection.request.has_head
        try:
            is_whole = connection.request.feed(data)
        except ValueError:
            self._drop(connection, 413)
            return
        if is_whole:
            self.poller.unregister(connection.sock)
            self.pending_conns.remove(connection)
            self.enqueue_req(connection)
        elif connection.request.has_head and not had_head:
            connection.timeout = monotonic() + BODY_SECONDS_MAX
            if connection.request.expects_invitation:
                with suppress(OSError):
                    connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    # Ending

    def _drop(self, connection: BufferedConnection, status: int = 0) -> None:
        """Ends a connection whose request is not whole, with an answer if it has a status."""
        self.poller.unregister(connection.sock)
        self.pending_conns.remove(connection)
        if status:
            self._refuse(connection, status)
        else:
            self.nr_conns -= 1
            connection.close()

    def _refuse(self, connection: BufferedConnection, status: int) -> None:
        reason, message = _REASONS[status]
        connection.sock.setblocking(False)
        with suppress(OSError):
            connection.sock.send(
                b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                b"Connection: close\r\nRetry-After: 1\r\n\r\n%s"
                % (status, reason.encode(), len(message), message.encode())
            )
        self.nr_conns -= 1
        connection.close(graceful=True)

    def linger(self, client: socket.socket) -> None:
        """Reads on for a while: closed with bytes unread it would be reset, and its answer lost."""
        client.setblocking(False)
        self._lingering[client] = monotonic() + LEAVE_SECONDS_MAX
        self.nr_conns += 1
        self.poller.register(client, selectors.EVENT_READ, self._discard)

    def _discard(self, client: socket.socket) -> None:
        try:
            if client.recv(_READ_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end(client)

    def _end(self, client: socket.socket) -> None:
        self.poller.unregister(client)
        del self._lingering[client]
        self.nr_conns -= 1
        client.close()
