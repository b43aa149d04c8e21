"""Parses the address that a program serves, checks it before the start, and probes it later."""

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
    """The host and port that a program serves."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses HOST:PORT or [IPv6]:PORT. Raises BadAddress."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
            raise BadAddress(f"{text!r} is not an address. Use HOST:PORT, as in 127.0.0.1:8080.")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Returns the URL that reaches the program from this machine."""
        return f"http://{Listen(EVERYWHERE.get(self.host, self.host), self.port)}"

    def check_free(self, option: str = "--listen") -> None:
        """Raises BadAddress when a server could not bind the address.

        The message names `option`, which people choose another address with.
        """
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind) as probe:
                # Closed connections of an earlier server linger for a minute; they are no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
        except OSError as error:
            reason = error.strerror or os.strerror(error.errno or 0)
            texts = {
                errno.EADDRINUSE: "is in use by another program. Choose another address with "
                f"{option}.",
                errno.EACCES: "needs more rights than this user has. Choose a port above 1023.",
            }
            other = f"cannot be served: {reason}. Choose another address with {option}."
            raise BadAddress(f"{self} {texts.get(error.errno or 0, other)}") from error

    def answers(self) -> bool:
        """Tells whether a server accepts connections at the address."""
        address = (EVERYWHERE.get(self.host, self.host), self.port)
        try:
            with socket.create_connection(address, CONNECT_SECONDS_MAX) as server:
                # Linux may connect a free port to itself, which is not a server.
                return bool(server.getsockname() != server.getpeername())
        except OSError:
            return False
