"""Reads how many events of an app wait in the inbox, for the apps that limit it."""

import asyncio
from collections.abc import Mapping

from ingest.credential_store import CredentialStore
from shared.redis import AsyncRedis, RedisError

_PERIOD_SECONDS = 0.2


class QueueWatch:
    """The queues of apps as last read; without Redis they stay. Other apps' are never read."""

    def __init__(self, redis: AsyncRedis, credential_store: CredentialStore) -> None:
        self._redis = redis
        self._credential_store = credential_store
        self.events: Mapping[int, int] = {}

    async def run(self) -> None:
        """Reads until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(_PERIOD_SECONDS)

    async def read(self) -> None:
        snapshot = self._credential_store.snapshot
        apps = () if snapshot is None else snapshot.apps.values()
        limited = [app.app_id for app in apps if app.limits.queued_events_max]
        if not limited:
            self.events = {}
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key in (self._redis.names.inbox_apps, self._redis.names.parked):
                    pipeline.hmget(key, [str(app_id) for app_id in limited])
                in_inbox, parked = await pipeline.execute()
        except (RedisError, OSError):
            return
        counts = zip(in_inbox, parked, strict=True)
        self.events = dict(
            zip(limited, (int(one or 0) + int(other or 0) for one, other in counts), strict=True)
        )
