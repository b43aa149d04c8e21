"""Passes what devices and backends ask for, about their data, from ingest to the workers.

A Redis stream, as the inbox is: ingest has no way to the tables. The script that adds an erasure
also adds the digests of its ids to the set of forgotten ones, so that the very next request is
refused. An entry is deleted once PostgreSQL has it.
"""

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

import msgspec

from shared.privacy.identities import PersonId
from shared.redis import Redis, stream_entries
from shared.shards.shard_names import ShardNames

# KEYS: those of `add_keys`. ARGV: those of `add_arguments`.
ADD = """
redis.call('XADD', KEYS[1], '*', 'r', ARGV[1])
for i = 2, #ARGV do
  redis.call('SADD', KEYS[2], ARGV[i])
end
return 1
"""
_READ_MAX = 100
BEFORE_ALL = "0-0"  # no entry has this id


class PrivacyAction(StrEnum):
    """The request of a device or a backend about its data."""

    FORGET = "forget"
    SHARING = "sharing"
    MEASUREMENT = "measurement"


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request about the data of a device, in one app.

    `is_on` is the switch that was sent: of sharing with third parties, or of measurement; None: it
    was not sent. `partners` are the choices by partner and activity, `options` those of a partner's
    own making.
    """

    action: PrivacyAction
    app_id: int
    source: str
    ids: list[PersonId]
    at_ms: int
    is_on: bool | None = None
    partners: dict[str, dict[str, bool]] = {}
    options: dict[str, dict[str, str]] = {}


def add_keys(names: ShardNames) -> tuple[str, str]:
    """Returns the KEYS of ADD: the stream of requests, and the digests of forgotten ids."""
    return names.privacy_requests, names.forgotten


def add_arguments(request: PrivacyRequest, digests: Sequence[bytes]) -> list[bytes]:
    """Returns the ARGV of ADD."""
    return [msgspec.json.encode(request), *digests]


def waiting_requests(
    redis: Redis, after: str = BEFORE_ALL
) -> list[tuple[str, PrivacyRequest | None]]:
    """Returns the oldest requests behind an entry, each with the id of its entry.

    None is one that this version cannot read: another one may.
    """
    entries = stream_entries(
        redis.xrange(redis.names.privacy_requests, min=f"({after}", count=_READ_MAX)
    )
    return [(entry_id.decode(), _decoded(fields[b"r"])) for entry_id, fields in entries]


def _decoded(raw: bytes) -> PrivacyRequest | None:
    with suppress(msgspec.MsgspecError):
        return msgspec.json.decode(raw, type=PrivacyRequest)
    return None


def has_waiting_requests(redis: Redis) -> bool:
    """Tells whether a request waits for a worker."""
    return bool(redis.xlen(redis.names.privacy_requests))


def delete_request(redis: Redis, entry_id: Any) -> None:
    """Deletes a request that PostgreSQL has."""
    redis.xdel(redis.names.privacy_requests, entry_id)
