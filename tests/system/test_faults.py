"""Tests that nothing is lost or stored twice, whatever dies. `pytest -s` shows the counts."""

import asyncio
import json
import signal
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
from redis import from_url as redis_at

from tests.system.conftest import Running, Watched
from tests.system.product import DRAIN_SECONDS_MAX, START_SECONDS_MAX, Waybill
from tests.system.servers import accepts, until
from tests.system.traffic import Log, get, requests_until, send, send_beside

EVENTS = 20_000
REPEATS = 2_000
OUTAGE_SECONDS = 20
SEEN_SECONDS_MAX = 10  # a tick of a second, and a snapshot that the sweep publishes within three
LINK = "/click?offer_id=1&pub_id=1"


def postback(token: str, number: int, key: str = "") -> bytes:
    target = f"/postback?user_id=user-{number}&event_id=purchase&sale_amount=1.5"
    keyed = f"Idempotency-Key: {key}\r\n" if key else ""
    return get(target, f"Authorization: {token}\r\n{keyed}")


def count_rows(database_url: str, statement: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_killed_worker_and_repeated_requests_lose_nothing_and_store_nothing_twice(
    watched: Watched,
) -> None:
    sent = threading.Event()
    killed: list[int] = []

    def requests() -> list[bytes]:
        return [postback(watched.token, n, f"key-{n}") for n in range(EVENTS)]

    def kill_half_way() -> None:
        def half_way() -> bool:
            stored = count_rows(watched.postgres.url, "SELECT count(*) FROM events")
            return stored >= EVENTS // 4 or sent.is_set()

        until(half_way, DRAIN_SECONDS_MAX, "events being stored")
        worker = watched.waybill.children("rq.cli")[0]
        killed.append(worker.pid)
        worker.send_signal(signal.SIGKILL)

    killer = _in_background(kill_half_way)
    first = send(watched.port, requests())
    sent.set()
    killer.join()
    again = send(watched.port, requests()[:REPEATS])
    took = watched.waybill.wait_until_drained()

    receipts = [*first.receipts(), *again.receipts()]
    events = count_rows(watched.postgres.url, "SELECT count(*) FROM events")
    keys = count_rows(watched.postgres.url, "SELECT count(DISTINCT idempotency_key) FROM events")
    traced = count_rows(
        watched.postgres.url,
        "SELECT count(*) FROM duplicates JOIN events ON events.receipt = first_receipt "
        "WHERE NOT conflict",
    )
    print(
        f"\nworker {killed} killed: {len(receipts)} answered receipts, {events} events, "
        f"{traced} trace to a duplicate, inbox empty {took:.1f} s after the last answer"
    )
    assert killed
    assert (first.broken, again.broken) == (0, 0)
    assert len(set(receipts)) == EVENTS + REPEATS
    assert (events, keys, traced) == (EVENTS, EVENTS, REPEATS)


def test_while_postgresql_is_down_no_request_fails_and_every_row_arrives_afterwards(
    watched: Watched,
) -> None:
    ends_at = time.monotonic() + OUTAGE_SECONDS + 4

    def outage() -> None:
        time.sleep(2)
        watched.postgres.stop(signal.SIGINT)
        time.sleep(OUTAGE_SECONDS)
        watched.postgres.start()

    breaker = _in_background(outage)
    log = send(
        watched.port,
        requests_until(lambda n: postback(watched.token, n), lambda: time.monotonic() > ends_at),
        connections=8,
    )
    breaker.join()
    took = watched.waybill.wait_until_drained()

    events = count_rows(watched.postgres.url, "SELECT count(*) FROM events")
    quarantined = count_rows(watched.postgres.url, "SELECT count(*) FROM quarantine")
    print(
        f"\nPostgreSQL down for {OUTAGE_SECONDS} s: {log.statuses()}, {events} rows, "
        f"{quarantined} in quarantine, inbox empty {took:.1f} s after the last answer"
    )
    assert log.statuses() == {200: events}
    assert (log.broken, quarantined) == (0, 0)
    assert events > 1000


def test_without_redis_senders_get_503_at_once_and_service_returns_with_it(
    watched: Watched,
) -> None:
    state = {"answering": 0.0, "stopped": 0.0, "done": False}

    def outage() -> None:
        time.sleep(1)
        state["stopped"] = time.monotonic()
        watched.redis.stop()
        time.sleep(4)
        watched.redis.start()
        state["answering"] = time.monotonic()
        time.sleep(4)
        state["done"] = True

    breaker = _in_background(outage)
    log = send(
        watched.port,
        requests_until(lambda n: postback(watched.token, n), lambda: bool(state["done"])),
        connections=8,
    )
    breaker.join()
    watched.waybill.wait_until_drained()

    refused = [answer for answer in log.answers if answer.status == 503]
    back = next(
        answer.at
        for answer in log.answers
        if answer.at > state["answering"] and answer.status == 200
    )
    slowest = max(answer.took for answer in log.answers)
    events = count_rows(watched.postgres.url, "SELECT count(*) FROM events")
    print(
        f"\nRedis down: {log.statuses()}, slowest answer {slowest:.2f} s, served again "
        f"{back - state['answering']:.2f} s after Redis answered, {events} rows"
    )
    assert set(log.statuses()) == {200, 503}
    assert log.broken == 0
    assert all("retry-after" in answer.headers for answer in refused)
    assert {json.loads(answer.body)["error"]["code"] for answer in refused} == {"inbox_unreachable"}
    assert slowest < 1
    assert back - state["answering"] < 2
    assert events >= log.statuses()[200]


def test_a_redis_that_hangs_gets_503_within_a_second(watched: Watched) -> None:
    assert watched.redis.process is not None
    watched.redis.process.send_signal(signal.SIGSTOP)
    try:
        log = send(watched.port, [postback(watched.token, n) for n in range(64)], connections=16)
    finally:
        watched.redis.process.send_signal(signal.SIGCONT)

    assert log.statuses() == {503: 64}
    assert max(answer.took for answer in log.answers) < 1


def test_after_redis_has_lost_its_data_every_worker_is_seen_and_events_become_rows(
    watched: Watched,
) -> None:
    redis = redis_at(watched.redis.url)
    workers = len(watched.waybill.children("rq.cli"))
    assert redis.scard("rq:workers") >= workers  # those that were killed before expire later
    watched.waybill.wait_until_drained()
    redis.flushall()

    until(
        lambda: redis.scard("rq:workers") == redis.scard("rq:workers:pipeline") == workers,
        SEEN_SECONDS_MAX,
        "every worker being registered",
    )
    until(
        lambda: send(watched.port, [postback(watched.token, 1)], 1).statuses() == {200: 1},
        SEEN_SECONDS_MAX,
        "events being accepted",
    )
    watched.waybill.wait_until_drained()


def _click(watched: Watched) -> int:
    (answer,) = send(watched.port, [get(LINK)], connections=1).answers
    return answer.status


def _lost(waybill: Waybill) -> int:
    return int(waybill.json("rejections")["counts"].get("click_lost", 0))


def test_without_redis_everybody_who_clicks_is_sent_on_and_counted_as_lost(
    watched: Watched,
) -> None:
    lost_before = _lost(watched.waybill)
    assert _click(watched) == 302
    watched.redis.stop()

    log = send(watched.port, [get(LINK) for _ in range(200)], connections=16)
    api = send(watched.port, [get(f"{LINK}&no_redirect=true") for _ in range(20)], connections=4)

    slowest = max(answer.took for answer in log.answers)
    print(f"\nRedis down: {log.statuses()} with a redirect, {api.statuses()} without one, "
          f"slowest {slowest:.2f} s")  # fmt: skip
    assert (log.statuses(), log.broken) == ({302: 200}, 0)
    assert all(
        urlsplit(answer.headers["location"]).netloc == "shop.example" for answer in log.answers
    )
    assert not any("waybill-receipt" in answer.headers for answer in log.answers)
    assert api.statuses() == {503: 20}
    assert slowest < 1

    watched.redis.start()
    until(lambda: _lost(watched.waybill) == lost_before + 200, 10, "lost clicks being counted")
    assert "clicks were redirected but could not be stored" in watched.waybill.logs()
    assert _click(watched) == 302


def _new_master(watched: Watched) -> None:
    """Kills ingest with all its processes, and waits until it has been started again."""
    family = watched.waybill.children("ingest.app")
    for process in family:
        process.send_signal(signal.SIGKILL)
    until(
        lambda: (
            not [process for process in family if process.is_running()] and accepts(watched.port)
        ),
        START_SECONDS_MAX,
        "ingest being started again",
    )


def test_an_ingest_that_starts_without_redis_sends_on_everybody_who_clicks(
    watched: Watched,
) -> None:
    assert _click(watched) == 302
    watched.redis.stop()
    _new_master(watched)

    log = send(watched.port, [get(LINK) for _ in range(50)], connections=8)
    api = send(watched.port, [get(f"{LINK}&no_redirect=true")], connections=1)

    watched.redis.start()
    assert (log.statuses(), log.broken) == ({302: 50}, 0)
    assert api.statuses() == {503: 1}
    until(lambda: _click_is_stored(watched), 10, "clicks being stored again")


def _click_is_stored(watched: Watched) -> bool:
    (answer,) = send(watched.port, [get(LINK)], connections=1).answers
    return "waybill-receipt" in answer.headers


def test_a_reload_under_load_refuses_nobody_and_breaks_no_connection(watched: Watched) -> None:
    ends_at = time.monotonic() + 12

    def request(number: int) -> bytes:
        return get(LINK) if number % 2 else postback(watched.token, number)

    def reload() -> None:
        while time.monotonic() < ends_at - 4:
            masters = [
                process
                for process in watched.waybill.children("ingest.app")
                if process.ppid() == watched.waybill.process.pid
            ]
            masters[0].send_signal(signal.SIGHUP)
            time.sleep(4)

    reloader = _in_background(reload)
    log = send(
        watched.port,
        requests_until(request, lambda: time.monotonic() > ends_at),
        connections=16,
    )
    reloader.join()

    slowest = max(answer.took for answer in log.answers)
    print(f"\nreloads: {log.statuses()}, {log.broken} broken, slowest {slowest:.2f} s")
    assert log.statuses().keys() == {200, 302}
    assert log.broken == 0
    assert slowest < 5


def test_a_redis_that_hangs_holds_nobody_up_who_clicks(watched: Watched) -> None:
    assert _click(watched) == 302
    assert watched.redis.process is not None
    watched.redis.process.send_signal(signal.SIGSTOP)
    try:
        log = send(watched.port, [get(LINK) for _ in range(64)], connections=16)
    finally:
        watched.redis.process.send_signal(signal.SIGCONT)

    assert log.statuses() == {302: 64}
    assert max(answer.took for answer in log.answers) < 1


def test_a_revoked_token_sends_nothing_a_second_later(crowded: Running) -> None:
    token = crowded.waybill.json("token", "create", "--app", "Shop", "--name", "leaked")["secret"]
    state = {"returned": 0.0}

    def revoke() -> None:
        time.sleep(1)
        crowded.waybill.json("token", "revoke", "--app", "Shop", "leaked")
        state["returned"] = time.monotonic()

    def over() -> bool:
        return state["returned"] > 0 and time.monotonic() > state["returned"] + 2

    revoker = _in_background(revoke)
    log: Log = asyncio.run(
        send_beside(crowded.port, requests_until(lambda n: postback(token, n), over), 64)
    )
    revoker.join()

    last = max(answer.at for answer in log.answers if answer.status == 200)
    print(f"\nrevoked under load: {log.statuses()}, last 200 {last - state['returned']:+.3f} s")
    assert set(log.statuses()) == {200, 401}
    assert last - state["returned"] < 1


def test_a_token_made_under_load_works_within_a_second(running: Running) -> None:
    token = running.waybill.json("token", "create", "--app", "Shop", "--name", "new")["secret"]
    begun = time.monotonic()

    until(
        lambda: send(running.port, [postback(token, 1)], 1).statuses() == {200: 1},
        1,
        "a new token",
    )
    assert time.monotonic() - begun < 1
