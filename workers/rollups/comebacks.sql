-- The users who were active on a day, by the days since they were last active before, and by the days
-- since their first signal and their first origin: once by their sessions, once by any event. These
-- CTEs follow `active` and end the statement.
present AS MATERIALIZED (
    SELECT user_ref, before, '' AS by FROM active
    UNION ALL
    SELECT users.id, (
        SELECT (event_time AT TIME ZONE %(zone)s::text)::date FROM signals
        WHERE signals.user_ref = users.id AND event_time < %(from)s
        ORDER BY event_time DESC LIMIT 1
    ), '_event'
    FROM (
        SELECT DISTINCT user_id COLLATE "C" AS user_id FROM events
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND event_time >= %(from)s AND event_time < %(until)s
          AND receipt >= %(first_receipt)s  -- reads no partition before it
    ) AS seen
    CROSS JOIN LATERAL (
        SELECT id FROM users
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND users.user_id = seen.user_id
        OFFSET 0
    ) AS users
), known AS MATERIALIZED (
    SELECT
        by, %(start)s::date - before AS away,
        %(start)s::date - (first_time AT TIME ZONE %(zone)s::text)::date AS age,
        CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
    FROM present
    CROSS JOIN LATERAL (
        SELECT first_time FROM users WHERE id = present.user_ref OFFSET 0
    ) AS users
    CROSS JOIN LATERAL (
        SELECT origin_kind, origin FROM attributions
        WHERE attributions.user_ref = present.user_ref AND superseded_at IS NULL
        ORDER BY event_time, receipt LIMIT 1
    ) AS first
)
INSERT INTO comebacks (app_id, environment, day, since, days, link_id, source, users)
SELECT
    %(app_id)s, %(environment)s, %(start)s::date, 'last' || by, away, 0, '', count(*)
FROM known GROUP BY by, away
UNION ALL
SELECT
    %(app_id)s, %(environment)s, %(start)s::date, 'first' || by, age, link_id, source, count(*)
FROM known GROUP BY by, age, link_id, source
