-- The users who were active on a day, by the days since they were last active before, and by the days
-- since their first signal and their first origin.
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
