"""Waits for changes that other processes make."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

WAIT_SECONDS_MAX = 30.0
PROC = Path("/proc/self").exists()  # a slim Linux has no ps, macOS no /proc


def until(condition: Callable[[], object], seconds_max: float = WAIT_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Tells whether a process runs; a zombie does not."""
    state = _read_proc(pid, "stat").rpartition(b")")[2] if PROC else _read_ps(pid, "stat=")
    return state.strip()[:1] not in {b"", b"Z"}


def command_line(pid: int) -> bytes:
    return _read_proc(pid, "cmdline") if PROC else _read_ps(pid, "args=")


def _read_proc(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _read_ps(pid: int, column: str) -> bytes:
    result = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, check=False)
    return result.stdout


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
