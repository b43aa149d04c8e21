"""Generates a large app by SQL: months of events, users, clicks and decisions, always the same.

Rows are those that workers would have stored, in the order of their times, in the tables that pages
and rollups read. Each user comes from a link, from a source that a click named or from nowhere, has
a country and a currency, and comes back less and less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.database import Connection
from shared.partitions import make_days
from tests.support.large_rollups import roll_up_at_once

DAYS = 90
USERS_SHARE = 0.1  # of the events
CLICKS_A_USER = 3  # that are credited with nobody; and one for each user of a link
PARTNERS = ("Acme", "Bolt", "Comet", "Delta", "Ember", "Flare", "Grove", "Harbor")
LINKS = 24
EVENT_TYPES = ("view", "cart", "purchase", "register")

# A number from 0 to 1 that depends on nothing but these two.
_CHANCE = """
CREATE FUNCTION pg_temp.chance(subject bigint, salt integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(subject, salt) & 1048575)::double precision / 1048576
"""
_RECEIPT = """
CREATE FUNCTION pg_temp.receipt(at timestamptz, subject bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
        || lpad(to_hex(subject), 15, '0'))::uuid
"""
_PARTNERS = "INSERT INTO partners (name) SELECT unnest(%(partners)s::text[])"
_LINKS = """
INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)
SELECT %(app)s, (SELECT id FROM partners WHERE name = (%(partners)s::text[])[1 + n %% 8]),
       'Link ' || n, 'large', n::text, 'https://shop.example/'
FROM generate_series(1, %(links)s) AS n
"""
_TYPES = """
INSERT INTO event_types (app_id, name, mapping_id, event_token, claimed)
SELECT %(app)s, name, name, name, true FROM unnest(%(names)s::text[]) AS name
"""
# Who they are: where from (0 organic, then links, then sources), and since when.
_PEOPLE = """
CREATE UNLOGGED TABLE made_users AS
SELECT
    n AS id,
    date_trunc('milliseconds', %(start)s + pg_temp.chance(n, 1) * (%(end)s - %(start)s)) AS at,
    CASE
        WHEN pg_temp.chance(n, 2) < 0.4 THEN 0
        WHEN pg_temp.chance(n, 2) < 0.93
            THEN 1 + floor(%(links)s * pg_temp.chance(n, 3) ^ 2)::integer
        ELSE 1001 + floor(3 * pg_temp.chance(n, 3))::integer
    END AS origin,
    (string_to_array('US DE GB FR IN BR JP IT ES CA MX TR PL NL ID AU KR SE CH AT BE AR PT DK NO FI'
                     ' CZ GR IE NZ', ' '))
        [1 + floor(30 * pg_temp.chance(n, 4) ^ 2)::integer] AS country,
    (ARRAY['EUR', 'EUR', 'EUR', 'USD', 'USD', 'GBP'])
        [1 + floor(6 * pg_temp.chance(n, 5))::integer] AS currency,
    1 + floor(27 * pg_temp.chance(n, 6) ^ 2)::integer AS events,
    '93.' || n %% 250 || '.' || n / 250 %% 250 || '.' || n / 62500 %% 250 AS address
FROM generate_series(1, %(users)s::bigint) AS n
"""
_HAPPENED = """
CREATE UNLOGGED TABLE made_events AS
SELECT
    made_users.*, k, id * 64 + k AS n, kind, type,
    CASE WHEN kind <> 'event' THEN '__' || kind
         ELSE coalesce((%(types)s::bigint[])[type]::text, '__unmapped') END AS event,
    CASE WHEN type = 3 THEN round((1 + 99 * pg_temp.chance(id * 64 + k, 12))::numeric, 2)
         WHEN kind = 'ad_revenue' THEN round((pg_temp.chance(id * 64 + k, 12) / 100)::numeric, 6)
         END AS amount,
    CASE WHEN type = 3 OR kind = 'ad_revenue' THEN currency END AS paid_in,
    CASE WHEN origin BETWEEN 1 AND 1000 THEN %(first_link)s + origin - 1 ELSE 0 END AS link_id,
    CASE WHEN origin > 1000 THEN 'newsletter ' || origin - 1000 ELSE '' END AS source,
    CASE WHEN origin > 0 THEN (ARRAY['spring', 'summer', 'autumn', 'winter', 'always on'])
        [1 + id %% 5] ELSE '' END AS campaign,
    date_trunc('milliseconds', at
        + CASE WHEN k = 0 THEN 0 ELSE pg_temp.chance(id * 64 + k, 8) ^ 3 END * (%(end)s - at)
    ) AS event_time
