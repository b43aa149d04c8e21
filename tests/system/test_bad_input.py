"""Tests bad input: a clear 4xx that names the field, a line in the log, no secret anywhere."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import product

import pytest

from tests.system.conftest import Running
from tests.system.servers import until
from tests.system.traffic import Answer, get, send

CLOSED_SECONDS_MAX = 15

FIELDS = {
    "missing user": ("event_id=e", "missing_field", "user_id"),
    "missing event": ("user_id=u", "missing_field", "event_id"),
    "step 3 of the advanced flow": ("", "missing_field", "user_id"),
    "empty user": ("user_id=&event_id=e", "missing_field", "user_id"),
    "blank user": ("user_id=%20&event_id=e", "malformed_field", "user_id"),
    "long user": (f"user_id={'u' * 257}&event_id=e", "malformed_field", "user_id"),
    "two users": ("user_id=a&user_id=b&event_id=e", "conflicting_values", "user_id"),
    "two amounts": (
        "user_id=u&event_id=e&sale_amount=1&sale_amout=2", "conflicting_values", "sale_amount",
    ),
    "not UTF-8": ("user_id=%ff&event_id=e", "malformed_field", "user_id"),
    "NUL": ("user_id=u%00&event_id=e", "malformed_field", "user_id"),
    "NaN": ("user_id=u&event_id=e&sale_amount=NaN", "malformed_field", "sale_amount"),
    "Infinity": ("user_id=u&event_id=e&sale_amount=Infinity", "malformed_field", "sale_amount"),
    "1e400": ("user_id=u&event_id=e&sale_amount=1e400", "malformed_field", "sale_amount"),
    "a comma": ("user_id=u&event_id=e&sale_amount=12,50", "malformed_field", "sale_amount"),
    "unknown currency": (
        "user_id=u&event_id=e&sale_amount_currency=COINS", "malformed_field",
        "sale_amount_currency",
    ),
    "unreadable time": ("user_id=u&event_id=e&event_time=soon", "malformed_field", "event_time"),
    "old time": ("user_id=u&event_id=e&event_time=1000000000", "malformed_field", "event_time"),
    "10,000 parameters": ("&".join(f"{n:x}" for n in range(10_000)), "too_many_parameters", None),
}  # fmt: skip


def _one(running: Running, request: bytes) -> Answer:
    (answer,) = send(running.port, [request], connections=1).answers
    return answer


def _error(answer: Answer) -> dict[str, object]:
    assert answer.headers["content-type"].startswith("application/json")
    error = json.loads(answer.body)["error"]
    assert set(error) == {"code", "field", "message"}
    assert isinstance(error, dict)
    return error


@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_field_is_named(running: Running, name: str) -> None:
    query, code, field = FIELDS[name]
    answer = _one(running, get(f"/postback?s2s_token={running.token}&{query}"))

    assert answer.status == 400
    error = _error(answer)
    assert (error["code"], error["field"]) == (code, field)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "s2s_token=",
        "s2s_token=wrong",
        "s2s_token={token}&token=other",
        "s2s_token=" + "x" * 300,
    ],
)
def test_a_token_that_is_not_one_active_token_is_a_401_before_any_field_is_looked_at(
    running: Running, query: str
) -> None:
    answer = _one(running, get(f"/postback?{query.format(token=running.token)}&user_id=%ff"))

    assert answer.status == 401
    assert _error(answer)["code"] == "unauthorized"


def test_another_path_is_a_404_and_another_method_a_405(running: Running) -> None:
    assert _one(running, get("/postbacks")).status == 404
    refused = _one(running, b"DELETE /postback HTTP/1.1\r\nHost: w\r\n\r\n")

    assert refused.status == 405
    assert {"GET", "POST"} <= set(refused.headers["allow"].split(", "))
    assert _error(refused)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("body_type", "status"), [("application/json", 400), ("multipart/form-data; boundary=x", 415)]
)
def test_a_body_that_cannot_be_read_is_refused_not_ignored(
    running: Running, body_type: str, status: int
) -> None:
    request = (
        f"POST /postback?s2s_token={running.token}&user_id=u&event_id=e HTTP/1.1\r\nHost: w\r\n"
        f"Content-Type: {body_type}\r\nContent-Length: 16\r\n\r\n" + '{"sale_amount":1'
    )
    assert _one(running, request.encode()).status == status


def _exchange(running: Running, data: bytes, then_close: bool = False) -> bytes:
    """Returns everything that the server sends until it closes, which it must."""
    with socket.create_connection(("127.0.0.1", running.port), 5) as connection:
        connection.settimeout(CLOSED_SECONDS_MAX)
        with suppress(OSError):  # it may answer and close before it has received everything
            connection.sendall(data)
        if then_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(65_536):
                received += part
    return received


def _head(running: Running, lines: str, method: str = "POST") -> bytes:
    query = f"s2s_token={running.token}&user_id=liar&event_id=e"
    return f"{method} /postback?{query} HTTP/1.1\r\nHost: w\r\n{lines}\r\n".encode()


FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def test_too_much_is_refused_in_words_whatever_it_is_too_much_of(running: Running) -> None:
    five_megabytes = get("/postback?user_id=" + "u" * 5_000_000)
    long_header = _head(running, f"X-Long: {'x' * 100_000}\r\n", "GET")
    large_body = _head(running, f"{FORM}Content-Length: 70000\r\n") + b"a=" + b"x" * 69_998
    chunked = _head(running, f"{FORM}Transfer-Encoding: chunked\r\nConnection: close\r\n") + (
        b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"
    )
    for request in (five_megabytes, long_header, large_body, chunked):
        received = _exchange(running, request, then_close=True)
        assert received.split(b" ")[1] in {b"400", b"413", b"414", b"431"}, received[:200]
        assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"]


LIES = [
    f"{FORM}Content-Length: 100\r\n\r\nsale_amount=4",  # and nothing more
    f"{FORM}Transfer-Encoding: chunked\r\n\r\n1f\r\nsale_amount=4",
    f"{FORM}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    f"{FORM}Content-Length: 5, 6\r\n\r\nhello",
    f"{FORM}Content-Length: -1\r\n\r\nhello",
    f"{FORM}Content-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
]


def _lie(running: Running, rest: str, then_close: bool) -> tuple[bytes, float]:
    """Returns what the server sent, and after how many seconds it closed."""
    begun = time.monotonic()
    received = _exchange(running, _head(running, "")[:-2] + rest.encode(), then_close)
    return received, time.monotonic() - begun


def test_a_post_that_lies_about_its_length_stores_nothing_and_holds_no_connection(
    running: Running,
) -> None:
    before = running.waybill.json("status")["accepted"]
    lies = list(product(LIES, (True, False)))

    with ThreadPoolExecutor(len(lies)) as liars:  # at once: two of them wait for a deadline
        outcomes = list(liars.map(lambda lie: _lie(running, *lie), lies))

    for lie, (received, took) in zip(lies, outcomes, strict=True):
        assert took < CLOSED_SECONDS_MAX, lie
        assert not received or received.split(b" ")[1].startswith(b"4"), (lie, received)
    assert running.waybill.json("status")["accepted"] == before


def test_a_refused_request_stands_in_the_log_with_its_reason_and_without_its_secrets(
    running: Running,
) -> None:
    _one(running, get(f"/postback?s2s_token={running.token}&user_id=logged&color=green"))

    def logged() -> bool:
        entries = running.waybill.json("rejections")["recent"]
        return any(entry["parameters"].get("user_id") == "logged" for entry in entries)

    until(logged, 5, "the rejection being logged")
    document = running.waybill.json("rejections")
    (entry,) = [
        entry for entry in document["recent"] if entry["parameters"].get("user_id") == "logged"
    ]
    assert (entry["code"], entry["field"], entry["status"]) == ("missing_field", "event_id", 400)
    assert entry["parameters"]["color"] == "green"
    assert running.token not in json.dumps(document)
    assert document["counts"]["missing_field"] >= 1


def test_no_log_holds_a_token_a_user_or_a_query(running: Running) -> None:
    secrets = {
        "query": get(f"/postback?s2s_token={running.token}&user_id=canary-user&event_id=e"),
        "header": get(
            "/postback?user_id=canary-user&event_id=e", f"Authorization: {running.token}\r\n"
        ),
        "referer": get("/nowhere", f"Referer: http://x/?s2s_token={running.token}\r\n"),
        "path": get(f"/postback/{running.token}"),
    }
    for request in secrets.values():
        _one(running, request)
    _exchange(running, f"GET /postback?s2s_token={running.token} nonsense\r\n\r\n".encode())

    logs = running.waybill.logs()
    assert logs
    for canary in (running.token, running.token[4:], "canary-user", "nonsense"):
        assert canary not in logs
