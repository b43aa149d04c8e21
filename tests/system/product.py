"""Runs the product as its users do: by the `waybill` command and an address. Imports nothing of
it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import psutil

from tests.system.servers import free_port, until

WAYBILL = str(Path(sys.executable).parent / "waybill")
START_SECONDS_MAX = 40
RECORD_SECONDS_MAX = 60
DRAIN_SECONDS_MAX = 60
# What a test promises about answers holds on a slow disk too, for which senders would be asked to
# send again: only tests of stores that fail keep to the deadline of the product.
_PATIENT = {"WAYBILL_FLUSH_WAIT_MS_MAX": "30000"}


def first_document(process: subprocess.Popen[str]) -> Any:
    """Reads the document that a command prints with --json before it carries on."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    return json.loads(text)


class Waybill:
    """A running `waybill up`, with its data in `data`; `variables` are added to its environment."""

    def __init__(
        self,
        data: Path,
        variables: dict[str, str] | None = None,
        workers: int = 2,
        *,
        metrics: bool = False,
        console: bool = False,
        patient: bool = True,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "WAYBILL_SECRET_KEY", "WAYBILL_DATA"}
        } | ((_PATIENT if patient else {}) | (variables or {}))
        self._output = data.parent / f"{data.name}.out"
        arguments = ["--data", str(data), "up", "--listen", f"127.0.0.1:{self.port}"]
        self.metrics_port = free_port()
        self.console_url = f"http://127.0.0.1:{free_port()}"
        address = self.console_url.removeprefix("http://")
        arguments += ["--console", address if console else "none"]
        arguments += ["--metrics", f"127.0.0.1:{self.metrics_port}" if metrics else "none"]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [WAYBILL, *arguments, "--workers", str(workers)],
                stdout=output,
                stderr=output,
                env=self.environment,
            )

    def wait_until_ready(self) -> float:
        def ready() -> bool:
            assert self.process.poll() is None, self.output()
            return self.url in self.output() and "curl" in self.output()

        return until(ready, START_SECONDS_MAX, "waybill up being ready")

    def invitation_url(self) -> str:
        """Returns the one-time link of the first admin, as `waybill up` prints it."""
        until(lambda: "/welcome/" in self.output(), START_SECONDS_MAX, "the link of the console")
        (link,) = re.findall(r"http://\S+/welcome/\w+", self.output())
        return str(link)

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def logs(self) -> str:
        """Returns everything that any of its programs has logged."""
        files = [path for path in self.data.rglob("*.log") if path.is_file()]
        return self.output() + "".join(path.read_text(errors="replace") for path in files)

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a `waybill` command beside the running product."""
        return subprocess.run(
            [WAYBILL, "--data", str(self.data), *arguments],
            input=given, capture_output=True, text=True, env=self.environment, timeout=60,
        )  # fmt: skip

    def json(self, *arguments: str, given: str = "") -> Any:
        done = self.run(*arguments, "--json", given=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def backlog_events(self) -> int:
        return int(self.json("status")["backlog_events"])

    def wait_until_drained(self, seconds_max: float = DRAIN_SECONDS_MAX) -> float:
        return until(lambda: self.backlog_events() == 0, seconds_max, "the inbox emptying")

    def final_trace(self, receipt: str) -> dict[str, Any]:
        """Waits until an accepted event has left the inbox, and returns its trace."""
        trace: dict[str, Any] = {}

        def left() -> bool:
            trace.update(self.json("trace", receipt))
            return bool(trace["state"] != "queued")

        until(left, RECORD_SECONDS_MAX, "the event being recorded")
        return trace

    def recorded_event(self, receipt: str) -> dict[str, Any]:
        """Waits until an accepted event is recorded, and returns it."""
        trace = self.final_trace(receipt)
        assert trace["state"] == "recorded", trace
        event = trace["event"]
        assert isinstance(event, dict)
        return event

    def children(self, word: str) -> list[psutil.Process]:
        """Returns its processes whose command line contains this word."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in family if word in " ".join(_command(child))]

    def __enter__(self) -> Self:
        """Returns it once it is ready; it is stopped at the end, or where it never is."""
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
