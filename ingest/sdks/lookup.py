"""Looks up what workers have published about users, in Redis alone."""

import msgspec

from shared.clock import Clock
from shared.errors import InboxUnreachable
from shared.events import Environment
from shared.redis import AsyncRedis, RedisError
from shared.sdk.known_attributions import (
    KnownAttribution,
    day_keys,
    decode,
    place_name,
    user_name,
)

DEEP_LINK_MS_MAX = 15 * 60_000  # after the install: then it is somebody else behind the address


class AttributionLookup:
    """The published attributions of users."""

    def __init__(self, redis: AsyncRedis, now: Clock) -> None:
        self._redis = redis
        self._now = now

    async def of_user(
        self, app_id: int, environment: Environment, adid: str
    ) -> KnownAttribution | None:
        """Returns the attribution of the user behind this adid. Raises InboxUnreachable."""
        return await self._find(user_name(app_id, environment, adid))

    async def deep_link_at(
        self, app_id: int, environment: Environment, address: str, user_agent: str
    ) -> str:
        """Returns where the click of the last install at this place wanted to lead, "" if nowhere.

        Raises InboxUnreachable.
        """
        known = await self._find(place_name(app_id, environment, address, user_agent))
        is_recent = known is not None and self._now() - known.decided_at_ms <= DEEP_LINK_MS_MAX
        return known.deep_link if known is not None and is_recent else ""

    async def _find(self, name: bytes) -> KnownAttribution | None:
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key in day_keys(self._redis.names, self._now()):
                    pipeline.hget(key, name)
                entries = await pipeline.execute()
        except (RedisError, OSError) as error:
            raise InboxUnreachable from error
        entry = next(filter(None, entries), None)
        try:
            return None if entry is None else decode(entry)
        except msgspec.MsgspecError:
            return None  # of a later version
