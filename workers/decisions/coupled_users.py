"""Finds the users whom new users of their address affect: those who were new there soon after.

How many devices were seen behind an address decides whether a click counts that only the platform
speaks for (`core.crowds`). Only what came before is counted, so a fact that arrives in order
affects nobody else. One that arrives late affects the next newcomers of its address, and no more of
them than an app allows devices: behind those, the address was crowded before and stays so. A late
fact also moves its user's first moment, and so may free the addresses of the signals after it.
"""

from collections.abc import Sequence
from typing import Final

from shared.database import Connection
from shared.events import CLICK_KINDS, Event
from workers.core.addresses import public_address
from workers.core.rules import LIMITS
from workers.sql.expressions import as_ms, day_of, from_ms
from workers.sql.json_rows import select_for

NEWCOMERS_MAX: Final = LIMITS["uncertain_devices_max"][1]

# Of a sighting: no signal of its user is earlier.
IS_FIRST: Final = """NOT EXISTS (
    SELECT FROM signals
    WHERE signals.user_ref = sightings.user_ref AND signals.event_time < sightings.event_time
)"""

# Signals after a late one whose addresses may be freed. One would do, if two late facts of a user
# were never handled by two workers at once.
SIGNALS_MAX: Final = 4

_COUPLED = f"""
WITH late AS MATERIALIZED (
    SELECT users.id AS user_ref, users.app_id, users.environment, sent.address,
           {from_ms("sent.from_ms")} AS at,
           apps.click_probabilistic_ms * interval '1 millisecond' AS reach
    FROM json_to_recordset(%s::json) AS sent (
        app_id bigint, environment text, user_id text COLLATE "C", address text, from_ms bigint
    )
    JOIN users USING (app_id, environment, user_id)
    JOIN apps ON apps.id = users.app_id AND apps.uncertain_devices_max > 0
    WHERE users.first_time IS NULL OR {from_ms("sent.from_ms")} <= users.first_time
), place AS MATERIALIZED (
    SELECT * FROM late WHERE address IS NOT NULL
    UNION
    SELECT late.user_ref, late.app_id, late.environment, later.address, later.event_time, reach
    FROM late
    CROSS JOIN LATERAL (
        SELECT address, event_time FROM signals
        WHERE signals.user_ref = late.user_ref AND signals.event_time > late.at
        ORDER BY event_time LIMIT {SIGNALS_MAX}
    ) AS later
    WHERE later.address IS NOT NULL
)
SELECT newcomer.user_ref, newcomer.first_ms
FROM place
CROSS JOIN LATERAL (
    SELECT DISTINCT day FROM (VALUES ({day_of("at")}), ({day_of("(at + reach)")})) AS days (day)
) AS days
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


def coupled_users(connection: Connection, events: Sequence[Event]) -> list[tuple[int, int]]:
    """Returns the coupled users, each with the moment of their first signal (Unix milliseconds)."""
    rows: list[dict[str, object]] = [
        {
            "app_id": event.app_id,
            "environment": event.environment,
            "user_id": event.user_id,
            "address": public_address(event.ip_address),
            "from_ms": event.happened_at_ms,
        }
        for event in events
        if event.kind not in CLICK_KINDS
    ]
    return [(user, first_ms) for user, first_ms in select_for(connection, _COUPLED, rows)]
