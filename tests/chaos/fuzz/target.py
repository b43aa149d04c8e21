"""The product under fuzz: what it answers, what it stores, and how much memory it holds."""

import json
import re
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

import psutil
import psycopg

from tests.chaos.fuzz.ingest_requests import APP_TOKEN, EVENT_TOKEN
from tests.system.product import Waybill
from tests.system.servers import Postgres, Redis

_ANSWER_SECONDS_MAX = 20.0
_STATUS = re.compile(rb"(?:^|\r\n|})HTTP/1\.[01] (\d{3}) ")
_RECEIPT = re.compile(rb"(?i)\r\nwaybill-receipt: ([0-9a-f-]{36})\r\n")
_ROWS = (
    "SELECT receipt::text FROM events UNION ALL SELECT receipt::text FROM clicks "
    "UNION ALL SELECT receipt::text FROM duplicates"
)
PROGRAMS = {
    "ingest": "ingest.app", "worker": "rq.cli", "console": "console.web.app",
}  # fmt: skip


class WrongStatus(AssertionError):
    """A status of 500 or above that is not 503."""


@dataclass
class Answers:
    statuses: Counter[int] = field(default_factory=Counter)
    receipts: set[str] = field(default_factory=set)
    silent: int = 0  # connections that got no answer

    def take(self, sent: bytes, received: bytes) -> None:
        """Raises WrongStatus."""
        statuses = [int(status) for status in _STATUS.findall(received)]
        self.statuses.update(statuses)
        self.silent += not statuses
        self.receipts |= {receipt.decode() for receipt in _RECEIPT.findall(received)}
        wrong = [status for status in statuses if status >= 500 and status != 503]
        if wrong:
            raise WrongStatus(f"{wrong} to {sent[:600]!r}")


class Target:
    """A context manager: a product with two apps, a link, a token and a key of the API."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="waybill-fuzz-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        for name in ("postgres", "redis"):
            (folder / name).mkdir()
        self._postgres, self._redis = Postgres(folder / "postgres"), Redis(folder / "redis")
        self._postgres.make()
        self._postgres.start()
        self._redis.start()
        stores = {"DATABASE_URL": self._postgres.url, "REDIS_URL": self._redis.url}
        self.waybill = Waybill(folder / "data", stores, console=True)
        self.waybill.wait_until_ready()
        self._furnish()
        self.answers = Answers()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.waybill.stop()
        self._redis.stop()
        self._postgres.stop()
        self._folder.cleanup()

    def _furnish(self) -> None:
        ask = self.waybill.json
        ask("app", "create", "--name", "Shop", "--app-token", APP_TOKEN)
        ask("app", "create", "--name", "Other")
        ask(
            *("event-type", "create", "--app", "Shop", "--event-token", EVENT_TOKEN),
            *("--mapping-id", "purchase", "--name", "Purchase"),
        )
        ask(
            *("link", "create", "--app", "Shop", "--partner", "Acme", "--name", "Spring"),
            *("--destination", "https://shop.example/welcome?{campaign}"),
        )
        self.token = str(ask("token", "create", "--app", "Shop", "--name", "backend")["secret"])
        ask("app", "set", "--app", "Shop", "--sdk-traffic")
        named = ("--name", "sdk", "--sdk")
        self.sdk_token = str(ask("token", "create", "--app", "Shop", *named)["secret"])
        self.key = str(ask("key", "create", "fuzz", "--role", "admin")["secret"])

    def document(self) -> dict[str, Any]:
        url = f"{self.waybill.console_url}/api/v1/openapi.json"
        request = Request(url, headers={"Authorization": f"Bearer {self.key}"})
        with urlopen(request, timeout=_ANSWER_SECONDS_MAX) as answer:
            document: dict[str, Any] = json.loads(answer.read())
        return document

    def send(self, sent: bytes, *, to_console: bool = False) -> None:
        """Over a connection of its own, whose side is then closed. Raises WrongStatus."""
        port = int(self.waybill.console_url.rpartition(":")[2]) if to_console else self.waybill.port
        received = b""
        with socket.create_connection(("127.0.0.1", port), _ANSWER_SECONDS_MAX) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65_536):
                    received += part
            except TimeoutError:
                raise WrongStatus(f"no answer to {sent[:600]!r}") from None
            except OSError:
                pass  # it was reset while we were still sending
        self.answers.take(sent, received)

    def resident_bytes(self) -> dict[str, int]:
        """By program, of all of its processes."""
        return {
            name: sum(process.memory_info().rss for process in self._processes(word))
            for name, word in PROGRAMS.items()
        }

    def _processes(self, word: str) -> list[psutil.Process]:
        return self.waybill.children(word)

    def unstored(self) -> set[str]:
        """Receipts that were answered and have no row, once the inbox is empty."""
        self.waybill.wait_until_drained()
        time.sleep(0.5)
        with psycopg.connect(self._postgres.url) as connection:
            rows = {str(receipt) for (receipt,) in connection.execute(_ROWS.encode())}
        return self.answers.receipts - rows
