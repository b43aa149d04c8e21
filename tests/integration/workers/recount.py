"""Figures as they have to be: from raw rows, by SQL that shares nothing with the workers'.

Each event asks for the attribution in force at its moment, each day for the one before it. Days are
those of the app's time zone, as PostgreSQL knows it; workers have Python's.
"""

from typing import Any

from shared.database import Connection

_LOCAL_DAY = """
CREATE OR REPLACE FUNCTION pg_temp.local_day(app bigint, at timestamptz) RETURNS date
LANGUAGE sql STABLE RETURN CAST(
    at AT TIME ZONE coalesce((SELECT time_zone FROM apps WHERE id = app), 'UTC') AS date
)
"""
# A day by its date at midnight UTC; an hour by its start, counted from that of its day.
_BUCKET = """
CREATE OR REPLACE FUNCTION pg_temp.bucket(app bigint, grain text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE RETURN CASE grain
    WHEN 'day' THEN CAST(pg_temp.local_day(app, at) AS timestamp) AT TIME ZONE 'UTC'
    ELSE at - (extract(epoch FROM at - CAST(pg_temp.local_day(app, at) AS timestamp) AT TIME ZONE
        coalesce((SELECT time_zone FROM apps WHERE id = app), 'UTC')) % 3600)
        * interval '1 second'
END
"""

# Every event with where its user came from then.
_EVENTS = """
SELECT
    e.app_id, e.environment, e.event_time, e.user_id, e.counted, e.sale_amount,
    e.aggregated_event_value,
    COALESCE(e.sale_amount_currency, '') AS currency, (e.sdk IS NOT NULL)::integer AS by_sdk,
    (CASE
        WHEN e.kind IN ('open', 'ad_revenue') THEN '__' || e.kind
        WHEN e.event_type_id IS NOT NULL THEN CAST(e.event_type_id AS text)
        WHEN e.unmapped THEN '__unmapped' ELSE e.event_id END) AS event,
    COALESCE(e.country, '') AS country, ({credit}) AS credit
FROM events AS e JOIN users AS u
    ON u.app_id = e.app_id AND u.environment = e.environment AND u.user_id = e.user_id
"""

# As text: link, source, campaign.
_CREDIT_AT = """
    SELECT CONCAT_WS('|',
        CASE WHEN a.origin_kind = 'link' THEN a.origin ELSE '0' END,
        CASE WHEN a.origin_kind = 'source' THEN a.origin ELSE '' END,
        COALESCE((SELECT TRIM(c.parameters->>'campaign') FROM clicks AS c
                  WHERE c.click_id = a.click_id AND c.app_id = u.app_id
                    AND c.environment = u.environment), ''))
    FROM attributions AS a
    WHERE a.user_ref = u.id AND a.superseded_at IS NULL
      AND a.event_time <= {time}
    ORDER BY a.event_time DESC, a.receipt DESC LIMIT 1
"""
_EVENT_CREDIT = _CREDIT_AT.format(time="e.event_time")
_OWN_CREDIT = _CREDIT_AT.format(time="d.event_time")

# Of the event by whose receipt something is known.
_COUNTRY = "SELECT COALESCE(MAX(c.country), '') FROM events AS c WHERE c.receipt = {receipt}"

_FIGURES = f"""
SELECT app_id, environment, grain, pg_temp.bucket(app_id, grain, event_time), event, credit,
       currency, country, count(*), coalesce(sum(sale_amount), 0),
       coalesce(sum(aggregated_event_value), 0), 0, 0, 0, sum(by_sdk)
FROM ({_EVENTS.format(credit=_EVENT_CREDIT)}) AS e, (VALUES ('hour'), ('day')) AS g (grain)
WHERE counted
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
UNION ALL
SELECT app_id, environment, grain, pg_temp.bucket(app_id, grain, at), '', credit, '', country,
       0, 0, 0, sum(first), sum(again), sum(started), 0
FROM (
    SELECT u.app_id, u.environment, d.event_time AS at, ({_OWN_CREDIT}) AS credit,
           ({_COUNTRY.format(receipt="d.receipt")}) AS country,
           (NOT d.is_reattribution)::integer AS first, d.is_reattribution::integer AS again,
           0 AS started
    FROM attributions AS d JOIN users AS u ON u.id = d.user_ref WHERE d.superseded_at IS NULL
    UNION ALL
    SELECT u.app_id, u.environment, d.start_time, ({
    _OWN_CREDIT.replace("d.event_time", "d.start_time")
}), ({_COUNTRY.format(receipt="d.start_receipt")}), 0, 0, 1
    FROM sessions AS d JOIN users AS u ON u.id = d.user_ref
) AS decided, (VALUES ('hour'), ('day')) AS g (grain)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""

# Added up: the figures of a large hour are kept by minute.
_FIGURES_FOUND = """
SELECT app_id, environment, grain, start, event, concat_ws('|', link_id::text, source, campaign),
       currency, country, sum(events), sum(amount), sum(value), sum(installs), sum(reattributions),
       sum(sessions), sum(unverified)
