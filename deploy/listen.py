"""The address that a program serves: read, checked before anything starts, and asked later."""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Self

from shared.errors import OperatorError

CONNECT_SECONDS_MAX = 1.0
PORT_MAX = 65_535
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound


class BadAddress(OperatorError):
    """The address cannot be served."""


@dataclass(frozen=True)
class Listen:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From HOST:PORT or [IPv6]:PORT. Raises BadAddress."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
            raise BadAddress(f"{text!r} is not an address. Give HOST:PORT, as in 127.0.0.1:8080.")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """How to reach it from this machine."""
        return f"http://{Listen(EVERYWHERE.get(self.host, self.host), self.port)}"

    def check_free(self, option: str = "--listen") -> None:
        """Raises BadAddress, in plain words, when a server could not take it; `option` is how
        people choose another one.
        """
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind) as probe:
                # Closed connections of an earlier server linger for a minute; they do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
        except OSError as fault:
            raise BadAddress(self._fault(fault, option)) from fault

    def answers(self) -> bool:
        address = (EVERYWHERE.get(self.host, self.host), self.port)
        try:
            with socket.create_connection(address, CONNECT_SECONDS_MAX) as server:
                # Linux may connect a free port to itself; that is no server.
                return bool(server.getsockname() != server.getpeername())
        except OSError:
            return False

    def _fault(self, fault: OSError, option: str) -> str:
        if fault.errno == errno.EADDRINUSE:
            return f"{self} is taken by another program. Choose another address with {option}."
        if fault.errno == errno.EACCES:
            return f"{self} needs more rights than this user has. Choose a port above 1023."
        reason = fault.strerror or os.strerror(fault.errno or 0)
        return f"{self} cannot be served: {reason}. Choose another address with {option}."
