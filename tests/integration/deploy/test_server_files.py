"""Checks the files for nginx, Redis, PostgreSQL and systemd with these programs, if installed."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from tests.system.servers import accepts, free_port, until

DEPLOY = Path(__file__).parents[3] / "deploy"
POSTGRES = Path("/usr/lib/postgresql/15/bin/postgres")
SECONDS_MAX = 20
REQUESTS = 400  # more than the console's burst, and what it allows while they are sent
INSTALLED = {name for name in ("nginx", "redis-server", "systemd-analyze") if shutil.which(name)}
INSTALLED |= {"postgres"} if POSTGRES.exists() else set()


def where_installed(*names: str) -> list[str]:
    """Returns the programs to parametrize by that are installed, as nothing else can check."""
    return [name for name in names if name in INSTALLED]


def output_of(*command: str | Path, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("judge", where_installed("systemd-analyze"))
def test_systemd_understands_every_unit(judge: str, tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        here = unit.read_text().replace("/opt/waybill/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(here.replace("file:///opt/", "file:///usr/"))

    assert output_of(judge, "verify", "--man=no", *sorted(tmp_path.glob("*.service"))) == ""


@pytest.mark.parametrize("server", where_installed("redis-server"))
def test_redis_takes_its_file_and_keeps_what_it_confirms(server: str, tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    flags = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    process = subprocess.Popen([server, str(DEPLOY / "redis.conf"), *flags])
    try:
        until(socket.exists, SECONDS_MAX, "Redis listening")
        settings = ("appendonly", "appendfsync", "maxmemory-policy", "no-appendfsync-on-rewrite")
        answers = [output_of("redis-cli", "-s", socket, "CONFIG", "GET", name) for name in settings]
    finally:
        process.terminate()
        process.wait(SECONDS_MAX)
    assert [answer.split()[1] for answer in answers] == ["yes", "always", "noeviction", "no"]


@pytest.mark.parametrize("server", where_installed("redis-server"))
def test_redis_speaks_tls_by_the_lines_of_its_file(server: str, tmp_path: Path) -> None:
    port = free_port()
    text = uncommented(DEPLOY / "redis.conf", "tls-")
    assert text.count("/etc/redis/tls/") == 3
    for here, there in {
        "port 6379\n# Between": "port 0\n# Between",
        "tls-port 6379": f"tls-port {port}",
        "/etc/redis/tls": str(tmp_path),
    }.items():
        assert here in text
        text = text.replace(here, there)
    certificate(tmp_path / "redis.key", tmp_path / "redis.crt")
    shutil.copy(tmp_path / "redis.crt", tmp_path / "ca.crt")
    (tmp_path / "redis.conf").write_text(text)
    process = subprocess.Popen([server, str(tmp_path / "redis.conf"), "--dir", str(tmp_path)])
    try:
        until(lambda: accepts(port), SECONDS_MAX, "Redis listening")
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            trusted.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"PING\r\n")
            assert client.recv(16) == b"+PONG\r\n"
    finally:
        process.terminate()
        process.wait(SECONDS_MAX)


def uncommented(file: Path, begin: str) -> str:
    """Returns a file with its samples, whose names begin so, in force."""
    return re.sub(rf"^# (?={begin})", "", file.read_text(), flags=re.MULTILINE)


def certificate(key: Path, file: Path) -> None:
    """Makes a certificate of this machine that is signed by itself."""
    output_of(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", file),
    )


@pytest.mark.parametrize("server", where_installed("postgres"))
@pytest.mark.parametrize("name", ["synchronous_commit", "ssl", "log_connections"])
def test_postgresql_takes_its_file(server: str, name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    file = tmp_path / "postgresql.conf"
    file.write_text(uncommented(DEPLOY / "postgresql.conf", "ssl"))
    command = [str(POSTGRES), "-C", name, "-c", f"config_file={file}"]
    shutil.chown(tmp_path, "nobody")
    tmp_path.chmod(0o700)
    done = subprocess.run(
        [*command, "-D", str(tmp_path)],
        capture_output=True,
        text=True,
        user="nobody" if os.geteuid() == 0 else None,
    )

    assert server
    assert (done.stdout.strip(), done.returncode) == ("on", 0), done.stderr


class Upstream(BaseHTTPRequestHandler):
    """A stand-in for ingest that records the requests that reach it."""

    requests: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers["X-Forwarded-For"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: object) -> None:
        pass


class Proxy:
    """nginx with our file, in front of `Upstream`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls, self.plain, port = free_port(), free_port(), free_port()
        self.upstream = ThreadingHTTPServer(("127.0.0.1", port), Upstream)
        Thread(target=self.upstream.serve_forever, daemon=True).start()
        self._configure(port)
        self._process = subprocess.Popen(
            ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        )
        until(lambda: accepts(self.tls), SECONDS_MAX, "nginx listening")

    def _configure(self, port: int) -> None:
        certificate(self.folder / "privkey.pem", self.folder / "fullchain.pem")
        text = (DEPLOY / "nginx.conf").read_text()
        for here, there in {
            "/etc/ssl/waybill": str(self.folder),
            "/var/log/nginx": str(self.folder),
            "127.0.0.1:8080": f"127.0.0.1:{port}",
            "listen 443": f"listen 127.0.0.1:{self.tls}",
            "listen 80": f"listen 127.0.0.1:{self.plain}",
            "listen [::]:443": f"listen [::1]:{self.tls}",
            "listen [::]:80": f"listen [::1]:{self.plain}",
        }.items():
            assert here in text
            text = text.replace(here, there)
        paths = "".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/pid; error_log {self.folder}/error.log; user root;"
            f"events {{}} http {{ {paths} {text} }}"
        )

    def get(self, target: str, headers: dict[str, str] | None = None) -> HTTPResponse:
        trusting = ssl._create_unverified_context()
        connection = HTTPSConnection("127.0.0.1", self.tls, timeout=10, context=trusting)
        with closing(connection):
            connection.request("GET", target, headers=headers or {})
            answer = connection.getresponse()
            answer.read()
        return answer

    def logs(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("*.log"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(SECONDS_MAX)
        self.upstream.shutdown()
        self.upstream.server_close()


@pytest.fixture(params=where_installed("nginx"))
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    assert request.param == "nginx"
    Upstream.requests.clear()
    proxy = Proxy(tmp_path)
    yield proxy
    proxy.stop()


def test_no_token_reaches_the_log_of_nginx_even_when_nothing_answers_behind_it(
    proxy: Proxy,
) -> None:
    assert proxy.get("/postback?s2s_token=hunter2&user_id=u").status == 200
    proxy.upstream.shutdown()
    proxy.upstream.server_close()
    assert proxy.get("/postback?s2s_token=hunter2&user_id=u").status == 503

    until(lambda: proxy.logs().count("/postback") == 2, SECONDS_MAX, "the log being written")
    assert "hunter2" not in proxy.logs()


def test_ingest_sees_the_visitor_and_not_what_the_visitor_claims(proxy: Proxy) -> None:
    proxy.get("/click?offer_id=1", {"X-Forwarded-For": "203.0.113.9"})

    assert Upstream.requests == [("/click?offer_id=1", "127.0.0.1")]


def test_senders_are_told_when_to_come_back_if_no_ingest_answers(proxy: Proxy) -> None:
    proxy.upstream.shutdown()
    proxy.upstream.server_close()

    answer = proxy.get("/postback?user_id=u")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/postback?user_id=u", "/health/ready"])
def test_browsers_are_told_to_come_back_by_tls_alone(proxy: Proxy, path: str) -> None:
    assert proxy.get(path).headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    proxy.upstream.shutdown()
    proxy.upstream.server_close()
    unavailable = proxy.get("/postback?user_id=u")
    assert unavailable.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]


def test_one_address_asks_the_console_for_so_much_and_ingest_for_more(proxy: Proxy) -> None:
    def statuses(host: str) -> set[int]:
        return {proxy.get("/", {"Host": host}).status for _ in range(REQUESTS)}

    assert statuses("waybill.example") == {200}
    assert statuses("console.waybill.example") == {502, 429}  # nothing answers behind it


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
def test_health_and_metrics_are_kept_from_the_public(proxy: Proxy, path: str) -> None:
    assert proxy.get(path).status == 404
    assert Upstream.requests == []


def test_nothing_is_served_without_tls(proxy: Proxy) -> None:
    connection = HTTPConnection("127.0.0.1", proxy.plain, timeout=10)
    connection.request("GET", "/postback?s2s_token=hunter2")

    assert connection.getresponse().status == 403
    connection.close()
    assert "hunter2" not in proxy.logs()
