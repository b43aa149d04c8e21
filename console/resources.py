"""An installation: stores that belong together, and the key that its tokens are stored under."""

from dataclasses import dataclass, field

from shared.database import Connection
from shared.redis import Redis


@dataclass(frozen=True)
class Resources:
    """One PostgreSQL, one Redis and one key: all that an operation can need."""

    connection: Connection
    redis: Redis
    secret_key: bytes = field(repr=False)
