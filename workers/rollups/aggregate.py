"""Counts one hour or one day of an app from the facts and the decisions as they stand.

An event belongs to the attribution in force at its moment, so each is counted where its user came
from. What is counted replaces what stood there: counting twice is counting once. All of it is done
in the caller's transaction; the statements are constant, whatever the period holds.
"""

from datetime import timedelta

from shared.database import Connection, run
from shared.ids import receipt_floor
from workers.rollups.stale_periods import Grain, StalePeriod

_AHEAD = timedelta(days=1)  # how far before its event time an event may be received
_LENGTHS = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}

# Which events there are, and where their users came from at that moment. Look-ups are fenced
# (OFFSET 0): they go by their indexes, one probe a user.
_BELONGS = """
happened AS MATERIALIZED (
    SELECT
        receipt, event_time, user_id COLLATE "C" AS user_id, kind, counted, sale_amount,
        coalesce(sale_amount_currency, '') AS currency, aggregated_event_value,
        coalesce(country, '') AS country,
        CASE
            WHEN kind = 'open' THEN '__open'
            WHEN kind = 'ad_revenue' THEN '__ad_revenue'
            WHEN event_type_id IS NOT NULL THEN event_type_id::text
            WHEN unmapped THEN '__unmapped'
            ELSE event_id
        END AS event
    FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= %(start)s AND event_time < %(end)s
      AND receipt >= %(first_receipt)s  -- reads no partition before it
), credited AS MATERIALIZED (
    SELECT
        active.user_id, users.id AS user_ref, decided.event_time AS since_time,
        decided.receipt AS since_receipt, until_time, until_receipt, is_reattribution,
        CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source,
        coalesce(left(named.campaign, 200), '') AS campaign
    FROM (SELECT DISTINCT user_id FROM happened) AS active
    CROSS JOIN LATERAL (
        SELECT id FROM users
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND users.user_id = active.user_id
        OFFSET 0
    ) AS users
    CROSS JOIN LATERAL (
        SELECT
            event_time, receipt, origin_kind, origin, click_id, is_reattribution,
            lead(event_time) OVER in_order AS until_time,
            lead(receipt) OVER in_order AS until_receipt
        FROM attributions
        WHERE user_ref = users.id AND superseded_at IS NULL
        WINDOW in_order AS (ORDER BY event_time, receipt)
        OFFSET 0
    ) AS decided
    LEFT JOIN LATERAL (
        SELECT coalesce(
            nullif(btrim(parameters->>'campaign'), ''), btrim(parameters->>'campaign_id')
        ) AS campaign
        FROM clicks
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND clicks.click_id = decided.click_id
        OFFSET 0
    ) AS named ON true
), belongs AS MATERIALIZED (
    SELECT happened.*, credited.*, happened.receipt = since_receipt AS decides
    FROM (SELECT user_id AS who, receipt, event_time, kind, counted, event, currency, sale_amount,
                 aggregated_event_value, country FROM happened) AS happened
    JOIN credited ON credited.user_id = who
    WHERE (event_time, receipt) >= (since_time, since_receipt)
      AND (until_time IS NULL OR (event_time, receipt) < (until_time, until_receipt))
)
"""

_FORGET = """
DELETE FROM {table}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
"""

_FORGET_COMEBACKS = """
DELETE FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s AND since IN ('first', 'last')
  AND day = %(start)s::date
"""

# Users cannot be added up: each split that a report may ask for is counted. Users once an event
# and origin first, for all of the splits are made of that.
_REACH = """
seen AS MATERIALIZED (
    SELECT DISTINCT belongs.user_ref, event, link_id, source, campaign, country,
           CASE WHEN link_id = 0 THEN 0 ELSE coalesce(partner_id, -1) END AS partner_id
    FROM belongs LEFT JOIN links ON links.id = link_id
    WHERE counted
), split AS (
    SELECT DISTINCT 'none' AS split, user_ref, event,
           0 AS partner_id, 0::bigint AS link_id, '' AS source, '' AS campaign,
           '' AS country
    FROM seen
    UNION ALL
    SELECT DISTINCT 'none', user_ref, '', 0, 0, '', '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'partner', user_ref, event, partner_id, 0, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'partner', user_ref, '', partner_id, 0, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'link', user_ref, event, partner_id, link_id, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'link', user_ref, '', partner_id, link_id, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'campaign', user_ref, event, partner_id, 0, source, campaign, '' FROM seen
    UNION ALL
    SELECT DISTINCT 'campaign', user_ref, '', partner_id, 0, source, campaign, '' FROM seen
    UNION ALL
    SELECT DISTINCT 'country', user_ref, event, 0, 0, '', '', country FROM seen
    UNION ALL
    SELECT DISTINCT 'country', user_ref, '', 0, 0, '', '', country FROM seen
)
INSERT INTO reach (
    app_id, environment, grain, start, split, event, partner_id, link_id, source, campaign, country,
    users
)
SELECT
    %(app_id)s, %(environment)s, %(grain)s, %(start)s, split, event, partner_id, link_id, source,
    campaign, country, count(*)
FROM split
GROUP BY split, event, partner_id, link_id, source, campaign, country
"""

