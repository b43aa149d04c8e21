"""The product with a shard of a cluster: its slot moves, and the node that has it is killed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from tests.system.cluster_nodes import SHARD, MovingNodes, running_nodes
from tests.system.conftest import make_token
from tests.system.product import START_SECONDS_MAX, Waybill
from tests.system.servers import Postgres, until
from tests.system.traffic import Log, get, requests_until, send

BEFORE_SECONDS = 1.0
AFTER_SECONDS_MAX = 30.0
REVOKED_SECONDS_MAX = 1.0


@dataclass
class Sharded:
    """The product on a shard of a cluster, with the token of an app."""

    waybill: Waybill
    nodes: MovingNodes
    postgres: Postgres
    token: str

    def stored(self) -> int:
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute("SELECT count(*) FROM events").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    with ExitStack() as ending:
        folder = ending.enter_context(TemporaryDirectory(prefix="waybill-postgres-"))
        postgres = Postgres(Path(folder))
        postgres.make()
        ending.callback(postgres.stop)
        postgres.start()
        until(lambda: _answers(postgres), START_SECONDS_MAX, "PostgreSQL answering")
        nodes = ending.enter_context(running_nodes(tmp_path_factory.mktemp("nodes")))
        variables = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": nodes.url,
            "WAYBILL_SHARD": str(SHARD),
            "RQ_KEY_PREFIX": f"{{{SHARD}}}:rq",
        }
        data = tmp_path_factory.mktemp("sharded") / "data"
        waybill = ending.enter_context(Waybill(data, variables))
        yield Sharded(waybill, nodes, postgres, make_token(waybill))


def _answers(postgres: Postgres) -> bool:
    try:
        psycopg.connect(postgres.url).close()
    except psycopg.OperationalError:  # it is starting up
        return False
    return True


def sent_while(sharded: Sharded, happens: Callable[[], object]) -> Log:
    """Sends events, one after another over two connections, before, while and after it happens."""
    over = threading.Event()
    log = Log()

    def request(number: int) -> bytes:
        time.sleep(0.005)
        target = f"/postback?user_id=user-{number}&event_id=purchase"
        return get(target, f"Authorization: {sharded.token}\r\n")

    def work() -> None:
        log.answers += send(
            sharded.waybill.port, requests_until(request, over.is_set), connections=2
        ).answers

    sender = threading.Thread(target=work)
    sender.start()
    time.sleep(BEFORE_SECONDS)
    happens()
    until(lambda: _accepts(sharded), AFTER_SECONDS_MAX, "events being accepted")
    time.sleep(BEFORE_SECONDS)
    over.set()
    sender.join()
    return log


def _accepts(sharded: Sharded) -> bool:
    return send(sharded.waybill.port, [get("/health/ready")], 1).statuses() == {200: 1}


def test_a_slot_that_moves_under_load_costs_no_sender_an_answer(sharded: Sharded) -> None:
    before = sharded.stored()

    log = sent_while(sharded, sharded.nodes.move)
    sharded.waybill.wait_until_drained()

    assert set(log.statuses()) == {200}
    assert sharded.stored() - before == len(set(log.receipts())) == log.statuses()[200]


def test_a_revoked_token_is_refused_in_time_wherever_the_slot_is(sharded: Sharded) -> None:
    def refused() -> bool:
        request = get("/postback?user_id=u&event_id=e", f"Authorization: {made['secret']}\r\n")
        return send(sharded.waybill.port, [request], 1).statuses() == {401: 1}

    for name in ("first", "second"):
        made = sharded.waybill.json("token", "create", "--app", "Shop", "--name", name)
        assert not refused()
        sharded.waybill.json("token", "revoke", "--app", "Shop", name)
        until(refused, REVOKED_SECONDS_MAX, "the token being refused")
        sharded.nodes.move()


def test_a_killed_primary_costs_refusals_that_say_when_to_send_again_and_nothing_else(
    sharded: Sharded,
) -> None:
    nodes = sharded.nodes
    while nodes.primary() != nodes.followed:
        nodes.move(nodes.followed)
    before = sharded.stored()

    log = sent_while(sharded, nodes.kill_primary)
    sharded.waybill.wait_until_drained()

    refusals = [answer for answer in log.answers if answer.status != 200]
    print(f"\n{log.statuses()} with a killed primary")
    assert {answer.status for answer in refusals} == {503}
    assert all("retry-after" in answer.headers for answer in refusals)
    # A write that nobody has confirmed in time may have been written.
    assert log.statuses()[200] <= sharded.stored() - before <= len(log.answers)
