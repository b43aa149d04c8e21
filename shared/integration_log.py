"""Stores and reads the integration check: the last requests of each token of an app, or of none.

Ingest stores them in Redis beside its writes; people read them to see whether their backend is
ready for authentication to be required. There is one capped list per token: an entry describes the
request and its result, and contains nothing of the user or of the token itself.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast

import msgspec

from shared.events import Environment
from shared.redis import AsyncPipeline, Pipeline, Redis
from shared.scopes import Scope
from shared.tokens import TokenFault

CHECK_ENTRIES_MAX = 50
CHECK_SECONDS = 7 * 86_400


class IntegrationLogEntry(msgspec.Struct, frozen=True, array_like=True):
    """A logged request. A field is only ever added at the end, with a default.

    `dialect` is swaarm or adjust. `code` and `field` describe its refusal, None if it was accepted.
    `token_id` is NO_TOKEN if it carried no token of the app. `fault` is the reason why required
    authentication refuses it or would refuse it; `enforced` tells whether it was refused for that.
    `scope` is the scope that it requires. `missing` lists parameters that are highly encouraged and
    were not sent.
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
    """Queues the commands that add entries, oldest first, and drop the oldest beyond the limit."""
    if not entries:
        return
    key = _key(app_id, token_id)
    pipeline.lpush(key, *map(msgspec.msgpack.encode, entries[-CHECK_ENTRIES_MAX:]))
    pipeline.ltrim(key, 0, CHECK_ENTRIES_MAX - 1)
    pipeline.expire(key, CHECK_SECONDS)


def recent_checks(
    redis: Redis, app_id: int, token_ids: Iterable[int], count: int
) -> dict[int, list[IntegrationLogEntry]]:
    """Returns the last `count` entries of each token, newest first.

    Entries of another version that cannot be read are left out.
    """
    tokens = list(token_ids)
    with redis.pipeline(transaction=False) as pipeline:
        for token_id in tokens:
            pipeline.lrange(_key(app_id, token_id), 0, count - 1)
        lists = cast("list[list[bytes]]", pipeline.execute())
    entries: dict[int, list[IntegrationLogEntry]] = {token_id: [] for token_id in tokens}
    for token_id, texts in zip(tokens, lists, strict=True):
        for text in texts:
            with suppress(msgspec.MsgspecError):
                entry = msgspec.msgpack.decode(text, type=IntegrationLogEntry)
                entries[token_id].append(entry)
    return entries


def _key(app_id: int, token_id: int) -> str:
    return f"waybill:check:{app_id}:{token_id}"
