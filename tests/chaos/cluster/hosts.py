"""Hosts: network namespaces on one switch, which is a namespace too.

A host that is cut off stays up, but no packet reaches it or leaves it: as when a cable is pulled,
no other host is notified.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

STOP_SECONDS_MAX = 75  # senders wait for their last answers, for 60 s at most
_RESTART_SECONDS = 1.0
_NETWORK = "10.77.0"
_NOWHERE = "02:00:00:00:00:fe"  # a hardware address that no host has
_AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass
class Program:
    """A program that runs on a host, and is started again when it ends by itself."""

    name: str
    argv: list[str]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    restarts: int = 0

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, cwd=self.folder, env=dict(self.environment)
            )
        self.is_wanted = True

    def stop(self) -> None:
        self.is_wanted = False
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def keep(self) -> None:
        if self.is_wanted and self.process is not None and self.process.poll() is not None:
            self.restarts += 1
            self.start()


@dataclass
class Host:
    """A host; `folder` is its disk, `address` is known only inside the namespaces."""

    name: str
    space: str
    address: str
    port: str
    switch: str
    folder: Path
    programs: dict[str, Program] = field(default_factory=dict)

    def argv(self, *argv: str, as_nobody: bool = False) -> list[str]:
        return ["ip", "netns", "exec", self.space, *(_AS_NOBODY if as_nobody else ()), *argv]

    def run(
        self,
        *argv: str,
        environment: Mapping[str, str] | None = None,
        as_nobody: bool = False,
        seconds_max: float = 60,
    ) -> str:
        """Runs a command. Raises AssertionError with its output when it fails."""
        done = subprocess.run(
            self.argv(*argv, as_nobody=as_nobody),
            env=dict(environment or os.environ),
            cwd=self.folder, capture_output=True, text=True, timeout=seconds_max,
        )  # fmt: skip
        assert done.returncode == 0, f"{argv} on {self.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def serve(self, name: str, argv: list[str], environment: Mapping[str, str]) -> Program:
        """Starts a program now, and again whenever it ends by itself."""
        self.programs[name] = Program(name, argv, environment, self.folder)
        self.programs[name].start()
        return self.programs[name]

    def cut_off(self) -> None:
        ip("-n", self.switch, "link", "set", self.port, "nomaster")

    def join(self) -> None:
        ip("-n", self.switch, "link", "set", self.port, "master", "switch")

    def lose_sight_of(self, other: "Host") -> None:
        """Disconnects two hosts from each other, and from no others."""
        for host, peer in ((self, other), (other, self)):
            ip(
                *("-n", host.space, "neigh", "replace", peer.address),
                *("lladdr", _NOWHERE, "dev", "eth0", "nud", "permanent"),
            )

    def see_again(self, other: "Host") -> None:
        for host, peer in ((self, other), (other, self)):
            ip("-n", host.space, "neigh", "del", peer.address, "dev", "eth0")


class Network:
    """A network of hosts as a context manager: it removes its namespaces and what runs in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"wb{os.getpid()}"
        self._switch = f"{self._prefix}-switch"
        self._hosts: list[Host] = []
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        ip("netns", "add", self._switch)
        ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
        ip("-n", self._switch, "link", "set", "switch", "up")
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._keeper.join()
        for host in reversed(self._hosts):
            for program in reversed(list(host.programs.values())):
                program.stop()
        for space in [self._switch, *(host.space for host in self._hosts)]:
            with suppress(subprocess.CalledProcessError):  # what was created before it failed
                ip("netns", "del", space)

    def add(self, name: str) -> Host:
        """Adds a host, with an empty folder that PostgreSQL's user may write to."""
        number = len(self._hosts) + 11
        space, port = f"{self._prefix}-{name}", f"port{number}"
        folder = self._folder / name
        folder.mkdir()
        shutil.chown(folder, "nobody")
        host = Host(name, space, f"{_NETWORK}.{number}", port, self._switch, folder)
        self._hosts.append(host)
        ip("netns", "add", space)
        ip("-n", space, "link", "set", "lo", "up")
        # Created inside the namespaces, so that the machine itself never sees it.
        ip(
            *("-n", space, "link", "add", "eth0", "type", "veth"),
            *("peer", "name", port, "netns", self._switch),
        )
        ip("-n", space, "addr", "add", f"{host.address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", self._switch, "link", "set", port, "master", "switch")
        ip("-n", self._switch, "link", "set", port, "up")
        return host

    def programs(self) -> Iterable[tuple[Host, Program]]:
        return [(host, program) for host in self._hosts for program in host.programs.values()]

    def _keep(self) -> None:
        """Restarts what has ended, as a service manager does."""
        while not self._over.wait(_RESTART_SECONDS):
            for _, program in self.programs():
                program.keep()