FROM figures GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""

# A user's place in each split: the partner of a link, the link, the campaign of a partner.
_REACH = f"""
SELECT app_id, environment, grain, pg_temp.bucket(app_id, grain, event_time), split, which, place,
       count(DISTINCT user_id)
FROM (
    SELECT e.*, SPLIT_PART(credit, '|', 1) AS link, SPLIT_PART(credit, '|', 2) AS source,
           SPLIT_PART(credit, '|', 3) AS campaign,
           CASE WHEN credit LIKE '0|%%' THEN 0 ELSE COALESCE((
               SELECT l.partner_id FROM links AS l
               WHERE CAST(l.id AS text) = SPLIT_PART(credit, '|', 1)), -1) END AS partner
    FROM ({_EVENTS.format(credit=_EVENT_CREDIT)}) AS e
) AS e,
(VALUES ('hour'), ('day')) AS g (grain),
LATERAL (VALUES
    ('none', '0|0|||'),
    ('country', CONCAT('0|0|||', country)),
    ('partner', CONCAT(partner, '|0|', source, '||')),
    ('link', CONCAT(partner, '|', link, '|', source, '||')),
    ('campaign', CONCAT(partner, '|0|', source, '|', campaign, '|'))
) AS s (split, place),
LATERAL (VALUES (''), (event)) AS w (which)
WHERE counted
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7
"""

_REACH_FOUND = """
SELECT app_id, environment, grain, start, split, event,
       concat(partner_id, '|', link_id, '|', source, '|', campaign, '|', country), users
FROM reach WHERE NOT building ORDER BY 1, 2, 3, 4, 5, 6, 7
"""

# Of each active day, by sessions and by any event: days since the latest active day before it, and
# since the user's first event.
_COMEBACKS = """
WITH days AS (
    SELECT DISTINCT u.id, u.app_id, u.environment, CAST(d AS date) AS day, '' AS by
    FROM sessions AS s JOIN users AS u ON u.id = s.user_ref,
         generate_series(pg_temp.local_day(u.app_id, s.start_time)::timestamp,
                         pg_temp.local_day(u.app_id, s.last_activity)::timestamp, '1 day') AS d
    UNION
    SELECT u.id, u.app_id, u.environment, pg_temp.local_day(u.app_id, e.event_time), '_event'
    FROM events AS e JOIN users AS u
      ON u.app_id = e.app_id AND u.environment = e.environment AND u.user_id = e.user_id
), firsts AS (
    SELECT DISTINCT ON (u.id) u.id, pg_temp.local_day(u.app_id, e.event_time) AS first_day,
        (SELECT CONCAT(CASE WHEN a.origin_kind = 'link' THEN a.origin ELSE '0' END, '|',
                       CASE WHEN a.origin_kind = 'source' THEN a.origin END)
         FROM attributions AS a
         WHERE a.user_ref = u.id AND a.superseded_at IS NULL AND NOT a.is_reattribution) AS who
    FROM users AS u JOIN events AS e
      ON e.app_id = u.app_id AND e.environment = u.environment AND e.user_id = u.user_id
    ORDER BY u.id, e.event_time
)
SELECT app_id, environment, day, CONCAT('last', by),
       day - (SELECT max(day) FROM days AS b
              WHERE b.id = d.id AND b.by = d.by AND b.day < d.day) AS n,
       '0|', count(*)
FROM days AS d GROUP BY 1, 2, 3, 4, n
UNION ALL
SELECT app_id, environment, day, CONCAT('first', by), day - first_day AS n, who, count(*)
FROM days JOIN firsts USING (id) GROUP BY 1, 2, 3, 4, n, who
"""

_COMEBACKS_FOUND = """
SELECT app_id, environment, day, since, days, concat(link_id, '|', source), users FROM comebacks
WHERE NOT building
"""


