"""Finds the users whom new users of their address affect: those who were new there soon after.

How many devices were seen behind an address decides whether a click counts that only the platform
speaks for (`core.crowds`). Only what came before is counted, so a fact that arrives in order
affects nobody else. One that arrives late affects the next newcomers of its address, and no more of
them than an app allows devices: behind those, the address was crowded before and stays so. A late
fact also moves its user's first moment, and so may free the addresses of the signals after it.
"""

from typing import Final

from workers.core.rules import LIMITS
from workers.sql.expressions import as_ms, day_of, from_ms

NEWCOMERS_MAX: Final = LIMITS["uncertain_devices_max"][1]

# Of a sighting: no signal of its user is earlier.
IS_FIRST: Final = """NOT EXISTS (
    SELECT FROM signals
    WHERE signals.user_ref = sightings.user_ref AND signals.event_time < sightings.event_time
)"""

# Signals after a late one whose addresses may be freed. One would do, if two late facts of a user
# were never handled by two workers at once.
SIGNALS_MAX: Final = 4

# The users of events (true) with the time of the last, and those whom they are coupled with.
SIGNALLED: Final = f"""
WITH own AS MATERIALIZED (
    SELECT users.id AS user_ref, app_id, environment, users.first_time, sent.address, from_ms
    FROM json_to_recordset(%s::json) AS sent (
        app_id bigint, environment text, user_id text COLLATE "C", address text, from_ms bigint
    )
    JOIN users USING (app_id, environment, user_id)
), late AS MATERIALIZED (
    SELECT user_ref, app_id, environment, address, {from_ms("from_ms")} AS at,
           click_probabilistic_ms * interval '1 millisecond' AS reach
    FROM own
    JOIN apps ON apps.id = app_id AND apps.uncertain_devices_max > 0
    WHERE first_time IS NULL OR {from_ms("from_ms")} <= first_time
), place AS (
    SELECT user_ref, app_id, environment, address, at, reach FROM late WHERE address IS NOT NULL
    UNION ALL
    SELECT user_ref, app_id, environment, later.address, later.event_time, reach
    FROM late
    CROSS JOIN LATERAL (
        SELECT address, event_time FROM signals
        WHERE signals.user_ref = late.user_ref AND signals.event_time > late.at
        ORDER BY event_time LIMIT {SIGNALS_MAX}
    ) AS later
    WHERE later.address IS NOT NULL
)
SELECT user_ref, min(from_ms), true, max(from_ms) FROM own GROUP BY user_ref
UNION ALL
SELECT newcomer.user_ref, newcomer.first_ms, false, NULL
FROM place
CROSS JOIN LATERAL unnest(
    CASE WHEN {day_of("at")} = {day_of("(at + reach)")} THEN ARRAY[{day_of("at")}]
         ELSE ARRAY[{day_of("at")}, {day_of("(at + reach)")}] END
) AS day
CROSS JOIN LATERAL (
    SELECT user_ref, {as_ms("event_time")} AS first_ms FROM sightings
    WHERE {day_of("sightings.event_time")} = day
      AND sightings.app_id = place.app_id AND sightings.environment = place.environment
      AND sightings.address = place.address AND sightings.user_ref <> place.user_ref
      AND sightings.event_time BETWEEN at AND at + reach
      AND {IS_FIRST}
    ORDER BY event_time LIMIT {NEWCOMERS_MAX}
) AS newcomer
"""