_COUNT_HOUR = f"""
WITH {_BELONGS}, marked AS (
    SELECT belongs.*, started.start_time IS NOT NULL AS starts
    FROM belongs
    LEFT JOIN LATERAL (
        SELECT start_time FROM sessions
        WHERE belongs.kind = 'open' AND sessions.user_ref = belongs.user_ref
          AND start_time = belongs.event_time AND start_receipt = belongs.receipt
        OFFSET 0
    ) AS started ON true
), counted AS (
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions
)
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, event, link_id, source, campaign, country,
    currency, count(*), coalesce(sum(sale_amount), 0), coalesce(sum(aggregated_event_value), 0),
    0, 0, 0
FROM marked
WHERE counted
GROUP BY event, link_id, source, campaign, country, currency
UNION ALL
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, '', link_id, source, campaign, country, '',
    0, 0, 0,
    count(*) FILTER (WHERE decides AND NOT is_reattribution),
    count(*) FILTER (WHERE decides AND is_reattribution),
    count(*) FILTER (WHERE starts)
FROM marked
WHERE decides OR starts
GROUP BY link_id, source, campaign, country
), {_REACH}
"""

_ADD_UP_DAY = """
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions
)
SELECT
    app_id, environment, 'day', %(start)s, event, link_id, source, campaign, country, currency,
    sum(events), sum(amount), sum(value), sum(installs), sum(reattributions), sum(sessions)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start >= %(start)s AND start < %(end)s
GROUP BY app_id, environment, event, link_id, source, campaign, country, currency
"""

_COUNT_REACH = f"WITH {_BELONGS}, {_REACH}"

# Who was active, when before, and since when they are known and by whom they came.
_COUNT_COMEBACKS = """
WITH present AS MATERIALIZED (
    SELECT
        activity.day - before.day AS away,
        activity.day - (users.first_time AT TIME ZONE 'UTC')::date AS known,
        CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
    FROM activity
    CROSS JOIN LATERAL (
        SELECT first_time FROM users WHERE id = activity.user_ref OFFSET 0
    ) AS users
    CROSS JOIN LATERAL (
        SELECT origin_kind, origin FROM attributions
        WHERE attributions.user_ref = activity.user_ref AND superseded_at IS NULL
        ORDER BY event_time, receipt LIMIT 1
    ) AS first
    LEFT JOIN LATERAL (
        SELECT day FROM activity AS earlier
        WHERE earlier.user_ref = activity.user_ref AND earlier.day < activity.day
        ORDER BY day DESC LIMIT 1
    ) AS before ON true
    WHERE activity.app_id = %(app_id)s AND activity.environment = %(environment)s
      AND activity.day = %(start)s::date
)
INSERT INTO comebacks (app_id, environment, day, since, days, link_id, source, users)
SELECT %(app_id)s, %(environment)s, %(start)s::date, 'last', away, 0, '', count(*)
FROM present GROUP BY away
UNION ALL
SELECT %(app_id)s, %(environment)s, %(start)s::date, 'first', known, link_id, source, count(*)
FROM present GROUP BY known, link_id, source
"""


def roll_up_hour(connection: Connection, hour: StalePeriod) -> None:
    """The hour's figures and reach, and the sums of its day."""
    bounds, day = _bounds(hour), _bounds(day_of(hour))
    run(connection, _FORGET.format(table="figures"), bounds)
    run(connection, _FORGET.format(table="reach"), bounds)
    run(connection, _COUNT_HOUR, bounds)
    run(connection, _FORGET.format(table="figures"), day)
    run(connection, _ADD_UP_DAY, day)


def roll_up_day(connection: Connection, day: StalePeriod) -> None:
    """The day's reach and comebacks; its sums come with its hours."""
    bounds = _bounds(day)
    run(connection, _FORGET.format(table="reach"), bounds)
    run(connection, _COUNT_REACH, bounds)
    run(connection, _FORGET_COMEBACKS, bounds)
    run(connection, _COUNT_COMEBACKS, bounds)


def day_of(hour: StalePeriod) -> StalePeriod:
    return hour._replace(grain=Grain.DAY, start=hour.start.replace(hour=0))


def _bounds(period: StalePeriod) -> dict[str, object]:
    return {
        "app_id": period.app_id,
        "environment": period.environment,
        "grain": period.grain,
        "start": period.start,
        "end": period.start + _LENGTHS[period.grain],
        "first_receipt": receipt_floor(int((period.start - _AHEAD).timestamp()) * 1000),
    }
