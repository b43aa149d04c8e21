"""The integration check: the last requests of each token of an app, and of none.

Ingest keeps them in Redis beside its writes; people read them to see whether their backend is ready
for enforcement. A capped list a token: an entry says what was asked and what became of it, and
nothing of the user or the token itself.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from shared.events import Environment
from shared.redis import AsyncPipeline, Pipeline, Redis
from shared.scopes import Scope
from shared.tokens import TokenFault

CHECK_ENTRIES_MAX = 50
CHECK_SECONDS = 7 * 86_400


class IntegrationLogEntry(msgspec.Struct, frozen=True, array_like=True):
    """One request. A field is only ever added at the end, with a default.

    `dialect` is swaarm or adjust. `code` and `field` are of its refusal, None when it was accepted.
    `token_id` is NO_TOKEN where no token of the app came. `fault` is why enforcement refuses it,
    or would; `enforced` tells which: whether it was refused for that. `scope` is the one that it
    takes. `missing`: parameters that are highly encouraged and were not sent.
    """

    at_ms: int
    dialect: str
    endpoint: str
    method: str
    status: int
    code: str | None
    field: str | None
    token_id: int
    fault: TokenFault | None
    enforced: bool
    scope: Scope
    event_id: str
    receipt: str | None
    missing: tuple[str, ...]
    environment: Environment | None


def check_commands(
    pipeline: AsyncPipeline | Pipeline,
    app_id: int,
    token_id: int,
    entries: Sequence[IntegrationLogEntry],
) -> None:
    """Queue what adds the entries, oldest first, and drops the oldest beyond the limit."""
    if not entries:
        return
    key = _key(app_id, token_id)
    pipeline.lpush(key, *map(msgspec.msgpack.encode, entries[-CHECK_ENTRIES_MAX:]))
    pipeline.ltrim(key, 0, CHECK_ENTRIES_MAX - 1)
    pipeline.expire(key, CHECK_SECONDS)


def recent_checks(
    redis: Redis, app_id: int, token_ids: Iterable[int], count: int
) -> dict[int, list[IntegrationLogEntry]]:
    """The last `count` of each token, newest first. What another version wrote may be left out."""
    wanted = list(token_ids)
    with redis.pipeline(transaction=False) as pipeline:
        for token_id in wanted:
            pipeline.lrange(_key(app_id, token_id), 0, count - 1)
        found = cast("list[list[bytes]]", pipeline.execute())
    return {
        token_id: [entry for text in texts if (entry := _entry_or_none(text))]
        for token_id, texts in zip(wanted, found, strict=True)
    }


def _entry_or_none(text: bytes) -> IntegrationLogEntry | None:
    try:
        return msgspec.msgpack.decode(text, type=IntegrationLogEntry)
    except msgspec.MsgspecError:
        return None


def _key(app_id: int, token_id: int) -> str:
    return f"waybill:check:{app_id}:{token_id}"