FROM made_users
CROSS JOIN LATERAL generate_series(0, events - 1) AS k
CROSS JOIN LATERAL (
    SELECT CASE WHEN k = 0 THEN 0 ELSE pg_temp.chance(id * 64 + k, 7) END AS what OFFSET 0
) AS drawn
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN what < 0.35 THEN 'open' WHEN what > 0.9 THEN 'ad_revenue' ELSE 'event' END
            AS kind,
        CASE WHEN what < 0.35 OR what > 0.9 THEN NULL WHEN what < 0.65 THEN 1 WHEN what < 0.77
             THEN 2 WHEN what < 0.85 THEN 3 WHEN what < 0.88 THEN 4 END AS type
    OFFSET 0
) AS chosen
ORDER BY event_time
"""
_USERS = """
INSERT INTO users (
    id, app_id, environment, user_id, first_time, device_ids, click_ids
) OVERRIDING SYSTEM VALUE
SELECT id, %(app)s, 'production', 'u' || id, at, ARRAY['device-' || id],
       CASE WHEN origin = 0 THEN '{}'::text[] ELSE ARRAY['click-' || id] END
FROM made_users ORDER BY at
"""
_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT %(app)s, 'production', 'device', 'device-' || id, id FROM made_users
UNION ALL
SELECT %(app)s, 'production', 'click', 'click-' || id, id FROM made_users WHERE origin <> 0
"""
_SIGHTINGS = """
INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
SELECT %(app)s, 'production', address, at, id FROM made_users ORDER BY at
"""
_ATTRIBUTIONS = """
INSERT INTO attributions (
    user_ref, event_time, receipt, rule, click_id, origin_kind, origin, beaten, considered,
    is_reattribution, rules_version, decided_at
)
SELECT id, at, pg_temp.receipt(at, id * 64),
       CASE WHEN origin = 0 THEN 'organic' ELSE 'click_id' END,
       CASE WHEN origin <> 0 THEN 'click-' || id END,
       CASE WHEN origin > 1000 THEN 'source' WHEN origin > 0 THEN 'link' END,
       CASE WHEN origin > 1000 THEN 'newsletter ' || origin - 1000
            WHEN origin > 0 THEN (%(first_link)s + origin - 1)::text END,
       '[]', least(origin, 1), false, 1, at
FROM made_users ORDER BY at
"""
_CLICKS = """
INSERT INTO clicks (
    click_id, app_id, environment, kind, receipt, event_time, received_at, link_id, origin_kind,
    origin, ip_address, address, user_agent, device_family, device_os, device_version,
    device_is_bot, device_ids, parameters
)
SELECT
    name, %(app)s, 'production', kind, pg_temp.receipt(at, receipt_number), at, at,
    CASE WHEN origin < 1000 THEN %(first_link)s + origin - 1 END,
    CASE WHEN origin < 1000 THEN 'link' ELSE 'source' END,
    CASE WHEN origin < 1000 THEN (%(first_link)s + origin - 1)::text
         ELSE 'newsletter ' || origin - 1000 END,
    address::inet, address, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)', 'iPhone',
    'iOS', '17.4', false, '{}', jsonb_build_object(
        'campaign', (ARRAY['spring', 'summer', 'autumn', 'winter', 'always on'])[1 + n %% 5],
        'pub_sub_id', 'site-' || n %% 40
    )
FROM (
    SELECT id AS n, 'click-' || id AS name, 'click' AS kind, id * 64 + 63 AS receipt_number, origin,
           address, at - pg_temp.chance(id, 9) ^ 4 * interval '3 days' AS at
    FROM made_users WHERE origin <> 0
    UNION ALL
    SELECT n, 'stray-' || n, CASE WHEN n %% 4 = 0 THEN 'impression' ELSE 'click' END,
           1000000000000000 + n,
           1 + floor(%(links)s * pg_temp.chance(n, 10) ^ 2)::integer,
           '93.' || n %% 241 || '.' || n / 7 %% 250 || '.' || n / 1753 %% 250,
           %(start)s + pg_temp.chance(n, 11) * (%(end)s - %(start)s)
    FROM generate_series(1, %(strays)s::bigint) AS n
) AS clicked
ORDER BY at
"""
_EVENTS = """
INSERT INTO events (
    receipt, app_id, token_id, environment, kind, endpoint, user_id, event_id, event_type_id,
    unmapped, event_time, received_at, idempotency_key, ip_address, user_agent, sale_amount,
    sale_amount_currency, device_ids, parameters, country, ad_network
)
SELECT
    pg_temp.receipt(event_time, n), %(app)s, 1, 'production', kind, '/postback', 'u' || id,
    CASE kind WHEN 'open' THEN '__open' WHEN 'ad_revenue' THEN '__ad_revenue'
              ELSE coalesce((%(names)s::text[])[type], 'share') END,
    CASE WHEN kind = 'event' THEN (%(types)s::bigint[])[type] END,
    kind = 'event' AND type IS NULL, event_time, event_time, 'key-' || n, address::inet,
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)',
    amount, paid_in,
    jsonb_build_object('idfa', 'device-' || id), jsonb_build_object('order', n), country,
    CASE WHEN kind = 'ad_revenue' THEN 'network' END
FROM made_events WHERE event_time >= %(from)s AND event_time < %(until)s
"""
_SIGNALS = """
INSERT INTO signals (
    user_ref, event_time, receipt, kind, address, device_family, device_os, device_version,
    device_is_bot, device_ids, click_ids
)
SELECT id, event_time, pg_temp.receipt(event_time, n), kind, address, 'iPhone', 'iOS', '17.4',
       false, ARRAY['device-' || id],
       CASE WHEN origin = 0 OR k <> 0 THEN '{}'::text[] ELSE ARRAY['click-' || id] END
FROM made_events WHERE event_time >= %(from)s AND event_time < %(until)s
"""
_SESSIONS = """
INSERT INTO sessions (user_ref, start_time, start_receipt, last_activity, opens, events)
SELECT id, event_time, pg_temp.receipt(event_time, n), event_time, 1, 0
FROM made_events WHERE kind = 'open' AND event_time >= %(from)s AND event_time < %(until)s
"""
_ACTIVITY = """
INSERT INTO activity (app_id, environment, day, user_ref)
SELECT DISTINCT %(app)s, 'production', %(from)s::date, id
FROM made_events WHERE kind = 'open' AND event_time >= %(from)s AND event_time < %(until)s
"""
_COSTS = """
INSERT INTO costs (app_id, day, partner_id, source, campaign, currency, amount)
SELECT %(app)s, day::date, partners.id, '', campaign, 'USD', 100 + partners.id
FROM generate_series(%(start)s, %(end)s, interval '1 day') AS day, partners,
     unnest(ARRAY['spring', 'summer', 'autumn']) AS campaign
"""
_PRICES = """
INSERT INTO link_prices (link_id, per, event, since, amount, currency)
SELECT id, 'click', '', %(start)s::date, 0.02, 'EUR' FROM links WHERE app_id = %(app)s
"""
_AUDIT = """
INSERT INTO audit_log (actor, app_id, action, subject, after)
SELECT 'web:ada', %(app)s, 'token.create', 'backend ' || n, '{}' FROM generate_series(1, 2000) AS n
"""
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype = 'p'
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = %s::regclass
"""
_NEXT_USER = "SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users))"


@dataclass(frozen=True)
class LargeApp:
    """The app to fill with about so many events, of some days that end at `end`."""

    app_id: int
    events: int
    end: datetime
    days: int = DAYS

    @property
    def start(self) -> datetime:
        midnight = self.end.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=self.days)


def _without_indexes(connection: Connection) -> list[str]:
    """Drops the indexes of the largest tables; returns the statements that make them again."""
    made = []
    for table in ("events", "signals", "clicks"):
        rows = connection.execute(_CONSTRAINTS, (table,)).fetchall()
        for name, definition in rows:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
            made.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for name, definition in connection.execute(_INDEXES, (table,)).fetchall():
            connection.execute(f"DROP INDEX {name}".encode())
            made.append(definition.replace(" ON ONLY ", " ON "))
    return made


def fill(connection: Connection, large: LargeApp) -> Iterator[str]:
    """Writes the rows of an app, which has none yet; yields what is done."""
    days = [large.start + timedelta(days=n) for n in range(-4, large.days + 1)]
    make_days(connection, [day.date() for day in days])
    for statement in (_CHANCE, _RECEIPT):
        connection.execute(statement)
    arguments = {**_named(connection, large), "start": large.start, "end": large.end}
    for statement in (_PEOPLE, _HAPPENED):
        connection.execute(statement, arguments)
    connection.execute("CREATE INDEX ON made_events USING brin (event_time)")
    yield "made up"
    indexes = _without_indexes(connection)
    whole = (_USERS, _IDENTITIES, _SIGHTINGS, _ATTRIBUTIONS, _CLICKS, _COSTS, _PRICES, _AUDIT)
    for statement in whole:
        connection.execute(statement, arguments)
    yield "users and clicks"
    for day in days[4:]:
        span = {"from": day, "until": day + timedelta(days=1)}
        for statement in (_EVENTS, _SIGNALS, _SESSIONS, _ACTIVITY):
            connection.execute(statement, {**arguments, **span})
    yield "events"
    for statement in (*indexes, _NEXT_USER, "VACUUM (ANALYZE)"):
        connection.execute(statement.encode())
    roll_up_at_once(connection, large.app_id)
    connection.execute("DROP TABLE made_events, made_users")
    yield "rollups"


def _named(connection: Connection, large: LargeApp) -> dict[str, object]:
    """Creates partners, links and event types; returns them with the numbers of rows."""
    arguments: dict[str, object] = {
        "app": large.app_id,
        "partners": list(PARTNERS),
        "links": LINKS,
        "users": int(large.events * USERS_SHARE),
        "strays": int(large.events * USERS_SHARE) * CLICKS_A_USER,
        "names": list(EVENT_TYPES),
    }
    connection.execute(_PARTNERS, arguments)
    connection.execute(_LINKS, arguments)
    connection.execute(_TYPES, arguments)
    first_link = "SELECT min(id) FROM links WHERE app_id = %s"
    types = "SELECT id FROM event_types WHERE app_id = %s ORDER BY id"
    (arguments["first_link"],) = connection.execute(first_link, (large.app_id,)).fetchall()[0]
    arguments["types"] = [number for (number,) in connection.execute(types, (large.app_id,))]
    return arguments
