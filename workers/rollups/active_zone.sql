-- The users with a session on a day of another zone, and the last day before on which they had one.
-- Days with activity are in UTC: they find the users, whose sessions say the rest. Sessions of a user
-- follow each other, so that the last one tells whether any reaches into a day.
active AS (
    SELECT near.user_ref, (
        SELECT (least(last_activity, %(from)s - interval '1 microsecond') AT TIME ZONE %(zone)s::text)::date
        FROM sessions
        WHERE sessions.user_ref = near.user_ref AND start_time < %(from)s
        ORDER BY start_time DESC, start_receipt DESC LIMIT 1
    ) AS before
    FROM (
        SELECT DISTINCT user_ref FROM activity
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND day >= (%(from)s AT TIME ZONE 'UTC')::date
          AND day <= ((%(until)s - interval '1 microsecond') AT TIME ZONE 'UTC')::date
    ) AS near
    CROSS JOIN LATERAL (
        SELECT last_activity FROM sessions
        WHERE sessions.user_ref = near.user_ref AND start_time < %(until)s
        ORDER BY start_time DESC, start_receipt DESC LIMIT 1
        OFFSET 0
    ) AS latest
    WHERE latest.last_activity >= %(from)s
)
