"""The data folder: everything that one machine's Waybill keeps, private to the user who runs it.

    lock, locks/     who runs (see lock)          postgres/, valkey/   what the servers store
    addresses.json   where the stores listen      run/                 their sockets
    secret           the installation's key       logs/                what the children print

Nothing outside of it is ever changed, except sockets whose path would be too long (see sockets).
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.errors import OperatorError

SECRET_BYTES = 32


class BadFolder(OperatorError):
    """The data folder cannot be used; says what would help."""


@dataclass(frozen=True)
class DataFolder:
    path: Path

    @classmethod
    def at(cls, path: Path) -> Self:
        return cls(path.expanduser().resolve())

    def open(self) -> None:
        """Make it when it is new. Raises BadFolder when it is not ours to use."""
        try:
            self._adopt()
        except OSError as fault:
            raise BadFolder(
                f"The data folder {self.path} cannot be used: {fault.strerror}. "
                "Choose another with --data."
            ) from fault

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def addresses(self) -> Path:
        return self.path / "addresses.json"

    def log_of(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def lock_of(self, name: str) -> Path:
        return self.path / "locks" / f"{name}.lock"

    def locks(self) -> list[Path]:
        """One for every child that ever ran here."""
        return sorted((self.path / "locks").iterdir())

    def make(self, name: str) -> Path:
        made = self.path / name
        made.mkdir(mode=0o700, exist_ok=True)
        return made

    def close_to_others(self) -> None:
        self.path.chmod(0o700)
        (self.path / "run").chmod(0o700)

    def let_through(self) -> None:
        """Let a server that runs as another user reach its own folders, and list nothing."""
        self.path.chmod(0o711)
        (self.path / "run").chmod(0o711)

    def secret_key(self) -> str:
        """The installation's key, 64 hexadecimal digits, made once. Raises BadFolder."""
        kept = self.path / "secret"
        if not kept.exists():
            fresh = self.path / f"secret.{os.getpid()}"
            write_private(fresh, secrets.token_hex(SECRET_BYTES))
            with suppress(FileExistsError):  # another command was faster: its key is the one
                kept.hardlink_to(fresh)
            fresh.unlink()
        key = kept.read_text().strip()
        if len(key) < 2 * SECRET_BYTES:
            raise BadFolder(f"{kept} is damaged. Restore it: without it no token is known.")
        return key

    def _adopt(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {entry.name for entry in self.path.iterdir()}
        if found and self.lock.name not in found:
            raise BadFolder(
                f"{self.path} holds other files. Choose a new or an empty folder with --data."
            )
        self.lock.touch(mode=0o600)
        if self.lock.stat().st_uid != os.geteuid():
            raise BadFolder(
                f"{self.path} was made by another user. "
                "Run Waybill as that user, or choose another folder with --data."
            )
        for name in ("locks", "logs", "run"):
            self.make(name)


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone; on disk when this returns."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Without it a rename may be forgotten by a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
