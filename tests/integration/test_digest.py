"""The order of arrival leaves no trace in the digests; anything else does."""

import random
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from console.apps.apps import create_app
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.lines.line_format import Destination, read_line
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY, empty
from tests.integration.workers.conftest import Bench, opened
from tests.support.build import ADMIN
from tests.support.digest import QUERIES, Digest, digests
from tests.support.generate import generate
from tests.support.journeys import LINKS, Line, link_name, offer

LINES = generate(600, seed=7)
BATCH = 100


@pytest.fixture
def bench(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    with opened(connection, redis, database_url) as bench:
        yield bench


def made_of(lines: Sequence[Line], bench: Bench, database_url: str) -> dict[str, Digest]:
    """By one batch after the other."""
    empty(bench.connection)
    resources = Resources(bench.connection, bench.redis, SECRET_KEY)
    destination = Destination(
        create_app(resources, ADMIN, "Shop").id,
        {link_name(number): number for number in range(LINKS)},
        {offer("shop", number): number for number in range(LINKS)},
        now_ms(),
    )
    events = [read_line(msgspec.json.encode(line), destination) for line in lines]
    for start in range(0, len(events), BATCH):
        bench.send(events[start : start + BATCH])
        bench.drain()
    return digests(database_url)


def renumbered(connection: Connection) -> None:
    """Apps get their numbers anew, so that receipts are those of the first time."""
    connection.execute("ALTER TABLE apps ALTER COLUMN id RESTART")


def test_forward_backward_and_shuffled_give_the_same_digests(
    bench: Bench, database_url: str
) -> None:
    shuffled = list(LINES)
    random.Random(7).shuffle(shuffled)

    made = []
    for lines in (LINES, LINES[::-1], shuffled):
        renumbered(bench.connection)
        made.append(made_of(lines, bench, database_url))

    assert made[0] == made[1] == made[2]
    assert set(made[0]) == set(QUERIES)
    assert all(digest.rows > 20 for digest in made[0].values())


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("users", "UPDATE users SET first_time = first_time + interval '1 ms'"),
        ("attributions", "UPDATE attributions SET considered = considered + 1"),
        ("sessions", "UPDATE sessions SET events = events + 1"),
        ("activity", "DELETE FROM activity WHERE day = (SELECT min(day) FROM activity)"),
    ],
)
def test_a_change_of_a_derived_table_changes_its_digest_alone(
    bench: Bench, database_url: str, table: str, change: str
) -> None:
    before = made_of(LINES[:100], bench, database_url)

    bench.connection.execute(change.encode())

    after = digests(database_url)
    assert {name for name in QUERIES if before[name] != after[name]} == {table}


def test_superseded_decisions_are_left_out(bench: Bench, database_url: str) -> None:
    before = made_of(LINES[:100], bench, database_url)

    bench.connection.execute(
        """
        INSERT INTO attributions (
            user_ref, event_time, receipt, rule, beaten, considered, is_reattribution,
            rules_version, superseded_at
        )
        SELECT user_ref, event_time, receipt, 'organic', '[]', 0, false, 1, now()
        FROM attributions
        """
    )

    assert digests(database_url) == before
