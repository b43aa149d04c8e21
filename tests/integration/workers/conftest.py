"""A drain on real stores, as a worker would run it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from shared.database import Connection
from shared.events import Event, encode_event, join_events
from shared.inbox import append
from shared.redis import Redis
from workers.core.decision import decide as decide_by_rules
from workers.decisions.user_decisions import Decide
from workers.drain.drain import Drain, DrainLimits, DrainRequests
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.held_groups import HeldGroups
from workers.drain.inbox_reader import InboxReader
from workers.facts.record import Recorded
from workers.patient_database import Database
from workers.privacy.tombstone_filter import TombstoneFilter

CLAIM_IDLE_MS = 300


@dataclass
class Bench:
    """`drain` runs one job of the worker `consumer`; `asked` counts the drains asked for."""

    connection: Connection
    redis: Redis
    lanes: Sequence[Database]
    asked: list[str] = field(default_factory=list)

    def send(self, *batches: Sequence[Event]) -> None:
        for batch in batches:
            append(self.redis, join_events([encode_event(event) for event in batch]), len(batch))

    def inbox(self, consumer: str = "worker") -> InboxReader:
        return InboxReader(self.redis, consumer, CLAIM_IDLE_MS)

    def drain(
        self,
        consumer: str = "worker",
        limits: DrainLimits | None = None,
        stopping: Callable[[], bool] = lambda: False,
        counts: DrainMetrics | None = None,
        decide: Decide = decide_by_rules,
        tombstones: TombstoneFilter | None = None,
        held: HeldGroups | None = None,
    ) -> Recorded:
        limits = limits or DrainLimits(2000, 10, 3, linger_ms=20)
        another = lambda: self.asked.append(consumer)  # noqa: E731 - as short as its meaning
        inbox = self.inbox(consumer)
        drain = Drain(inbox, self.lanes, limits, DrainRequests(another, another), stopping, counts)
        return drain.run(decide=decide, tombstones=tombstones, held=held)

    def receipts(self, table: str) -> list[str]:
        rows = self.connection.execute(f"SELECT receipt FROM {table} ORDER BY 1".encode())
        return [str(receipt) for (receipt,) in rows]


@contextmanager
def opened(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    lanes = (Database(database_url), Database(database_url))
    yield Bench(connection, redis, lanes)
    for database in lanes:
        database.close()


@contextmanager
def refusing(connection: Connection, sqlstate: str, action: str = "") -> Iterator[None]:
    """Makes PostgreSQL fail with this SQLSTATE for events of the user `refused`.

    `action` is executed before, and may fail by itself.
    """
    action = action or "NULL"
    connection.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF new.user_id = 'refused' THEN
                {action};
                RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN new;
        END $$
        """.encode()
    )
    connection.execute(
        b"CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        yield
    finally:
        connection.execute(b"DROP FUNCTION refuse CASCADE")


@pytest.fixture
def bench(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    with opened(connection, redis, database_url) as bench:
        yield bench
