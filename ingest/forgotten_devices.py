"""Refuses what comes from forgotten devices, and passes on what devices ask about their data.

Only where a dialect has an answer for it: elsewhere the workers leave it out. While nobody was
forgotten, no request waits for it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from ingest.credential_store import CredentialStore
from ingest.dialects.dialect import ParsedRequest
from ingest.dialects.sdk_replies import json_reply
from shared.errors import DeviceForgotten, InboxUnreachable, NotReady
from shared.events import Event
from shared.privacy.identities import ANSWERED_KINDS, PersonId, id_digest, ids_of_event
from shared.privacy.requests import (
    ADD,
    PrivacyAction,
    PrivacyRequest,
    add_arguments,
    add_keys,
)
from shared.privacy.tombstone_key import unwrap_key
from shared.redis import AsyncRedis, RedisError

_FORGOTTEN = "The owner of this device had its data erased. Stop sending what comes from it."

# By this any of Adjust's SDKs turns itself off.
OPTED_OUT = json_reply({"message": "Device is opted out", "tracking_state": "opted_out"})


def may_be_refused(parsed: ParsedRequest) -> bool:
    """Tells whether a forgotten device is told so: its choices are accepted, and change nothing."""
    return parsed.privacy is None or parsed.privacy.action is PrivacyAction.FORGET


class ForgottenDevices:
    """The digests of forgotten ids in Redis. `enqueue` wakes a worker for a request."""

    def __init__(
        self,
        redis: AsyncRedis,
        store: CredentialStore,
        secret_key: bytes,
        enqueue: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._script = redis.register_script(ADD)
        self._store = store
        self._secret_key = secret_key
        self._enqueue = enqueue
        self._unwrapped = (b"", b"")
        self._has_forgotten = False  # by this process, before the snapshot says so

    @property
    def has_any(self) -> bool:
        """Tells whether anybody was forgotten, so that it has to be asked who."""
        snapshot = self._store.snapshot
        return self._has_forgotten or (snapshot is not None and snapshot.has_forgotten)

    async def require_known(self, event: Event) -> None:
        """Raises DeviceForgotten; InboxUnreachable, NotReady."""
        if self.has_any:
            await self.require_known_ids(event.app_id, ids_of_event(event))

    async def require_known_ids(self, app_id: int, ids: Iterable[PersonId]) -> None:
        """Raises DeviceForgotten; InboxUnreachable, NotReady."""
        if not self.has_any:
            return
        key = self._key()
        digests = [
            id_digest(key, app_id, identity) for identity in ids if identity.kind in ANSWERED_KINDS
        ]
        try:
            found = await cast(
                "Awaitable[list[int]]", self._redis.smismember(self._redis.names.forgotten, digests)
            )
        except (RedisError, OSError) as error:
            raise InboxUnreachable from error
        if any(found):
            raise DeviceForgotten(_FORGOTTEN)

    async def add(self, request: PrivacyRequest) -> None:
        """Passes a request to the workers; returns once it is on disk.

        Raises InboxUnreachable, NotReady.
        """
        digests: list[bytes] = []
        if request.action is PrivacyAction.FORGET:
            key = self._key()
            digests = [id_digest(key, request.app_id, identity) for identity in request.ids]
            self._has_forgotten = True
        try:
            keys = add_keys(self._redis.names)
            await self._script(keys=keys, args=add_arguments(request, digests))
        except (RedisError, OSError) as error:
            raise InboxUnreachable from error
        self._enqueue()

    def _key(self) -> bytes:
        """Returns the key of tombstones. Raises NotReady while the snapshot has none."""
        snapshot = self._store.snapshot
        if snapshot is None or not snapshot.tombstone_key:
            raise NotReady
        wrapped, key = self._unwrapped
        if wrapped != snapshot.tombstone_key:
            key = unwrap_key(self._secret_key, snapshot.tombstone_key)
            self._unwrapped = (snapshot.tombstone_key, key)
        return key
