"""Shares the counts of all ingest processes of one gunicorn, in memory allocated before it forks.

Each process has a slot and writes its counts there once a second; whichever process is asked adds
all slots up. The counts that a process leaves when it ends are kept in slot 0. Nothing is written
to disk, and nothing stays behind.
"""

import struct
import zlib
from mmap import mmap

import msgspec

from shared.metrics import METRICS, MetricKind
from shared.tally import MetricSeries, Tally, merge_series

_SLOTS = 256
_HALF_BYTES = 131_072
_CHANGES = struct.Struct("<Q")  # odd while the master moves counts from one slot to another
_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows
_NEWEST_BYTES = 1  # which half of a slot was written last
_SLOT_BYTES = _NEWEST_BYTES + 2 * _HALF_BYTES
_TRIES_MAX = 100
_ENDED = 0  # the slot of processes that have ended

_decoder = msgspec.msgpack.Decoder(list[MetricSeries])


class SharedCounts:
    """The slots in shared memory. Pages that nobody writes to cost nothing."""

    def __init__(self) -> None:
        self._memory = mmap(-1, _CHANGES.size + _SLOTS * _SLOT_BYTES)
        self._taken: set[int] = set()
        self.own_slot: int | None = None  # of this process, once it is forked
        self._others: list[list[MetricSeries]] = []

    # The master

    def take_slot(self) -> int | None:
        """Takes a slot for a process about to be forked.

        None when there is none left: then the process counts for itself.
        """
        free = next((slot for slot in range(1, _SLOTS) if slot not in self._taken), None)
        if free is not None:
            self._taken.add(free)
        return free

    def give_back(self, slot: int) -> None:
        """Frees the slot of a process that has ended: its counts stay, its gauges go."""
        counts = [
            series
            for series in self._read(slot)
            if METRICS[series.name].kind is not MetricKind.GAUGE
        ]
        self._count_change()
        self.write(_ENDED, merge_series([self._read(_ENDED), counts]))
        self.write(slot, [])
        self._count_change()
        self._taken.discard(slot)

    # Each process

    def write(self, slot: int, series: list[MetricSeries]) -> None:
        """Writes into the half that nobody reads. Raises ValueError for more than it holds."""
        content = msgspec.msgpack.encode(series)
        if len(content) > _HALF_BYTES - _HEAD.size:
            raise ValueError(f"{len(content)} bytes of counts do not fit into a slot")
        start = self._start(slot)
        half = 1 - self._memory[start]
        at = self._at(start, half)
        self._memory[at : at + len(content)] = content
        _HEAD.pack_into(self._memory, at - _HEAD.size, len(content), zlib.crc32(content))
        self._memory[start] = half

    def write_own(self, series: list[MetricSeries]) -> None:
        """Writes the counts of this process; nothing without a slot."""
        if self.own_slot is not None:
            self.write(self.own_slot, series)

    def others(self) -> list[list[MetricSeries]]:
        """Returns the counts of all other processes at one moment.

        While the master is at work, returns what was read last: a count that fell would pass for a
        restart.
        """
        for _ in range(_TRIES_MAX):
            before = self._changes()
            if before % 2:
                continue
            others = [self._read(slot) for slot in range(_SLOTS) if slot != self.own_slot]
            if self._changes() == before:
                self._others = others
                break
        return self._others

    def _read(self, slot: int) -> list[MetricSeries]:
        start = self._start(slot)
        for _ in range(_TRIES_MAX):
            at = self._at(start, self._memory[start])
            length, check = _HEAD.unpack_from(self._memory, at - _HEAD.size)
            if not length:
                return []
            content = self._memory[at : at + length]
            if zlib.crc32(content) == check:
                return _decoder.decode(content)
        return []

    def _start(self, slot: int) -> int:
        return _CHANGES.size + slot * _SLOT_BYTES

    def _at(self, start: int, half: int) -> int:
        return start + _NEWEST_BYTES + half * _HALF_BYTES + _HEAD.size

    def _changes(self) -> int:
        return int(_CHANGES.unpack_from(self._memory)[0])

    def _count_change(self) -> None:
        _CHANGES.pack_into(self._memory, 0, self._changes() + 1)


# Of this process, from before its application is created. gunicorn's master shares SHARED's memory.
SHARED = SharedCounts()
TALLY = Tally()
