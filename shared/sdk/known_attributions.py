"""Keeps the attributions of users who are asked for by SDKs, in Redis: bounded, and expiring.

A device asks soon after it sent something, and ingest never opens PostgreSQL. So workers publish
the attribution of whoever an SDK's event concerned, into a hash for each day, for two days. A full
hash loses an entry at random for each that is added. It is a cache: a device whose entry is missing
is told to ask again, and sends its next session soon enough.
"""

from collections.abc import Mapping
from hashlib import blake2b
from urllib.parse import parse_qsl, urlsplit

import msgspec

from shared.events import Environment
from shared.redis import Redis
from shared.shards.shard_names import ShardNames

NO_APP = 0
DAY_MS = 86_400_000
ENTRIES_MAX = 100_000  # of a day: about 30 MB
_TTL_MS = 2 * DAY_MS

# KEYS: the day's hash. ARGV: how long it is kept, then names and entries.
_PUBLISH = f"""
for i = 2, #ARGV, 2 do
  if redis.call('HLEN', KEYS[1]) >= {ENTRIES_MAX}
      and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
    redis.call('HDEL', KEYS[1], redis.call('HRANDFIELD', KEYS[1]))
  end
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""


class KnownAttribution(msgspec.Struct, frozen=True, array_like=True):
    """The attribution in force of a user.

    Without a `network` the user is organic. `deep_link` is where the credited click wanted to lead
    in the app; `decided_at_ms` is when the user's attribution was decided for. `app_id` is NO_APP
    in what an earlier version has published.
    """

    decided_at_ms: int
    network: str = ""
    campaign: str = ""
    adgroup: str = ""
    creative: str = ""
    click_label: str = ""
    click_id: str = ""
    offer_id: str = ""
    pub_id: str = ""
    sub_id: str = ""
    site: str = ""
    deep_link: str = ""
    is_reattribution: bool = False
    app_id: int = NO_APP

    def words(self) -> set[str]:
        """Returns its texts in lower case, those of a deep link and of its query one by one."""
        texts = [value for value in msgspec.structs.astuple(self) if isinstance(value, str)]
        parts = urlsplit(self.deep_link)
        texts += [value for _, value in parse_qsl(parts.query)] + parts.path.split("/")
        return {text.lower() for text in texts if text}


def day_keys(names: ShardNames, now_ms: int) -> tuple[str, str]:
    """Returns the keys of today's hash, and of yesterday's."""
    day = now_ms // DAY_MS
    return names.attributions(day), names.attributions(day - 1)


def user_name(app_id: int, environment: Environment | str, adid: str) -> bytes:
    """Returns the name of the entry of a user, whom the adid stands for."""
    return _digest(f"user:{app_id}:{environment}:{adid}")


def place_name(app_id: int, environment: Environment | str, address: str, user_agent: str) -> bytes:
    """Returns the name of the entry of the last install at an address, by its user agent."""
    return _digest(f"place:{app_id}:{environment}:{address}:{user_agent}")


def publish(redis: Redis, entries: Mapping[bytes, KnownAttribution], now_ms: int) -> None:
    """Publishes attributions by name."""
    if entries:
        arguments: list[int | bytes] = [_TTL_MS]
        for name, known in entries.items():
            arguments += [name, msgspec.msgpack.encode(known)]
        redis.register_script(_PUBLISH)(keys=[day_keys(redis.names, now_ms)[0]], args=arguments)


def decode(entry: bytes) -> KnownAttribution:
    """Decodes an entry. Raises msgspec.MsgspecError if the bytes are not one."""
    return msgspec.msgpack.decode(entry, type=KnownAttribution)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=12).digest()
