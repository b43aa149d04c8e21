-- The users with a session on a day in UTC, and the last day before on which they had one.
active AS (
    SELECT user_ref, (
        SELECT day FROM activity AS earlier
        WHERE earlier.user_ref = activity.user_ref AND earlier.day < activity.day
        ORDER BY day DESC LIMIT 1
    ) AS before
    FROM activity
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(start)s::date
)
