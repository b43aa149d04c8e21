"""Stores and reads the integration check: the last requests of each token of an app, or of none.

Ingest stores them in Redis beside its writes; people read them to see whether their backend is
ready for authentication to be required. There is one capped list per token: an entry describes the
request and its result, and contains nothing of the user or of the token itself.

Beside it, values that were not used are counted: macros that nobody filled in, what is not
UTF-8. A value is only written down where it is a placeholder, which belongs to nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import cast

import msgspec

from shared.device_ids import is_junk, is_junk_of
from shared.events import Environment
from shared.names.invisible import trimmed
from shared.placeholders import is_no_id, is_zero
from shared.redaction import redact
from shared.redis import AsyncPipeline, Pipeline, Redis
from shared.scopes import Scope
from shared.shards.shard_names import ShardNames
from shared.tokens import TokenFault

CHECK_ENTRIES_MAX = 50
CHECK_SECONDS = 7 * 86_400
_SHOWN_CHARACTERS_MAX = 64  # of a name or a placeholder
UNREAD_MAX = 200  # different ones of an app, for anybody can put anything on a link

# Counts values, ARGV[4] and so on: each with its count, its first and its last time. One that was
# silent since ARGV[2] begins again. Where there are ARGV[1] already, silent ones make room for it,
# or else it is left out. The key lives for ARGV[3] seconds.
_COUNT_UNREAD = """
local function silent(said)
  return tonumber(string.match(said, '(%d+)$')) < tonumber(ARGV[2])
end
local function has_room()
  if redis.call('HLEN', KEYS[1]) < tonumber(ARGV[1]) then
    return true
  end
  local all, removed = redis.call('HGETALL', KEYS[1]), false
  for i = 1, #all, 2 do
    if silent(all[i + 1]) then
      redis.call('HDEL', KEYS[1], all[i])
      removed = true
    end
  end
  return removed
end
for i = 4, #ARGV, 4 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  local count, first = 0, ARGV[i + 2]
  if known and not silent(known) then
    count, first = string.match(known, '^(%d+) (%d+)')
  end
  if known or has_room() then
    local said = string.format('%d', count + ARGV[i + 1]) .. ' ' .. first .. ' ' .. ARGV[i + 3]
    redis.call('HSET', KEYS[1], ARGV[i], said)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


class UnreadReason(StrEnum):
    """The reason why something that was sent is not used; the words are those of the check."""

    MACRO = "macro not filled"
    FORM = "not in the form of its kind"
    NOT_UTF8 = "not UTF-8"
    NUL = "a NUL character"
    SEVERAL = "several values"
    UNREADABLE = "cannot be read"
    NAME = "no readable name"
    TOO_MANY = "too many parameters"
    BODY = "a body that cannot be read"
    TOKEN = "a token that is none of the app's"  # noqa: S105 - a reason, no secret


def device_id_fault(kind: str, value: str) -> UnreadReason | None:
    """Returns what is wrong with a device ID; nothing is with zeros, for it was withheld."""
    if not is_junk_of(kind, value):
        return None
    if is_no_id(value):
        return None if is_zero(trimmed(value)) else UnreadReason.MACRO
    return None if is_junk(value) else UnreadReason.FORM


class UnreadValue(msgspec.Struct, frozen=True):
    """A parameter that is not used, and why; `value` is empty unless it is a placeholder."""

    reason: UnreadReason
    name: str
    value: str = ""


class UnreadSource(msgspec.Struct, frozen=True, array_like=True):
    """An unread value with the endpoint, the link (0: none) and the token that it came by."""

    endpoint: str
    link_id: int
    token_id: int
    reason: UnreadReason
    name: str
    value: str


def unread_source(endpoint: str, link_id: int, token_id: int, unread: UnreadValue) -> UnreadSource:
    """Returns what is counted of a value, masked: the name may be the sender's own."""
    name, value = (redact(text)[:_SHOWN_CHARACTERS_MAX] for text in (unread.name, unread.value))
    return UnreadSource(endpoint, link_id, token_id, unread.reason, name, value)


class UnreadCount(msgspec.Struct, frozen=True):
    """The number of times that a value came, Unix milliseconds of the first and of the last."""

    count: int
    first_ms: int
    last_ms: int

    def __or__(self, other: "UnreadCount") -> "UnreadCount":
        return UnreadCount(
            self.count + other.count,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
        )


class IntegrationLogEntry(msgspec.Struct, frozen=True, array_like=True):
    """A logged request. A field is only ever added at the end, with a default.

    `dialect` is the name of one, or batch. `code` and `field` describe its refusal, None if it was
    accepted. `token_id` is NO_TOKEN if it carried no token of the app. `fault` is the reason why
    required authentication refuses it or would refuse it; `enforced` tells whether it was refused
    for that. `scope` is the scope that it requires. `missing` lists parameters that are highly
    encouraged and were not sent.
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
    names: ShardNames,
    app_id: int,
    token_id: int,
    entries: Sequence[IntegrationLogEntry],
) -> None:
    """Queues the commands that add entries, oldest first, and drop the oldest beyond the limit."""
    if not entries:
        return
    key = names.check(app_id, token_id)
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
            pipeline.lrange(redis.names.check(app_id, token_id), 0, count - 1)
        lists = cast("list[list[bytes]]", pipeline.execute())
    entries: dict[int, list[IntegrationLogEntry]] = {token_id: [] for token_id in tokens}
    for token_id, texts in zip(tokens, lists, strict=True):
        for text in texts:
            with suppress(msgspec.MsgspecError):
                entry = msgspec.msgpack.decode(text, type=IntegrationLogEntry)
                entries[token_id].append(entry)
    return entries


def unread_commands(
    pipeline: AsyncPipeline | Pipeline,
    names: ShardNames,
    app_id: int,
    counts: Mapping[UnreadSource, UnreadCount],
) -> None:
    """Queues the command that adds to the counts of an app."""
    if not counts:
        return
    arguments: list[bytes | int] = []
    for source, count in counts.items():
        arguments += [msgspec.json.encode(source), count.count, count.first_ms, count.last_ms]
    silent_ms = max(count.last_ms for count in counts.values()) - CHECK_SECONDS * 1000
    limits = (UNREAD_MAX, silent_ms, CHECK_SECONDS)
    pipeline.eval(_COUNT_UNREAD, 1, names.unread(app_id), *limits, *arguments)


def unread_counts(redis: Redis, app_id: int, since_ms: int) -> dict[UnreadSource, UnreadCount]:
    """Reads what came since then, with how often it came since it was first seen."""
    kept = cast("dict[bytes, bytes]", redis.hgetall(redis.names.unread(app_id)))
    counts = {}
    for text, said in kept.items():
        with suppress(msgspec.MsgspecError):
            source = msgspec.json.decode(text, type=UnreadSource)
            counts[source] = UnreadCount(*map(int, said.split()))
    return {source: count for source, count in counts.items() if count.last_ms >= since_ms}
