-- What wrk sends: KIND TOKEN FIRST BASE USERS. New people are counted up from FIRST; those who come
-- back are USERS people, from BASE on.
--   new        an event of a person who was never seen
--   returning  an event of one who comes back, in turn
--   clicks     a click on a partner's link
--   event      an event of Adjust's dialect, of a person who was never seen
--   session    a session of Adjust's dialect, of one who was never seen
--   mix        a click, then the first event of the person who clicked, in turn
--   growth     the two of mix, each after an event of one who comes back
--   batch50    the same as new, so many events in one request, each with an id
local AGENTS = {
  "Mozilla%2F5.0+%28iPhone%3B+CPU+iPhone+OS+17_4+like+Mac+OS+X%29+AppleWebKit%2F605.1.15+%28KHTML%2C+like+Gecko%29+Version%2F17.4+Mobile%2F15E148+Safari%2F604.1",
  "Mozilla%2F5.0+%28iPhone%3B+CPU+iPhone+OS+16_6+like+Mac+OS+X%29+AppleWebKit%2F605.1.15+%28KHTML%2C+like+Gecko%29+Version%2F16.6+Mobile%2F15E148+Safari%2F604.1",
  "Mozilla%2F5.0+%28Linux%3B+Android+14%3B+Pixel+8%29+AppleWebKit%2F537.36+%28KHTML%2C+like+Gecko%29+Chrome%2F124.0.0.0+Mobile+Safari%2F537.36",
  "Mozilla%2F5.0+%28Linux%3B+Android+13%3B+SM-S911B%29+AppleWebKit%2F537.36+%28KHTML%2C+like+Gecko%29+Chrome%2F122.0.0.0+Mobile+Safari%2F537.36",
  "Mozilla%2F5.0+%28Linux%3B+Android+12%3B+Redmi+Note+12%29+AppleWebKit%2F537.36+%28KHTML%2C+like+Gecko%29+Chrome%2F121.0.0.0+Mobile+Safari%2F537.36",
}
local READABLE = {}
for number, agent in ipairs(AGENTS) do
  READABLE[number] = agent:gsub("%+", " "):gsub("%%(%x%x)", function(code)
    return string.char(tonumber(code, 16))
  end)
end
local kind, token, first, base, users, count, size
local now = os.time()

-- Public addresses, as those of visitors are: by any other a drain looks up nothing.
local function where(person)
  return string.format("25.%d.%d.%d", 18 + math.floor(person / 65536) % 2,
    math.floor(person / 256) % 256, person % 256)
end

-- The same person has the same ids, and neighbours have ids far apart, as in an index of real ones.
local function scattered(person)
  return person * 40503 % 65536 * 65536 + person % 65536
end

local function device(person)
  return string.format("%08x-0000-4000-8000-%012x", scattered(person), person)
end

local function event(person, name)
  return string.format(
    "/postback?s2s_token=%s&user_id=%08X-BEAD-4000-8000-%012X&event_id=%s&sale_amount=%d.99" ..
    "&sale_amount_currency=EUR&ip_address=%s&user_agent=%s&gaid=%s&plan=premium&country=DE",
    token, scattered(person), person, name, person % 90, where(person),
    AGENTS[person % #AGENTS + 1], device(person))
end

local function adjust(person, path, own)
  return string.format(
    "%s?s2s=1&app_token=benchapptoken&s2s_token=%s&gps_adid=%s&ip_address=%s&user_agent=%s" ..
    "&created_at_unix=%d&environment=production&os_name=android&country=DE%s",
    path, token, device(person), where(person), AGENTS[person % #AGENTS + 1], now - person % 1000,
    own)
end

local function line(person, name)
  return string.format(
    '{"id":"bench-%d","type":"event","time":%d,"user_id":"%08X-BEAD-4000-8000-%012X",' ..
    '"event_id":"%s","sale_amount":"%d.99","sale_amount_currency":"EUR","ip":"%s",' ..
    '"user_agent":"%s","device_ids":{"gaid":"%s"},' ..
    '"parameters":{"plan":"premium","country":"DE"}}',
    person, now - person % 1000, scattered(person), person, name, person % 90, where(person),
    READABLE[person % #READABLE + 1], device(person))
end

local function click(person)
  return string.format(
    "/click?offer_id=1&pub_id=1&user_ip=%s&user_ua=%s&gaid=%s&campaign=spring&sub1=%d",
    where(person), AGENTS[person % #AGENTS + 1], device(person), person)
end

function init(arguments)
  kind, token = arguments[1], arguments[2]
  first, base, users = tonumber(arguments[3]), tonumber(arguments[4]), tonumber(arguments[5])
  size = tonumber(kind:match("^batch(%d+)$"))
  if arguments[6] == "close" then
    wrk.headers["Connection"] = "close"
  end
  count = 0
end

local MAKE = {
  new = function(n) return event(first + n, "purchase") end,
  returning = function(n)
    return event(base + n % users, n % 2 == 0 and "__open" or "purchase")
  end,
  event = function(n)
    local own = string.format("&event_token=purcha&revenue=%d.99&currency=EUR", (first + n) % 90 + 1)
    return adjust(first + n, "/event", own)
  end,
  session = function(n) return adjust(first + n, "/session", "") end,
  clicks = function(n) return click(first + n) end,
  mix = function(n)
    local person = first + math.floor(n / 2)
    if n % 2 == 0 then return click(person) end
    return event(person, "__open")
  end,
}

MAKE.growth = function(n)
  if n % 2 == 1 then return MAKE.mix((n - 1) / 2) end
  return event(base + n / 2 % users, "__open")
end

local function batch()
  local lines = {}
  for number = 1, size do
    lines[number] = line(first + count, "purchase")
    count = count + 1
  end
  local headers = {
    ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/x-ndjson",
  }
  return wrk.format("POST", "/batch", headers, table.concat(lines, "\n"))
end

function request()
  if size then return batch() end
  local path = MAKE[kind](count)
  count = count + 1
  return wrk.format("GET", path)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
