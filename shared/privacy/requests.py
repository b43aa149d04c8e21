"""Passes what devices and backends ask for, about their data, from ingest to the workers.

A Redis stream, as the inbox is: ingest has no way to the tables. The script that adds an erasure
also adds the digests of its ids to the set of forgotten ones, so that the very next request is
refused. An entry is deleted once PostgreSQL has it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from shared.privacy.identities import PersonId
from shared.redis import Redis, stream_entries

REQUESTS_KEY = "waybill:privacy"
FORGOTTEN_KEY = "waybill:forgotten"  # a set: digests of the ids that answers depend on
# The stream is named in the text alone: ingest may add to it and not read it, and Redis asks for
# both rights on each of a script's KEYS.
ADD_KEYS = (FORGOTTEN_KEY,)
ADD = f"""
redis.call('XADD', '{REQUESTS_KEY}', '*', 'r', ARGV[1])
for i = 2, #ARGV do
  redis.call('SADD', KEYS[1], ARGV[i])
end
return 1
"""
_READ_MAX = 100


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


def add_arguments(request: PrivacyRequest, digests: Sequence[bytes]) -> list[bytes]:
    """Returns the ARGV of ADD."""
    return [msgspec.json.encode(request), *digests]


def waiting_requests(redis: Redis) -> list[tuple[str, PrivacyRequest]]:
    """Returns the oldest requests, each with the id of its entry."""
    entries = stream_entries(redis.xrange(REQUESTS_KEY, count=_READ_MAX))
    return [
        (entry_id.decode(), msgspec.json.decode(fields[b"r"], type=PrivacyRequest))
        for entry_id, fields in entries
    ]


def has_waiting_requests(redis: Redis) -> bool:
    """Tells whether a request waits for a worker."""
    return bool(redis.xlen(REQUESTS_KEY))


def delete_request(redis: Redis, entry_id: Any) -> None:
    """Deletes a request that PostgreSQL has."""
    redis.xdel(REQUESTS_KEY, entry_id)
