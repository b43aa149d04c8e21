"""Removes from the inbox exactly what is stored."""

from collections.abc import Iterable

from shared.inbox import GROUP, Entry
from shared.limits.app_shares import COUNT_APPS
from shared.redis import Redis

# Acknowledges and deletes entries that are stored. Each is subtracted from the backlog and from the
# count of its apps once, however often it is acknowledged.
_ACK = (
    COUNT_APPS
    + """
local events, alone = 0, {}
for i = 2, #ARGV, 3 do
  local count, apps = ARGV[i + 1], ARGV[i + 2]
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    events = events + count
    if string.find(apps, ':', 1, true) then
      count_apps(KEYS[3], apps, count, -1)
    elseif apps ~= '' then
      alone[apps] = (alone[apps] or 0) + count
    end
  end
end
for app, count in pairs(alone) do
  count_app(KEYS[3], app, -count)
end
if events > 0 then
  redis.call('DECRBY', KEYS[2], events)
end
return events
"""
)


def acknowledge(redis: Redis, entries: Iterable[Entry]) -> int:
    """Acknowledges entries, and removes them; returns how many events that took away."""
    arguments: list[str | int] = [GROUP]
    for entry in entries:
        arguments += (entry.id, entry.count, entry.apps)
    keys = (redis.names.inbox, redis.names.backlog, redis.names.inbox_apps)
    return int(redis.register_script(_ACK)(keys=keys, args=arguments))
