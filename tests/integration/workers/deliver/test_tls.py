"""A callback goes to the server that its URL names, proven by its certificate, and to no other."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.callbacks.addresses import AddressGuard
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import HttpRequest, SendFault

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
HOST = "partner.example"
SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a certificate of HOST that signs itself, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", f"/CN={HOST}", "-addext"),
            *(f"subjectAltName=DNS:{HOST}", "-keyout", folder / "key.pem"),
            *("-out", folder / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "certificate.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


def send(certificate: Path, host: str, *, is_trusted: bool) -> tuple[str, int]:
    """Sends one request to a server with the certificate; returns the end, and what it was sent."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async def work() -> str:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        guard = AddressGuard((ip_network("127.0.0.0/8"),), frozenset({port}))
        trust = ssl.create_default_context(cafile=str(certificate)) if is_trusted else None
        client = HttpClient(guard, resolve, trust)
        try:
            answer = await client.send(HttpRequest("GET", f"https://{host}:{port}/"), SECONDS_MAX)
            return f"status {answer.status}"
        except SendFault as fault:
            return fault.reason + (" (sent)" if fault.may_have_arrived else "")
        finally:
            client.close()
            server.close()

    return asyncio.run(work()), requests


@pytest.mark.parametrize(
    ("host", "is_trusted", "ends"),
    [
        (HOST, True, lambda text: text == "status 204"),
        (HOST, False, lambda text: text.startswith("TLS failed") and "sent" not in text),
        ("other.example", True, lambda text: text.startswith("TLS failed") and "sent" not in text),
    ],
)
def test_the_certificate_has_to_be_trusted_and_of_the_host(
    certificate: Path, host: str, is_trusted: bool, ends: Callable[[str], bool]
) -> None:
    end, requests = send(certificate, host, is_trusted=is_trusted)

    assert ends(end), end
    assert requests == (1 if end == "status 204" else 0)
