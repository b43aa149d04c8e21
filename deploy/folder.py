"""The data folder, which holds all files of a stack, private to the user who runs it.

    lock, locks/     running processes (see lock) postgres/, valkey/   the data of the stores
    addresses.json   addresses of the stores      run/                 their sockets
    secret           the installation's key       logs/                the children's output
    links            destinations, by which ingest redirects while Redis is away
    secret.previous  the key before, while it is being rotated
    erasures.log     who was erased, by digests alone: what a restore of an older backup needs
    access/          URLs of the stores for each program, with its own user and password. A missing
                     file is made again

Nothing outside of it is ever changed, except for sockets whose path would be too long (see
sockets).
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
    """The data folder cannot be used; the message says what would help."""


@dataclass(frozen=True)
class DataFolder:
    """The paths in a data folder."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Self:
        return cls(path.expanduser().resolve())

    def open(self) -> None:
        """Creates the folder if it does not exist. Raises BadFolder when it may not be used."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            entries = {entry.name for entry in self.path.iterdir()}
            if entries and self.lock.name not in entries:
                raise BadFolder(
                    f"{self.path} holds other files. Choose a new or an empty folder with --data."
                )
            self.lock.touch(mode=0o600)
            if self.lock.stat().st_uid != os.geteuid():
                raise BadFolder(
                    f"{self.path} was created by another user. "
                    "Run Waybill as that user, or choose another folder with --data."
                )
            for name in ("locks", "logs", "run"):
                self.subfolder(name)
        except OSError as error:
            raise BadFolder(
                f"The data folder {self.path} cannot be used: {error.strerror}. "
                "Choose another with --data."
            ) from error

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def addresses(self) -> Path:
        return self.path / "addresses.json"

    @property
    def links(self) -> Path:
        return self.path / "links"

    @property
    def erasure_log(self) -> Path:
        return self.path / "erasures.log"

    @property
    def access(self) -> Path:
        return self.path / "access"

    def log_of(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def lock_of(self, name: str) -> Path:
        return self.path / "locks" / f"{name}.lock"

    def locks(self) -> list[Path]:
        """Returns a lock for every child that ever ran here."""
        return sorted((self.path / "locks").iterdir())

    def subfolder(self, name: str) -> Path:
        """Creates a private folder in this one unless it exists."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def make_private(self) -> None:
        """Revokes what `allow_traversal` allows."""
        self.path.chmod(0o700)
        (self.path / "run").chmod(0o700)

    def allow_traversal(self) -> None:
        """Lets a server that runs as another user reach its own folders, but list nothing."""
        self.path.chmod(0o711)
        (self.path / "run").chmod(0o711)

    @property
    def secret(self) -> Path:
        return self.path / "secret"

    def adopt_secret(self, key: str) -> None:
        """Gives a new folder the key of another installation. Raises BadFolder if it has one."""
        if self.secret.exists() and self.secret.read_text().strip() != key:
            raise BadFolder(f"{self.path} has another key. Choose a new folder with --data.")
        write_private(self.secret, key)

    @property
    def previous_secret(self) -> Path:
        return self.path / "secret.previous"

    def previous_key(self) -> str:
        """Returns the key before the present one while it is being rotated, else ""."""
        return self.previous_secret.read_text().strip() if self.previous_secret.exists() else ""

    def prepare_rotation(self) -> None:
        """Makes a new key and keeps the present one as the previous. Raises BadFolder."""
        if not self.secret.exists():
            raise BadFolder(f"{self.path} has no key. Name the data folder with --data.")
        present = self.secret_key()
        if self.previous_key() not in {"", present}:
            raise BadFolder(
                "A rotation is under way. Finish it with `waybill key rotate --finish` first."
            )
        write_private(self.previous_secret, present)
        write_private(self.secret, secrets.token_hex(SECRET_BYTES))

    def require_restarted(self) -> None:
        """Raises BadFolder if the running stack is older than the key of this folder."""
        if (
            self.previous_secret.exists()
            and self.addresses.exists()
            and self.addresses.stat().st_mtime < self.secret.stat().st_mtime
        ):
            raise BadFolder("`waybill up` does not know the new key yet. Restart it first.")

    def forget_previous_key(self) -> None:
        """Deletes the previous key, once nothing is stored under it."""
        self.previous_secret.unlink(missing_ok=True)

    def secret_key(self) -> str:
        """Returns the installation's key, 64 hexadecimal digits, and creates it the first time.

        Raises BadFolder when the key is damaged.
        """
        secret = self.secret
        if not secret.exists():
            new_secret = self.path / f"secret.{os.getpid()}"
            write_private(new_secret, secrets.token_hex(SECRET_BYTES))
            with suppress(FileExistsError):  # another command was faster: its key is used
                secret.hardlink_to(new_secret)
            new_secret.unlink()
        key = secret.read_text().strip()
        if len(key) < 2 * SECRET_BYTES:
            raise BadFolder(f"{secret} is damaged. Restore it: without it no token is recognized.")
        return key


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically, readable by its owner alone; it is on disk on return."""
    new_path = path.with_name(f"{path.name}.new")
    descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new_path.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Writes a folder's entries to disk: without this a power cut may undo a rename."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
