"""gunicorn as it is configured: what it logs, what it opens, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from shared.tokens import new_token

SECONDS_MAX = 20.0
OWN = new_token()
LEGACY = "Zq7hidden9x"  # a token that a team brought along has no form to know it by


class Gunicorn:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output
        self.port = int(self._await(r"Listening at: http://127\.0\.0\.1:(\d+)"))
        self._await(r"Started server process")

    def written(self) -> str:
        return self.output.read_text()

    def send(self, data: bytes) -> bytes:
        """Returns the answer to a request after which the connection closes."""
        with socket.create_connection(("127.0.0.1", self.port), SECONDS_MAX) as client:
            client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(SECONDS_MAX) == 0

    def _await(self, pattern: str) -> str:
        end = monotonic() + SECONDS_MAX
        while not (found := re.search(pattern, self.written())):
            assert monotonic() < end, self.written()
            assert self.process.poll() is None, self.written()
            sleep(0.02)
        return found[found.re.groups]


@contextmanager
def gunicorn(
    folder: Path, *options: str, open_files: str = "", **variables: str
) -> Iterator[Gunicorn]:
    output = folder / "output"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:ingest.server"]
    command += ["--bind", "127.0.0.1:0", *options, "tests.integration.ingest.canary:app"]
    if open_files:
        command = ["sh", "-c", f'ulimit {open_files} && exec "$@"', "sh", *command]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    environment.update(variables)
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, cwd=Path.cwd()
        )
    try:
        yield Gunicorn(process, output)
    finally:
        process.kill()
        process.wait()


def _requests(secret: str) -> list[bytes]:
    """Builds requests with the secret in every position, under the names that senders use."""
    lines = [
        f"GET /postback?user_id=1&s2s_token={secret}&event_id=2 HTTP/1.1\r\nHost: a",
        f"GET /s2sevent?token={secret} HTTP/1.1\r\nHost: a",
        f"GET /click?s2stoken={secret} HTTP/1.1\r\nHost: a",
        f"GET /fail?s2s_token={secret} HTTP/1.1\r\nHost: a",
        f"GET /fail?a=b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret}",
        f"GET /postback HTTP/1.1\r\nHost: a\r\nAuthorization: {secret}",
        f"GET /postback HTTP/1.1\r\nHost: a\r\nReferer: https://seen.example/?s2s_token={secret}",
        f"GET /r?next=https%3A%2F%2Fb.example%2F%3Ftoken%3D{secret} HTTP/1.1\r\nHost: a",
        f"GET /postback%3Fs2s_token%3D{secret} HTTP/1.1\r\nHost: a",
        f"GET /postback?s2s_token={secret} no http\r\nHost: a",
        f"GET /postback?s2s_token={secret}é HTTP/1.1\r\nHost: a",
        f"GET /postback?s2s_token={secret} HTTP/1.1",
        f"GET /postback HTTP/1.1\r\nHost: a\r\nAuthor ization: {secret}",
    ]
    requests = [f"{line}\r\nConnection: close\r\n\r\n".encode() for line in lines]
    body = f"user_id=1&s2s_token={secret}".encode()
    post = (
        b"POST /postback HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    )
    return [*requests, post % (len(body), body), post % (len(body) - 4, body)]


def _log_of_canaries(folder: Path, *options: str) -> str:
    with gunicorn(folder, "--access-logfile", "-", "--log-level", "debug", *options) as server:
        for secret in (OWN, LEGACY):
            answers = [server.send(request) for request in _requests(secret)]
            assert all(answer.startswith(b"HTTP/1.1 ") for answer in answers)
        server.stop()
        return server.written()


def test_no_token_reaches_a_json_log_and_every_line_is_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_LOG_FORMAT", "json")
    log = _log_of_canaries(tmp_path)

    assert log.count(OWN) == log.count(OWN[4:]) == log.count(LEGACY) == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["program"] for line in lines} == {"ingest"}
    assert any("ValueError: cannot read" in line.get("trace", "") for line in lines)


def test_no_token_reaches_a_log_from_any_position_of_a_request(tmp_path: Path) -> None:
    log = _log_of_canaries(tmp_path)
    assert log.count(OWN) == log.count(OWN[4:]) == log.count(LEGACY) == 0
    assert "asked {'type': 'http'" in log
    assert "/postback user_id=1&s2s_token=***&event_id=2 with b''" in log
    assert "ValueError: cannot read" in log


def test_an_access_line_shows_no_query_no_referring_page_and_no_address(tmp_path: Path) -> None:
    log = _log_of_canaries(tmp_path)
    lines = [line for line in log.splitlines() if line.startswith("-")]
    assert '- "GET /postback HTTP/1.1" 200' in lines
    assert len(lines) > 10
    assert not [line for line in lines if "?" in line or "seen.example" in line or "127.0" in line]


def test_the_canaries_would_be_seen_without_redaction(tmp_path: Path) -> None:
    log = _log_of_canaries(tmp_path, "--logger-class", "gunicorn.glogging.Logger")
    assert log.count(OWN) > 5
    assert log.count(LEGACY) > 5


def test_no_access_line_is_written_unless_asked_for(tmp_path: Path) -> None:
    with gunicorn(tmp_path) as server:
        server.send(_requests(OWN)[0])
        server.stop()
        assert "HTTP/1.1" not in server.written()


def test_no_control_socket_is_opened(tmp_path: Path) -> None:
    with gunicorn(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_an_answer_names_the_date_and_no_server(tmp_path: Path) -> None:
    with gunicorn(tmp_path) as server:
        for data in (_requests(OWN)[0], b"nonsense\r\n\r\n"):
            head = server.send(data).lower()
            assert b"\r\ndate: " in head
            assert b"\r\nserver: " not in head


def test_it_stops_in_time_though_clients_are_slow(tmp_path: Path) -> None:
    parts = [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"]
    with gunicorn(tmp_path) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in parts * 5]
        for client, part in zip(clients, parts * 5, strict=True):
            client.sendall(part)
        # An answer says that what was sent before it has been read.
        server.send(_requests(OWN)[0])
        begun = monotonic()
        server.stop()
        assert monotonic() - begun < 10
        assert "Traceback" not in server.written()
        for client, part in zip(clients, parts * 5, strict=True):
            assert client.recv(65536).startswith(b"HTTP/1.1 503 " if part else b"")
            client.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_number_of_processes_comes_from_the_environment(tmp_path: Path, processes: int) -> None:
    with gunicorn(tmp_path, WEB_CONCURRENCY=str(processes)) as server:
        server.stop()
        assert server.written().count("Booting worker") == processes


def _statuses(server: Gunicorn, connections: int) -> Counter[bytes]:
    """Counts the status codes of one request on each of so many open connections."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), SECONDS_MAX))
            for _ in range(connections)
        ]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return Counter(client.recv(65536)[9:12] for client in clients)


def test_a_low_limit_of_open_files_is_raised(tmp_path: Path) -> None:
    with gunicorn(tmp_path, open_files="-Sn 100") as server:
        assert _statuses(server, 300) == {b"200": 300}


def test_where_it_cannot_be_raised_fewer_connections_are_taken(tmp_path: Path) -> None:
    with gunicorn(tmp_path, open_files="-n 700") as server:
        assert _statuses(server, 100) == {b"200": 60, b"503": 40}


def test_faults_of_settings_are_told_at_once_and_end_the_master(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:ingest.server"]
    command += ["--bind", "127.0.0.1:0", "ingest.app:get_app()"]
    variables = {"PATH": os.environ["PATH"], "WAYBILL_DURABILITY": "maybe"}
    ended = subprocess.run(
        command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX
    )

    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert "DATABASE_URL" not in ended.stderr  # ingest opens no PostgreSQL
    for variable in ("REDIS_URL", "WAYBILL_SECRET_KEY", "WAYBILL_DURABILITY"):
        assert f"  {variable} " in ended.stderr