# Clicks and impressions by their own hour; installs by theirs, with the click that is credited.
_NAMED = """
    COALESCE(NULLIF(TRIM(c.parameters->>'campaign'), ''), TRIM(c.parameters->>'campaign_id'), ''),
    COALESCE(TRIM(c.parameters->>'pub_sub_id'), '')
"""
_TRAFFIC = f"""
SELECT app_id, environment, grain, pg_temp.bucket(app_id, grain, at), part, place,
       sum(click), sum(view), sum(installed), sum(seen_installed), sum(seconds) * 1000,
       count(*) FILTER (WHERE seconds <= 10),
       count(*) FILTER (WHERE seconds > 10 AND seconds <= 60),
       count(*) FILTER (WHERE seconds > 60 AND seconds <= 3600),
       count(*) FILTER (WHERE seconds > 3600 AND seconds <= 86400),
       count(*) FILTER (WHERE seconds > 86400 AND seconds <= 604800),
       count(*) FILTER (WHERE seconds > 604800)
FROM (
    SELECT app_id, environment, event_time AS at, 'seen' AS part,
           CONCAT_WS('|', CASE WHEN origin_kind = 'link' THEN origin ELSE '0' END,
                     CASE WHEN origin_kind = 'source' THEN origin ELSE '' END, {_NAMED}) AS place,
           (kind = 'click')::integer AS click, (kind = 'impression')::integer AS view,
           0 AS installed, 0 AS seen_installed, NULL::numeric AS seconds
    FROM clicks AS c WHERE origin_kind IS NOT NULL
    UNION ALL
    SELECT u.app_id, u.environment, a.event_time, 'credited',
           CONCAT_WS('|', CASE WHEN a.origin_kind = 'link' THEN a.origin ELSE '0' END,
                     CASE WHEN a.origin_kind = 'source' THEN a.origin ELSE '' END, {_NAMED}),
           0, 0, (c.kind = 'click')::integer, (c.kind = 'impression')::integer,
           CASE WHEN c.kind = 'click' THEN EXTRACT(epoch FROM a.event_time - c.event_time) END
    FROM attributions AS a
    JOIN users AS u ON u.id = a.user_ref
    JOIN clicks AS c ON c.click_id = a.click_id AND c.app_id = u.app_id
                    AND c.environment = u.environment
    WHERE a.superseded_at IS NULL AND NOT a.is_reattribution
) AS t, (VALUES ('hour'), ('day')) AS g (grain)
GROUP BY 1, 2, 3, 4, 5, 6
"""

_TRAFFIC_FOUND = """
SELECT app_id, environment, grain, start, part,
       concat_ws('|', link_id::text, source, campaign, sub_id),
       clicks, impressions, click_installs, view_installs,
       CASE WHEN click_installs > 0 THEN delay_ms END,
       delay_10s, delay_1m, delay_1h, delay_1d, delay_7d, delay_more
FROM traffic
"""


# By the day of the event and the days since the user's earliest one.
_EARNINGS = """
SELECT e.app_id, e.environment, pg_temp.local_day(e.app_id, e.event_time) AS day,
       (
           SELECT pg_temp.local_day(f.app_id, min(f.event_time)) FROM events AS f
           WHERE f.app_id = e.app_id AND f.environment = e.environment AND f.user_id = e.user_id
           GROUP BY f.app_id
       ) AS first_day, (
           SELECT CONCAT(CASE WHEN a.origin_kind = 'link' THEN a.origin ELSE '0' END, '|',
                         CASE WHEN a.origin_kind = 'source' THEN a.origin END)
           FROM attributions AS a JOIN users AS u ON u.id = a.user_ref
           WHERE u.app_id = e.app_id AND u.environment = e.environment AND u.user_id = e.user_id
             AND a.superseded_at IS NULL AND NOT a.is_reattribution
       ) AS who, COALESCE(sale_amount_currency, '') AS currency, kind = 'ad_revenue' AS is_ad,
       sum(sale_amount)
FROM events AS e WHERE counted AND sale_amount IS NOT NULL AND sale_amount <> 0
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

_EARNINGS_FOUND = """
SELECT app_id, environment, day, first_day, concat(link_id, '|', source), currency, is_ad, amount
FROM earnings
"""


def assert_figures_are_those_of_raw_rows(connection: Connection) -> None:
    connection.execute(_LOCAL_DAY)
    connection.execute(_BUCKET)
    for found, expected in (
        (_FIGURES_FOUND, _FIGURES),
        (_REACH_FOUND, _REACH),
        (_COMEBACKS_FOUND, _COMEBACKS),
        (_TRAFFIC_FOUND, _TRAFFIC),
        (_EARNINGS_FOUND, _EARNINGS),
    ):
        there, wanted = _rows(connection, found), _rows(connection, expected)
        missing = [row for row in wanted if row not in there]
        assert there == wanted, ([row for row in there if row not in wanted], missing)


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    rows = connection.execute(query.replace("%%", "%").encode()).fetchall()
    return sorted(rows, key=repr)
