-- Those of some users (`slice_users`) with a session on a day in UTC, and the last day before on which
-- they had one. Fenced, as in `belongs`: an EXISTS would be planned as a scan of the whole day.
sessioned AS MATERIALIZED (
    SELECT slice_users.user_ref, (
        SELECT day FROM activity
        WHERE activity.user_ref = slice_users.user_ref AND day < %(day_start)s::date
        ORDER BY day DESC LIMIT 1
    ) AS before
    FROM slice_users CROSS JOIN LATERAL (
        SELECT day FROM activity
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND day = %(day_start)s::date AND activity.user_ref = slice_users.user_ref
        OFFSET 0
    ) AS active
)
