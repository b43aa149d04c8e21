"""Keeps the links in a file, from which a process that starts while Redis is away redirects.

The file holds destinations and no token. All processes of a machine write the same one.
"""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from ingest.credential_store import CredentialStore
from shared.snapshot import Snapshot, decode_snapshot, encode_snapshot

_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class LinkFile:
    """The file at `path`; with an empty path nothing is kept."""

    def __init__(self, path: str, credential_store: CredentialStore) -> None:
        self._path = Path(path) if path else None
        self._credential_store = credential_store
        self._kept_version: int | None = None

    def load(self) -> None:
        """Gives the kept links to the credential store; a file that cannot be read is none."""
        if self._path is None:
            return
        try:
            self._credential_store.keep_links(decode_snapshot(self._path.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("%s cannot be read: %s", self._path, type(error).__name__)

    async def run(self) -> None:
        """Writes the links of each new snapshot, until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def write(self) -> None:
        """Writes the links, unless those of this snapshot are written."""
        store = self._credential_store
        snapshot = store.snapshot
        if self._path is None or snapshot is None or snapshot.version == self._kept_version:
            return
        if not store.holds_other_key:
            links = Snapshot(snapshot.version, snapshot.key_check, {}, snapshot.links)
            try:
                await asyncio.to_thread(_replace, self._path, encode_snapshot(links))
            except OSError as error:
                # Once a version: a full disk is no reason for a line a second.
                _log.warning("%s cannot be written: %s", self._path, error.strerror)
        self._kept_version = snapshot.version


def _replace(path: Path, content: bytes) -> None:
    """Replaces a file atomically, readable by its owner alone."""
    new_path = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        new_path.replace(path)
    finally:
        new_path.unlink(missing_ok=True)
