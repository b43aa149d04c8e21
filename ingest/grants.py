"""Who may send, and through which links: the snapshot, as this process holds it.

Lives on Redis alone. A request is checked against what is in memory; the flush then tells whether
that is still what holds (`InboxWriter.append`), so a revoked token cannot slip in between.
"""

import hmac
from collections.abc import Collection
from typing import cast

from shared.errors import NotReady, Unauthorized, UnknownLink
from shared.queues import AsyncRedis
from shared.snapshot import SNAPSHOT_KEY, Grant, Link, LinkKey, Snapshot, decode_snapshot
from shared.tokens import TOKEN_BYTES_MAX, key_check, token_digest

Key = bytes | LinkKey  # what let a request in: a token, by its digest, or a link


class Grants:
    """Looks tokens and links up. `version` is that of the snapshot, None before the first."""

    def __init__(self, secret_key: bytes) -> None:
        self._secret_key = secret_key
        self._key_check = key_check(secret_key)
        self._snapshot: Snapshot | None = None

    @property
    def version(self) -> int | None:
        return None if self._snapshot is None else self._snapshot.version

    @property
    def holds_other_key(self) -> bool:
        """Whether the snapshot was made under another installation key: no token can be known."""
        held = self._snapshot
        return held is not None and not hmac.compare_digest(held.key_check, self._key_check)

    async def refresh(self, redis: AsyncRedis) -> None:
        """Take what is published now; without a published snapshot, keep none."""
        data = cast("bytes | None", await redis.get(SNAPSHOT_KEY))
        self.take(None if data is None else decode_snapshot(data))

    def take(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def find(self, tokens: Collection[bytes]) -> tuple[bytes, Grant]:
        """The digest and grant of the one token sent; `tokens` are those found, each once.

        Raises Unauthorized when there is none, none that is active, or more than one; NotReady when
        this process cannot tell.
        """
        if self._snapshot is None or self.holds_other_key:
            raise NotReady
        if len(tokens) != 1:
            raise Unauthorized
        (token,) = tokens
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthorized
        digest = token_digest(self._secret_key, token)
        return digest, self._granted(digest)

    def find_link(self, key: LinkKey) -> Link:
        """Raises UnknownLink; NotReady when this process cannot tell."""
        if self._snapshot is None or self.holds_other_key:
            raise NotReady
        link = self._snapshot.links.get(key)
        if link is None:
            raise UnknownLink
        return link

    def confirm(self, key: Key) -> None:
        """Raises Unauthorized, UnknownLink, NotReady if it would not let a request in now."""
        if isinstance(key, LinkKey):
            self.find_link(key)
        else:
            self._granted(key)

    def _granted(self, digest: bytes) -> Grant:
        if self._snapshot is None:
            raise NotReady
        # Looked up by its keyed digest: time tells nothing about the token.
        grant = self._snapshot.grants.get(digest)
        if grant is None:
            raise Unauthorized
        return grant
