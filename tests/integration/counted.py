"""Events stored and counted at once, as workers do it in time."""

from shared.database import Connection
from shared.events import Event
from workers.decisions.derive import derive
from workers.facts.record import record
from workers.rollups.schedule import roll_up


def store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


def count_all(connection: Connection, seconds_max: float = 60) -> int:
    """Without letting anything rest. How many periods and steps there were to count."""
    periods = 0
    while True:
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        counted = roll_up(connection, seconds_max)
        assert not counted.more
        periods += counted.periods
        rows = connection.execute("SELECT FROM stale_periods LIMIT 1").fetchall()
        if not rows or not counted.periods:
            return periods
