"""Publishes the addresses of a running stack to other commands, in `addresses.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.folder import BadFolder, DataFolder, write_private
from deploy.lock import is_held


@dataclass(frozen=True)
class Addresses:
    """The addresses of a running stack."""

    database_url: str
    redis_url: str
    listen: str | None  # HOST:PORT of ingest, None where it does not run
    pid: int  # the launcher's
    console_url: str | None = None  # None where it does not run


def write_addresses(folder: DataFolder, addresses: Addresses) -> None:
    write_private(folder.addresses, json.dumps(asdict(addresses), indent=2) + "\n")


def remove_addresses(folder: DataFolder) -> None:
    folder.addresses.unlink(missing_ok=True)


def find_addresses(data: Path) -> Addresses | None:
    """Returns the addresses of the stack in a data folder, or None unless one runs and is ready.

    Raises BadFolder when the folder belongs to another user.
    """
    folder = DataFolder.at(data)
    try:
        # A launcher that was killed leaves this file behind, but never its lock.
        if not is_held(folder.lock):
            return None
        return Addresses(**json.loads(folder.addresses.read_text()))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise BadFolder(
            f"{folder.path} belongs to another user. Run this command as that user."
        ) from error
