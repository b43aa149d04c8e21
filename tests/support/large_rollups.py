"""Rolls up a generated large app by SQL in bulk, to the rows that workers would make one by one.

`tests/integration/test_large_app.py` compares both. It is possible because each generated user has
one source, campaign and country.
"""

from shared.database import Connection
from shared.migrate import migrations

_DELAYS = ((0, 10), (10, 60), (60, 3_600), (3_600, 86_400), (86_400, 604_800))  # seconds
_COUNTS = ", ".join(
    f"count(*) FILTER (WHERE delay > {low} * interval '1 second'"
    f" AND delay <= {high} * interval '1 second')"
    for low, high in _DELAYS
)
_FIGURES = """
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions
)
SELECT %(app)s, 'production', 'hour', date_trunc('hour', event_time, 'UTC'), event, link_id, source,
       campaign, country, coalesce(paid_in, ''), count(*), coalesce(sum(amount), 0), 0, 0, 0, 0
FROM made_events GROUP BY 4, 5, 6, 7, 8, 9, 10
UNION ALL
SELECT %(app)s, 'production', 'hour', date_trunc('hour', event_time, 'UTC'), '', link_id, source,
       campaign, country, '', 0, 0, 0, count(*) FILTER (WHERE k = 0), 0, count(*)
FROM made_events WHERE kind = 'open' GROUP BY 4, 6, 7, 8, 9
"""
_DAYS_OF_FIGURES = """
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions
)
SELECT app_id, environment, 'day', date_trunc('day', start, 'UTC'), event, link_id, source,
       campaign, country, currency, sum(events), sum(amount), 0, sum(installs), 0, sum(sessions)
FROM figures GROUP BY 1, 2, 4, 5, 6, 7, 8, 9, 10
"""
_TRAFFIC = f"""
INSERT INTO traffic (
    app_id, environment, grain, start, part, link_id, source, campaign, sub_id, clicks,
    impressions, click_installs, view_installs, delay_ms, delay_10s, delay_1m, delay_1h, delay_1d,
    delay_7d, delay_more
)
SELECT
    %(app)s, 'production', 'hour', date_trunc('hour', event_time, 'UTC'), 'seen',
    coalesce(link_id, 0), CASE WHEN link_id IS NULL THEN origin ELSE '' END,
    parameters->>'campaign', parameters->>'pub_sub_id', count(*) FILTER (WHERE kind = 'click'),
    count(*) FILTER (WHERE kind = 'impression'), 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM clicks GROUP BY 4, 6, 7, 8, 9
UNION ALL
SELECT
    %(app)s, 'production', 'hour', date_trunc('hour', at, 'UTC'), 'credited', link_id, source,
    campaign, sub_id, 0, 0, count(*), 0, sum(extract(epoch FROM delay) * 1000),
    count(*) FILTER (WHERE delay = interval '0') + {_COUNTS}, 0
FROM (
    SELECT
        made_users.at, made_users.at - event_time AS delay, coalesce(link_id, 0) AS link_id,
        CASE WHEN link_id IS NULL THEN clicks.origin ELSE '' END AS source,
        parameters->>'campaign' AS campaign, parameters->>'pub_sub_id' AS sub_id
    FROM made_users JOIN clicks ON click_id = 'click-' || id
    WHERE made_users.origin <> 0
) AS credited
GROUP BY 4, 6, 7, 8, 9
"""
_DAYS_OF_TRAFFIC = """
INSERT INTO traffic (
    app_id, environment, grain, start, part, link_id, source, campaign, sub_id, clicks,
    impressions, click_installs, view_installs, delay_ms, delay_10s, delay_1m, delay_1h, delay_1d,
    delay_7d, delay_more
)
SELECT app_id, environment, 'day', date_trunc('day', start, 'UTC'), part, link_id, source,
       campaign, sub_id, sum(clicks), sum(impressions), sum(click_installs), 0, sum(delay_ms),
       sum(delay_10s), sum(delay_1m), sum(delay_1h), sum(delay_1d), sum(delay_7d), 0
FROM traffic GROUP BY 1, 2, 4, 5, 6, 7, 8, 9
"""
# Who did something in an hour or day: `event` is '' of anything.
_REACH = """
WITH seen AS (
    SELECT DISTINCT date_trunc(%(grain)s, event_time, 'UTC') AS start, id, event, link_id, source,
           campaign, country
    FROM made_events
), every AS (
    SELECT * FROM seen
    UNION ALL
    SELECT DISTINCT start, id, '', link_id, source, campaign, country FROM seen
), partnered AS (
    SELECT every.*, coalesce(partner_id, 0) AS partner_id
    FROM every LEFT JOIN links ON links.id = link_id
)
INSERT INTO reach (
    app_id, environment, grain, start, split, event, partner_id, link_id, source, campaign, country,
    users
)
SELECT
    %(app)s, 'production', %(grain)s, start,
    CASE WHEN GROUPING(country) = 0 THEN 'country' WHEN GROUPING(campaign) = 0 THEN 'campaign'
         WHEN GROUPING(link_id) = 0 THEN 'link' WHEN GROUPING(source) = 0 THEN 'partner'
         ELSE 'none' END,
    event, coalesce(partner_id, 0), coalesce(link_id, 0), coalesce(source, ''),
    coalesce(campaign, ''), coalesce(country, ''), count(*)
FROM partnered
GROUP BY start, event, GROUPING SETS (
    (), (country), (partner_id, source), (partner_id, link_id, source),
    (partner_id, source, campaign)
)
"""
_COMEBACKS = """
WITH active AS (
    SELECT DISTINCT id, (event_time AT TIME ZONE 'UTC')::date AS day,
           (at AT TIME ZONE 'UTC')::date AS first_day, link_id, source
    FROM made_events WHERE kind = 'open' OR %(suffix)s <> ''
), known AS (
    SELECT *, day - lag(day) OVER (PARTITION BY id ORDER BY day) AS away FROM active
)
INSERT INTO comebacks (app_id, environment, day, since, days, link_id, source, users)
SELECT %(app)s, 'production', day, 'last' || %(suffix)s, away, 0, '', count(*)
FROM known GROUP BY 3, 5
UNION ALL
SELECT %(app)s, 'production', day, 'first' || %(suffix)s, day - first_day, link_id, source, count(*)
FROM known GROUP BY 3, 5, 6, 7
"""
_EARNINGS = """
INSERT INTO earnings (
    app_id, environment, day, first_day, link_id, source, currency, is_ad, amount
)
SELECT %(app)s, 'production', (event_time AT TIME ZONE 'UTC')::date,
       (at AT TIME ZONE 'UTC')::date, link_id, source, paid_in, kind = 'ad_revenue', sum(amount)
FROM made_events WHERE amount <> 0 GROUP BY 3, 4, 5, 6, 7, 8
"""
_COUNTED = """
INSERT INTO counted_periods (app_id, environment, grain, start, counted_at, rests_until)
SELECT app_id, environment, grain, start, now(), '-infinity'::timestamptz FROM figures
UNION
SELECT app_id, environment, grain, start, now(), '-infinity' FROM traffic
"""


def roll_up_at_once(connection: Connection, app_id: int) -> None:
    """Writes all rollups of the only app, whose events are still in `made_events`."""
    app = {"app": app_id}
    for statement in (_FIGURES, _DAYS_OF_FIGURES, _TRAFFIC, _DAYS_OF_TRAFFIC, _EARNINGS):
        connection.execute(statement.encode(), app)
    for grain in ("hour", "day"):
        connection.execute(_REACH, {**app, "grain": grain})
    for suffix in ("", "_event"):
        connection.execute(_COMEBACKS, {**app, "suffix": suffix})
    connection.execute(_COUNTED)
    for each in migrations():
        if each.name.endswith("_sums.after"):
            connection.execute(each.sql.encode())
