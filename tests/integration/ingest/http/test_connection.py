"""Answers to slow or broken clients, their order, and what the application sees of them."""

import random
import socket
import struct
from dataclasses import replace
from itertools import repeat
from time import monotonic

import pytest

from tests.integration.ingest.http.http_server import (
    EARLY_SECONDS,
    GET,
    LATE_SECONDS,
    POST,
    SHORT,
    SLOW,
    Serving,
    serving,
    wait_until,
)

# Deadlines


def test_a_connection_that_sends_nothing_is_closed_without_an_answer(served: Serving) -> None:
    with served.connect() as client:
        assert client.is_closed()
        assert 0.4 - EARLY_SECONDS <= monotonic() - client.opened < LATE_SECONDS


def test_a_dripped_header_is_answered_408_and_does_not_move_its_deadline(served: Serving) -> None:
    with served.connect() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        client.drip((b"X-%d: 1\r\n" % number for number in range(1000)), 0.05)
        assert monotonic() - client.opened < LATE_SECONDS
        answer = client.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert answer.json["error"]["field"] is None
        assert client.is_closed()


def test_dripped_blank_lines_do_not_hold_a_connection(served: Serving) -> None:
    with served.connect() as client:
        client.drip(repeat(b"\r\n", 100), 0.05)
        assert monotonic() - client.opened < LATE_SECONDS


def test_blank_lines_behind_an_answer_do_not_hold_a_connection(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET)
        assert client.answer().status == 200
        client.drip(repeat(b"\r\n", 100), 0.05)
        assert monotonic() - client.opened < LATE_SECONDS


def test_a_later_request_on_a_connection_has_its_own_deadline(served: Serving) -> None:
    with served.connect() as client:
        for _ in range(3):
            client.send(GET)
            assert client.answer().status == 200
        begun = monotonic()
        client.send(GET[:20])
        assert client.answer().code == "request_timeout"
        assert 0.4 - EARLY_SECONDS <= monotonic() - begun < LATE_SECONDS


def test_an_idle_connection_is_kept_longer_than_a_header_may_take_and_then_closed() -> None:
    with serving(SHORT, idle_seconds=1) as served, served.connect() as client:
        client.send(GET)
        assert client.answer().status == 200
        assert client.is_closed()
        assert 1 - EARLY_SECONDS <= monotonic() - client.opened < 1 + LATE_SECONDS


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"Content-Length: 1000\r\n\r\n", b"a"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    ],
)
def test_a_dripped_body_is_answered_408_and_stays_unknown_to_the_application(
    served: Serving, head: bytes, piece: bytes
) -> None:
    with served.connect() as client:
        client.send(POST + head)
        client.drip(repeat(piece, 1000), 0.05)
        assert monotonic() - client.opened < LATE_SECONDS
        answer = client.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert client.is_closed()
    assert served.application.asked == []


def test_an_application_may_take_longer_than_a_client(served: Serving) -> None:
    with served.connect() as client:
        client.send(SLOW + b"\r\n")
        wait_until(lambda: served.application.asked)
        begun = monotonic()
        wait_until(lambda: monotonic() - begun > 3 * SHORT.header_seconds_max)
        served.application.go_on.set()
        assert client.answer().status == 200


def test_a_client_that_reads_nothing_is_dropped(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET.replace(b"/", b"/large", 1))
        wait_until(lambda: served.application.asked)
        served.await_connections(0)
        assert monotonic() - client.opened < 2 * LATE_SECONDS


def test_a_client_that_pipelines_and_reads_nothing_is_dropped(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET.replace(b"/", b"/large", 1) * 3)
        wait_until(lambda: served.application.asked)
        served.await_connections(0)
    wait_until(lambda: not served.server.server_state.tasks)


def test_a_client_that_vanishes_leaves_no_work_and_no_fault_behind(served: Serving) -> None:
    with served.connect() as client:
        client.send(SLOW + GET * 3)
        wait_until(lambda: served.application.asked)
        # Closing resets the connection.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.await_connections(0)
    served.application.go_on.set()
    wait_until(lambda: not served.server.server_state.tasks)
    assert len(served.application.asked) == 1


