-- Changes the comebacks of a day by what some users (`slice_users`) now are in it: as the rollup of a
-- whole day counts them. These CTEs follow `sessioned`.
stored AS MATERIALIZED (
    SELECT known.* FROM slice_users CROSS JOIN LATERAL (
        SELECT user_ref, in_sessions, in_events, last, last_event, age, link_id, source
        FROM day_users
        WHERE day_id = %(day_id)s AND day_users.user_ref = slice_users.user_ref
        OFFSET 0
    ) AS known
), present AS MATERIALIZED (
    SELECT
        slice_users.user_ref, sessioned.user_ref IS NOT NULL AS in_sessions, sessioned.before,
        %(by_events)s OR coalesce(stored.in_events, false)
            OR signalled.event_time IS NOT NULL AS in_events
    FROM slice_users LEFT JOIN stored USING (user_ref) LEFT JOIN sessioned USING (user_ref)
    LEFT JOIN LATERAL (
        SELECT event_time FROM signals
        WHERE NOT %(by_events)s AND signals.user_ref = slice_users.user_ref
          AND event_time >= %(day_from)s AND event_time < %(day_until)s
        LIMIT 1
    ) AS signalled ON true
), fresh AS MATERIALIZED (
    SELECT
        user_ref, in_sessions, in_events,
        %(day_start)s::date - before AS last,
        CASE WHEN in_events THEN %(day_start)s::date - (
            SELECT (event_time AT TIME ZONE %(zone)s::text)::date FROM signals
            WHERE signals.user_ref = present.user_ref AND event_time < %(day_from)s
            ORDER BY event_time DESC LIMIT 1
        ) END AS last_event,
        %(day_start)s::date - (first_time AT TIME ZONE %(zone)s::text)::date AS age,
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
    WHERE in_sessions OR in_events
), gone AS (
    DELETE FROM day_users USING stored
    WHERE day_id = %(day_id)s AND day_users.user_ref = stored.user_ref AND NOT EXISTS (
        SELECT FROM fresh WHERE fresh.user_ref = stored.user_ref
    )
), kept AS (
    INSERT INTO day_users (
        day_id, user_ref, in_sessions, in_events, last, last_event, age, link_id, source
    )
    SELECT
        %(day_id)s, user_ref, in_sessions, in_events, last, last_event, age, link_id, source
    FROM (
        SELECT user_ref, in_sessions, in_events, last, last_event, age, link_id, source FROM fresh
        EXCEPT SELECT * FROM stored
    ) AS changed
    ON CONFLICT (day_id, user_ref) DO UPDATE SET
        in_sessions = excluded.in_sessions, in_events = excluded.in_events, last = excluded.last,
        last_event = excluded.last_event, age = excluded.age, link_id = excluded.link_id,
        source = excluded.source
), changes AS MATERIALIZED (
    SELECT each.since, each.days, each.link_id, each.source, sum(sign) AS users
    FROM (
        SELECT 1 AS sign, fresh.* FROM fresh UNION ALL SELECT -1, stored.* FROM stored
    ) AS counted CROSS JOIN LATERAL (VALUES
        (in_sessions, 'last', last, 0::bigint, ''),
        (in_sessions, 'first', age, link_id, source),
        (in_events, 'last_event', last_event, 0, ''),
        (in_events, 'first_event', age, link_id, source)
    ) AS each (counts, since, days, link_id, source)
    WHERE counts
    GROUP BY each.since, each.days, each.link_id, each.source
    HAVING sum(sign) <> 0
), replaced AS (
    DELETE FROM comebacks
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
      AND building = %(building)s AND (since, coalesce(days, -999999), link_id, source) IN (
          SELECT since, coalesce(days, -999999), link_id, source FROM changes
      )
    RETURNING since, days, link_id, source, users
)
INSERT INTO comebacks (app_id, environment, day, since, days, link_id, source, users, building)
SELECT
    %(app_id)s, %(environment)s, %(day_start)s::date, since, days, link_id, source, sum(users),
    %(building)s
FROM (SELECT * FROM replaced UNION ALL SELECT * FROM changes) AS rows
GROUP BY since, days, link_id, source
HAVING sum(users) <> 0
