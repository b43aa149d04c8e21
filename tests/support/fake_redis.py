"""Fakes of Redis for unit tests, which know the names of their keys as connections do."""

from fakeredis import FakeAsyncRedis as PlainFakeAsyncRedis
from fakeredis import FakeServer
from fakeredis import FakeStrictRedis as PlainFakeStrictRedis

from shared.redis import AsyncRedis, Redis
from tests.support.redis_names import NAMES

__all__ = ["FakeAsyncRedis", "FakeServer", "FakeStrictRedis"]


class FakeStrictRedis(PlainFakeStrictRedis, Redis):
    """A Redis in this process."""

    names = NAMES


class FakeAsyncRedis(PlainFakeAsyncRedis, AsyncRedis):  # type: ignore[misc]
    """The same, for an event loop."""

    names = NAMES
