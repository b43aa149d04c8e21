"""Limits of one process's connections, and the answers to connections beyond them."""

from dataclasses import replace

import pytest

from tests.integration.ingest.http.http_server import (
    GET,
    POST,
    SHORT,
    SLOW,
    Client,
    Serving,
    serving,
    wait_until,
)

FEW = replace(SHORT, connections_max=3, refused_connections_max=2, header_seconds_max=5.0)


def _connect(served: Serving, count: int) -> list[Client]:
    clients = [served.connect() for _ in range(count)]
    served.await_connections(count)
    return clients


def test_connections_beyond_the_limit_are_answered_503_and_there_is_room_again_later() -> None:
    with serving(FEW) as served:
        first, *others = _connect(served, 3)
        with served.connect() as late:
            late.send(GET)
            answer = late.answer()
            assert (answer.status, answer.code) == (503, "too_many_connections")
            assert int(answer.headers["retry-after"]) > 0
            assert late.is_closed()
        with first:
            first.send(GET)
            assert first.answer().status == 200
        served.await_connections(2)
        with served.connect() as honest:
            honest.send(GET)
            assert honest.answer().status == 200
        for client in others:
            client.socket.close()


def test_connections_far_beyond_the_limit_are_dropped() -> None:
    with serving(FEW) as served:
        clients = _connect(served, 5)
        with served.connect() as late:
            assert late.is_closed()
        for client in clients:
            client.socket.close()


def test_unfinished_bodies_together_stay_within_their_memory() -> None:
    limits = replace(SHORT, bodies_bytes_max=150_000, body_seconds_max=5.0)
    unfinished = b"Content-Length: 200000\r\n\r\n"
    with serving(limits) as served, served.connect() as small, served.connect() as large:
        small.send(POST + unfinished + b"x" * 40_000)
        large.send(POST + unfinished + b"x" * 120_000)
        answer = large.answer()
        assert (answer.status, answer.code) == (503, "overloaded")
        small.send(b"x" * 160_000)
        assert small.answer().json["body"] == "200000"


def test_refusals_are_logged_as_counts_without_anything_that_was_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(replace(SHORT, sweep_seconds=0.3)) as served:
        for _ in range(5):
            served.exchange(b"GET /postback?s2s_token=wbs_secret no-http\r\n\r\n")
        wait_until(lambda: "malformed_request" in caplog.text)
    assert "wbs_secret" not in caplog.text
    lines = [line for line in caplog.messages if line.startswith("Refused")]
    assert sum(int(line.strip(".").split()[-1]) for line in lines) == 5
    assert len(lines) < 5


def test_a_server_that_stops_answers_what_it_has_and_refuses_what_is_not_whole() -> None:
    with serving(replace(SHORT, header_seconds_max=60.0, body_seconds_max=60.0)) as served:
        silent, head, body, slow = clients = _connect(served, 4)
        head.send(GET[:-2])
        body.send(POST + b"Content-Length: 9\r\n\r\nabc")
        slow.send(SLOW)
        wait_until(lambda: served.application.asked)
    assert silent.is_closed()
    assert [client.answer().status for client in (head, body, slow)] == [503, 503, 200]
    for client in clients:
        client.socket.close()