def test_a_client_that_leaves_the_last_answer_unread_is_dropped(served: Serving) -> None:
    with served.connect() as client:
        client.send(
            GET.replace(b"/ ", b"/large ", 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        served.await_connections(1)
        served.await_connections(0)


# Order


def test_a_bad_request_is_answered_behind_the_good_ones_before_it(served: Serving) -> None:
    with served.connect() as client:
        client.send(SLOW + GET + b"nonsense\r\n\r\n")
        wait_until(lambda: served.application.asked)
        served.application.go_on.set()
        assert [answer.status for answer in client.answers()] == [200, 200, 400]


def test_a_body_longer_than_announced_leaves_its_request_accepted(served: Serving) -> None:
    answers = served.exchange(POST + b"Content-Length: 3\r\n\r\nabc and more")
    assert [answer.status for answer in answers] == [200, 400]
    assert served.application.asked[0]["body"] == "abc"


def test_a_broken_body_behind_a_good_request_stays_unknown_to_the_application(
    served: Serving,
) -> None:
    with served.connect() as client:
        broken = POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        client.send(SLOW + broken)
        wait_until(lambda: served.application.asked)
        served.application.go_on.set()
        assert [answer.status for answer in client.answers()] == [200, 400]
    assert len(served.application.asked) == 1


def test_no_bytes_whatever_upset_the_server(served: Serving) -> None:
    choice = random.Random(7)
    parts = [
        GET,
        POST,
        b"Content-Length: 5\r\n\r\nabcde",
        b"\r\n",
        b"HTTP/1.1",
        b"\x00",
        b"Host: a\r\n",
    ]
    parts += [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        b"?a=%",
        b"Upgrade: h2c\r\n",
    ]
    for _ in range(150):
        data = bytearray(b"".join(choice.choices(parts, k=choice.randint(1, 8))))
        for _ in range(choice.randint(0, 3)):
            data[choice.randrange(len(data))] = choice.randrange(256)
        with served.connect() as client:
            client.send(bytes(data))
            client.socket.shutdown(socket.SHUT_WR)
            assert {answer.status for answer in client.answers()} <= {200, 400, 413}


# Pipelining


def test_pipelined_requests_are_answered_in_order(served: Serving) -> None:
    requests = b"".join(GET.replace(b"/", b"/%d" % number, 1) for number in range(17))
    with served.connect() as client:
        client.send(requests)
        assert [client.answer().json["path"] for _ in range(17)] == [f"/{n}" for n in range(17)]


def test_a_flood_of_pipelined_requests_is_cut_off_behind_the_answers(served: Serving) -> None:
    with served.connect() as client:
        client.send(SLOW + GET * 5000)
        wait_until(lambda: served.application.asked)
        served.application.go_on.set()
        *good, last = client.answers()
    assert [answer.status for answer in good] == [200] * 17
    assert (last.status, last.code) == (429, "too_many_pipelined")
    assert int(last.headers["retry-after"]) > 0


# Corners of HTTP


def test_a_client_that_waits_for_100_continue_gets_it(served: Serving) -> None:
    with served.connect() as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.answer().status == 100
        client.send(b"abc")
        assert client.answer().json["body"] == "abc"


def test_a_body_that_came_along_needs_no_100_continue(served: Serving) -> None:
    with served.connect() as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        assert client.answer().json["body"] == "abc"


def test_a_body_behind_a_pipelined_request_is_invited_in_its_turn(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET + POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert [client.answer().status for _ in range(2)] == [200, 100]
        client.send(b"abc")
        assert client.answer().json["body"] == "abc"


def test_http_1_0_needs_no_host_and_closes(served: Serving) -> None:
    (answer,) = served.exchange(b"GET / HTTP/1.0\r\n\r\n")
    assert answer.status == 200


def test_head_is_answered_without_a_body(served: Serving) -> None:
    with served.connect() as client:
        client.send(GET.replace(b"GET", b"HEAD"))
        assert int(client.answer(to_head=True).headers["content-length"]) > 0
        client.send(GET)
        assert client.answer().status == 200


def test_a_client_that_closes_its_side_still_gets_its_answers(served: Serving) -> None:
    with served.connect() as client:
        client.send(SLOW + GET)
        client.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: served.application.asked)
        served.application.go_on.set()
        assert [answer.status for answer in client.answers()] == [200, 200]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (POST + b"Content-Length: 100\r\n\r\nabc", "incomplete_body"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "incomplete_body"),
        (POST, "malformed_request"),
    ],
)
def test_a_request_that_breaks_off_is_answered_400_and_stays_unknown_to_the_application(
    served: Serving, data: bytes, code: str
) -> None:
    with served.connect() as client:
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        (answer,) = client.answers()
        assert (answer.status, answer.code) == (400, code)
    assert served.application.asked == []


def test_a_client_that_vanishes_within_a_body_leaves_nothing_behind(served: Serving) -> None:
    with served.connect() as client:
        client.send(POST + b"Content-Length: 100\r\n\r\nabc")
        served.await_connections(1)
    served.await_connections(0)
    assert served.application.asked == []


# The end of the process


def stopping(served: Serving) -> None:
    served.server.should_exit = True
    wait_until(lambda: not served.server.servers or not served.server.servers[0].is_serving())


def test_a_stopping_process_answers_what_arrives_and_says_that_it_was_the_last() -> None:
    with serving(SHORT) as served, served.connect() as client:
        client.send(GET)
        assert client.answer().headers.get("connection") is None
        stopping(served)

        client.send(GET)

        assert client.answer().headers["connection"] == "close"
        assert client.is_closed()


def test_a_stopping_process_takes_the_rest_of_a_request_that_has_begun() -> None:
    with serving(SHORT) as served, served.connect() as client:
        client.send(POST + b"Content-Length: 4\r\n\r\nab")
        served.await_connections(1)
        stopping(served)

        client.send(b"cd")

        answer = client.answer()
        assert (answer.json["body"], answer.headers["connection"]) == ("abcd", "close")


def test_a_stopping_process_says_so_with_the_answer_that_it_is_at() -> None:
    with serving(SHORT) as served, served.connect() as client:
        client.send(SLOW)
        wait_until(lambda: served.application.asked)
        stopping(served)
        served.application.go_on.set()

        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_stopping_process_waits_for_an_idle_client_and_not_for_ever() -> None:
    limits = replace(SHORT, header_seconds_max=60, leave_seconds_max=0.5)
    with serving(limits, idle_seconds=60) as served, served.connect() as idle:
        idle.send(GET)
        assert idle.answer().status == 200
        with served.connect() as begun:
            begun.send(GET[:20])
            served.await_connections(2)
            stopped = monotonic()
            stopping(served)

            assert begun.answer().code == "shutting_down"
            assert idle.is_closed()
            assert 0.4 - EARLY_SECONDS <= monotonic() - stopped < LATE_SECONDS
