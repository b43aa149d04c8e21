"""Shares the inbox between apps.

What an app has queued beyond its share is parked, in a stream of its own. Its batches go to the
inbox until it holds the app's share of events, and then to the app's parked stream. Drains release
parked batches app by app, about as many as they store in a second, so that a batch of another app
waits behind a second's work rather than behind a backlog. What is parked is moved by scripts only,
each batch whole: it is in one of the two streams at any moment.

Two hashes count the events of each app in the inbox (`inbox_apps`) and those that are parked
(`parked`). Workers of earlier versions acknowledge without counting, so an empty inbox begins the
first count anew. The key `parked_turn` exists while the inbox may hold what was released.
"""

from collections.abc import Mapping

from shared.redis import Redis

# Before the first drain has said how much it can store. Only an installation that begins with this
# version has it: one of earlier workers could not release what is parked.
SHARE_EVENTS = 2_000
_SHARE_EVENTS_MIN = 100
_UNREAD_ENTRIES_FEW = 16  # in the inbox: a drain would soon have nothing to do

# `count_apps` adds the events of a batch to a count by app, or takes them off: `apps` is an app's
# ID, or `ID:events,ID:events` where a batch has several.
COUNT_APPS = """
local function count_app(key, app, events)
  local left = redis.call('HINCRBY', key, app, events)
  if left <= 0 then
    redis.call('HDEL', key, app)
  end
  return left
end
local function count_apps(key, apps, events, sign)
  if apps == '' then
    return
  elseif not string.find(apps, ':', 1, true) then
    count_app(key, apps, sign * events)
  else
    for app, own in string.gmatch(apps, '(%d+):(%d+)') do
      count_app(key, app, sign * own)
    end
  end
end
"""

# `add_batch` adds a batch to the inbox or parks it, and notes in `over` which of its apps have no
# room in the inbox. `alone` is the app that may be parked for it, in `stream`; '' for none. `held`
# and `parked` are the two counts by app.
ADD_BATCH = (
    COUNT_APPS
    + """
local function add_batch(
    over, inbox, held, parked, share, stream, alone, apps, wire, events, payload)
  local anything_parked = redis.call('EXISTS', parked) == 1
  local function has_no_room(app, own)
    return share > 0 and (own >= share
      or anything_parked and redis.call('HEXISTS', parked, app) == 1)
  end
  if alone ~= '' and has_no_room(alone, tonumber(redis.call('HGET', held, alone) or 0)) then
    over[#over + 1] = alone
    count_apps(parked, apps, events, 1)
    return redis.call('XADD', stream, '*', 'v', wire, 'n', events, 'e', payload, 'a', apps)
  end
  if apps == '' then
    return redis.call('XADD', inbox, '*', 'v', wire, 'n', events, 'e', payload)
  end
  local function add(app, own)
    if has_no_room(app, redis.call('HINCRBY', held, app, own)) then
      over[#over + 1] = app
    end
  end
  if string.find(apps, ':', 1, true) then
    for app, own in string.gmatch(apps, '(%d+):(%d+)') do add(app, own) end
  else
    add(apps, events)
  end
  return redis.call('XADD', inbox, '*', 'v', wire, 'n', events, 'e', payload, 'a', apps)
end
"""
)

# Releases up to ARGV[2] events, the apps in turn. Where the inbox has enough to read, an app is
# released a quarter of that, and none beyond its share. ARGV[3] is the share of all parked apps
# together. The apps that may be released follow, and their streams among KEYS: one that was parked
# since they were read waits. Returns how many apps are still parked.
_RELEASE = (
    COUNT_APPS
    + f"""
local inbox, counts, parked, turns = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local group, room, streams, apps = ARGV[1], tonumber(ARGV[2]), {{}}, {{}}
local held = redis.call('XLEN', inbox)
if held == 0 then
  redis.call('DEL', counts, turns)
end
for i = 4, #ARGV do
  streams[ARGV[i]] = KEYS[i + 2]
end
local all = redis.call('HKEYS', parked)
for _, app in ipairs(all) do
  apps[#apps + 1] = streams[app] and app
end
local share = math.max({_SHARE_EVENTS_MIN}, math.floor(ARGV[3] / (1 + #all)))
redis.call('SET', KEYS[4], share)
if #apps == 0 then
  return #all
end
local pending = redis.pcall('XPENDING', inbox, group)
local unread = held - (pending.err and 0 or pending[1])
local is_idle = unread <= {_UNREAD_ENTRIES_FEW}
local quota = math.max(1, math.floor(room / #apps / (is_idle and 1 or 4)))
local turn = redis.call('INCR', turns)
table.sort(apps)

local function release(app)
  local stream, taken = streams[app], 0
  while taken < quota do
    local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', 16)
    if #entries == 0 then
      redis.call('DEL', stream)
      return taken
    end
    for _, entry in ipairs(entries) do
      if taken >= quota then break end
      local id, fields, events, own = entry[1], entry[2], 0, ''
      for i = 1, #fields, 2 do
        if fields[i] == 'n' then events = tonumber(fields[i + 1]) end
        if fields[i] == 'a' then own = fields[i + 1] end
      end
      fields[#fields + 1] = 't'
      fields[#fields + 1] = string.match(id, '^%d+')
      redis.call('XADD', inbox, '*', unpack(fields))
      redis.call('XDEL', stream, id)
      count_apps(parked, own, events, -1)
      count_apps(counts, own, events, 1)
      taken = taken + math.max(1, events)
    end
  end
  return taken
end

local released = 0
for i = 1, #apps do
  local app = apps[(turn + i) % #apps + 1]
  if is_idle or tonumber(redis.call('HGET', counts, app) or 0) < share then
    released = released + release(app)
  end
  if released >= room then break end
end
if released == 0 and is_idle and #apps == #all then
  redis.call('DEL', parked)
end
return redis.call('HLEN', parked)
"""
)


def release_parked(redis: Redis, group: str, events_max: int, share_events: int) -> int:
    """Releases events of apps that have parked some; returns how many apps are still parked.

    `group` reads the inbox; `share_events` is what it takes of such an app before it is parked.
    """
    names, apps = redis.names, _parked_apps(redis)
    streams = (names.parked_stream(app_id) for app_id in apps)
    counts = (names.inbox, names.inbox_apps, names.parked, names.inbox_share, names.parked_turn)
    return int(
        redis.register_script(_RELEASE)(
            keys=[*counts, *streams], args=[group, events_max, share_events, *apps]
        )
    )


def parked_streams(redis: Redis) -> list[str]:
    """Returns the streams of the apps that have events parked."""
    return [redis.names.parked_stream(app_id) for app_id in _parked_apps(redis)]


def _parked_apps(redis: Redis) -> list[int]:
    return [int(app_id) for app_id in redis.hkeys(redis.names.parked)]


def app_counts_text(events_by_app: Mapping[int, int]) -> str:
    """Writes the events of each app of a batch as an entry holds them."""
    if len(events_by_app) == 1:
        return str(next(iter(events_by_app)))
    return ",".join(f"{app_id}:{events}" for app_id, events in events_by_app.items())


def queued_events(redis: Redis) -> dict[int, int]:
    """Returns how many events of each app wait, parked ones included."""
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(redis.names.inbox_apps)
        pipeline.hgetall(redis.names.parked)
        counts = pipeline.execute()
    queued: dict[int, int] = {}
    for count in counts:
        for app_id, events in count.items():
            queued[int(app_id)] = queued.get(int(app_id), 0) + int(events)
    return queued
