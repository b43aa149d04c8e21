"""The stores of an installation and the key under which its tokens are stored."""

from dataclasses import dataclass, field

from shared.database import Connection
from shared.redis import Redis


@dataclass(frozen=True)
class Resources:
    """The PostgreSQL, Redis and key of one installation: everything that an operation needs."""

    connection: Connection
    redis: Redis
    secret_key: bytes = field(repr=False)
