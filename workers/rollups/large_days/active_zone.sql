-- Those of some users (`slice_users`) with a session on a day of another zone, and the last day before
-- on which they had one. As in the rollup of a whole day, their last session tells.
sessioned AS MATERIALIZED (
    SELECT slice_users.user_ref, (
        SELECT (
            least(last_activity, %(day_from)s - interval '1 microsecond') AT TIME ZONE %(zone)s::text
        )::date
        FROM sessions
        WHERE sessions.user_ref = slice_users.user_ref AND start_time < %(day_from)s
        ORDER BY start_time DESC, start_receipt DESC LIMIT 1
    ) AS before
    FROM slice_users CROSS JOIN LATERAL (
        SELECT last_activity FROM sessions
        WHERE sessions.user_ref = slice_users.user_ref AND start_time < %(day_until)s
        ORDER BY start_time DESC, start_receipt DESC LIMIT 1
        OFFSET 0
    ) AS latest
    WHERE latest.last_activity >= %(day_from)s
)
