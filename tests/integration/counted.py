"""Events stored and counted at once, as workers do it in time."""

from shared.database import Connection
from shared.events import Event
from workers.decisions.derive import derive
from workers.facts.record import record
from workers.rollups.schedule import roll_up


def store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


def count_all(connection: Connection) -> int:
    """Without letting anything rest. How many periods there were to count."""
    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
    counted = roll_up(connection, 60)
    assert not counted.more
    return counted.periods
