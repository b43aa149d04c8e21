"""The stores that are broken: PostgreSQL on a disk that can be full, Redis whose power can fail."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.system import servers
from tests.system.servers import START_SECONDS_MAX, accepts, until

DISK_MIB = 1_200
_STOP_SECONDS_MAX = 30.0
_SHIM = Path(__file__).with_name("fsync_shim.c")


class Postgres(servers.Postgres):
    """`disk` is mounted for it alone where we are root; `settings` are added to the command."""

    def make(self) -> None:
        self.has_own_disk = os.geteuid() == 0 and self._mounted()
        super().make()

    def argv(self) -> list[str]:
        settings = ("track_commit_timestamp=on", "max_wal_size=160MB", "min_wal_size=32MB")
        return [*super().argv(), *(part for setting in settings for part in ("-c", setting))]

    def start(self) -> None:
        """Again, until it stays: what was killed may still be holding the memory that it shares."""
        begun = time.monotonic()
        while True:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.argv(), stdout=log, stderr=log, cwd=self.folder, user=self.user(),
                    start_new_session=True,
                )  # fmt: skip
            while self.process.poll() is None:
                if accepts(self.port):
                    return
                assert time.monotonic() < begun + START_SECONDS_MAX, "PostgreSQL does not start"
                time.sleep(0.05)
            assert time.monotonic() < begun + START_SECONDS_MAX, "PostgreSQL does not stay"
            time.sleep(0.2)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(_STOP_SECONDS_MAX)
        self.process = None

    def revive(self) -> None:
        """Starts it if it has ended by itself, as where its disk was full."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def pause(self, how: signal.Signals) -> None:
        """SIGSTOP or SIGCONT for all of its processes."""
        if self.process is not None:
            for process in (self._postmaster(), *self.backends()):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(how)

    def backends(self, word: str = "") -> list[psutil.Process]:
        """Its children; with a word, those whose title has it."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in self._postmaster().children():
                with suppress(psutil.NoSuchProcess):
                    if word in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def fill_disk(self) -> None:
        with (self.folder / "ballast").open("wb") as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(1 << 20))
                ballast.flush()

    def empty_disk(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def unmount(self) -> None:
        if getattr(self, "has_own_disk", False):
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def _postmaster(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def _mounted(self) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "chaos", str(self.folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Redis(servers.Redis):
    """Its fsyncs are noted where there is a compiler, so that a power cut can be simulated."""

    appendfsync = "always"

    def argv(self) -> list[str]:
        flags = super().argv()
        flags[flags.index("always")] = self.appendfsync
        return flags

    @property
    def shim(self) -> Path:
        return self.folder / "fsync_shim.so"

    @property
    def notes(self) -> Path:
        return self.folder / "fsynced"

    def make(self) -> None:
        self.notes.mkdir()
        if compiler := shutil.which("cc"):
            command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(self.shim), str(_SHIM)]
            subprocess.run([*command, "-ldl"], check=True)

    def start(self) -> None:
        self._seed_notes()
        environment = {**os.environ, "FSYNC_SHIM_FOLDER": str(self.notes)}
        if self.shim.exists():
            environment["LD_PRELOAD"] = str(self.shim)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(), stdout=log, stderr=log, cwd=self.folder, env=environment
            )
        until(lambda: accepts(self.port), START_SECONDS_MAX, "Redis answering")

    def cut_power(self) -> int:
        """Killed, and what was not fsynced is gone. How many bytes that were."""
        self.stop(signal.SIGKILL)
        lost = 0
        for path in self.folder.glob("appendonlydir/*.incr.aof"):
            size, fsynced = path.stat().st_size, self._fsynced(path)
            lost += max(0, size - fsynced)
            os.truncate(path, min(size, fsynced))
        return lost

    def _fsynced(self, path: Path) -> int:
        note = self.notes / str(path.stat().st_ino)
        return int(note.read_text()) if note.exists() else 0

    def _seed_notes(self) -> None:
        """What is there at the start is on disk."""
        for note in self.notes.iterdir():
            note.unlink()
        for path in self.folder.glob("appendonlydir/*"):
            (self.notes / str(path.stat().st_ino)).write_text(f"{path.stat().st_size:020}")
