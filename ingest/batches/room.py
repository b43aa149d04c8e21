"""Bounds the memory of the batches that are being read or wait for their write."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Overloaded


class BatchRoom:
    """The room for batches in one process, in bytes of their plain bodies.

    Events take a small multiple of it, as objects and encoded.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._held_bytes = 0

    @contextmanager
    def held(self, size_bytes: int) -> Iterator[None]:
        """Holds room for a body. Raises Overloaded; a batch always fits into an empty room."""
        if self._held_bytes and self._held_bytes + size_bytes > self._bytes_max:
            raise Overloaded
        self._held_bytes += size_bytes
        try:
            yield
        finally:
            self._held_bytes -= size_bytes
