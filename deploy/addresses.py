"""How other commands find the stores of a running stack: `addresses.json` in its data folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.folder import BadFolder, DataFolder, write_private
from deploy.lock import is_held


@dataclass(frozen=True)
class Addresses:
    database_url: str
    redis_url: str
    listen: str | None  # HOST:PORT of ingest, None where it does not run
    pid: int  # the launcher's
    console_url: str | None = None  # None where it does not run


def publish(folder: DataFolder, found: Addresses) -> None:
    write_private(folder.addresses, json.dumps(asdict(found), indent=2) + "\n")


def withdraw(folder: DataFolder) -> None:
    folder.addresses.unlink(missing_ok=True)


def addresses(data: Path) -> Addresses | None:
    """None unless a launcher runs there and is ready. Raises BadFolder where it is not ours."""
    folder = DataFolder.at(data)
    try:
        # A killed launcher leaves its file behind, but never its lock.
        if not is_held(folder.lock):
            return None
        return Addresses(**json.loads(folder.addresses.read_text()))
    except FileNotFoundError:
        return None
    except PermissionError as fault:
        raise BadFolder(f"{folder.path} belongs to another user. Run this as that user.") from fault
