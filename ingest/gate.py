"""Decides whether ingest accepts events at this moment.

The gate is closed while Redis does not answer, while Redis would not keep what it confirms, while
Redis has too little memory left (RQ itself needs memory to work) and while the backlog is too long.
After shedding it opens only well below the limit, so that it does not flutter.
"""

from dataclasses import dataclass

from shared.errors import InboxNotDurable, InboxUnreachable, Overloaded

_REOPEN_SHARE = 0.85  # of the limit that closed it


@dataclass(frozen=True, slots=True)
class Load:
    """The load that Redis reports. `memory_bytes_max` is 0 when it has no limit."""

    backlog_events: int
    memory_bytes: int
    memory_bytes_max: int


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """The load at which ingest begins to shed."""

    backlog_events_max: int
    memory_percent_max: int


def is_too_much(load: Load, limits: LoadLimits, was_too_much: bool) -> bool:
    """Tells whether to shed, given whether ingest has been shedding so far."""
    share = _REOPEN_SHARE if was_too_much else 1.0
    memory_bytes_max = load.memory_bytes_max * limits.memory_percent_max / 100
    return load.backlog_events >= limits.backlog_events_max * share or (
        load.memory_bytes_max > 0 and load.memory_bytes >= memory_bytes_max * share
    )


class Gate:
    """A gate for events, closed until Redis has answered for the first time."""

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._load = Load(0, 0, 0)
        self.reachable = False
        self.durable: bool = False
        self.shedding = False

    def require_open(self) -> None:
        """Raises InboxUnreachable, InboxNotDurable or Overloaded while closed."""
        if not self.reachable:
            raise InboxUnreachable
        if not self.durable:
            raise InboxNotDurable
        if self.shedding:
            raise Overloaded

    def note_unreachable(self) -> None:
        """Closes the gate because Redis did not answer."""
        self.reachable = False

    def note_load(self, load: Load) -> None:
        """Records that Redis answered, and the load that it reported."""
        self.reachable = True
        self._judge(load)

    def note_backlog(self, backlog_events: int) -> None:
        """Records the backlog that a flush returned; memory stays as last measured."""
        load = self._load
        self._judge(Load(backlog_events, load.memory_bytes, load.memory_bytes_max))

    def _judge(self, load: Load) -> None:
        self._load = load
        self.shedding = is_too_much(load, self._limits, self.shedding)
