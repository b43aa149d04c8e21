"""The stores of an installation and the key under which its tokens are stored."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.database import Connection
from shared.privacy.erasure_log import ErasureLog
from shared.redis import Redis
from shared.settings import Settings


@dataclass(frozen=True)
class Resources:
    """The PostgreSQL, Redis, key and log of erasures of one installation, for its operations."""

    connection: Connection
    redis: Redis
    secret_key: bytes = field(repr=False)
    erasure_log: ErasureLog | None = None


def resources_of(connection: Connection, redis: Redis, settings: Settings) -> Resources:
    """Returns the resources of an installation whose stores are open."""
    log = ErasureLog(Path(settings.erasure_log)) if settings.erasure_log else None
    return Resources(connection, redis, settings.secret_key, log)
