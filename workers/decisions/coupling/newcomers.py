"""Counts the other users who were new behind the addresses of first signals, where that matters.

It matters for a click that only the platform speaks for (`core.crowds`). Who was new where is a
fact: the earliest signals of a user. A sighting that turned out to be a later one is left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from shared.database import Connection
from workers.core.days import utc_days
from workers.core.device_matching import DeviceVerdict, compare
from workers.core.evidence import sightings
from workers.core.history import Click
from workers.decisions.candidate_clicks import Clicks, sightings_of
from workers.decisions.coupling.coupled_users import IS_FIRST, NEWCOMERS_MAX
from workers.decisions.load_history import UserCase
from workers.sql.expressions import day_of, from_ms
from workers.sql.json_rows import select_for

_NEWCOMERS = f"""
SELECT sent.user_ref, sent.address, count(*)
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, address text, days date[],
    from_ms bigint, to_ms bigint
)
CROSS JOIN unnest(days) AS day
CROSS JOIN LATERAL (
    SELECT FROM sightings
    WHERE {day_of("sightings.event_time")} = day
      AND sightings.app_id = sent.app_id AND sightings.environment = sent.environment
      AND sightings.address = sent.address AND sightings.user_ref <> sent.user_ref
      AND sightings.event_time BETWEEN {from_ms("from_ms")} AND {from_ms("to_ms")}
      AND {IS_FIRST}
    LIMIT {NEWCOMERS_MAX}
) AS newcomer
GROUP BY sent.user_ref, sent.address
"""


def count_newcomers(
    connection: Connection, cases: Sequence[UserCase], clicks: Clicks
) -> list[UserCase]:
    """Returns the cases with their newcomers, counted up to what an app may allow."""
    rows = [
        row
        for case in cases
        if case.tail.prior is None and (candidates := clicks.by_user.get(case.user.id))
        for row in _rows(case, candidates)
    ]
    if not rows:
        return list(cases)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for user, address, count in select_for(connection, _NEWCOMERS, rows):
        found[user][address] = count
    return [
        msgspec.structs.replace(
            case, tail=msgspec.structs.replace(case.tail, newcomers=found[case.user.id])
        )
        if case.user.id in found
        else case
        for case in cases
    ]


def _rows(case: UserCase, clicks: Iterable[Click]) -> Iterable[dict[str, object]]:
    first_ms, seen = sightings_of(case, clicks)
    from_ms = first_ms - case.rules.click_probabilistic_ms
    clicked = [pair for click in clicks for pair in sightings(click.address, click.device)]
    left_open = {
        place
        for place, device in seen
        for clicked_place, other in clicked
        if place == clicked_place and compare(device, other).verdict is DeviceVerdict.CANNOT_TELL
    }
    for address in sorted(left_open):
        yield {
            "user_ref": case.user.id,
            "app_id": case.user.app_id,
            "environment": case.user.environment,
            "address": address,
            "days": utc_days(from_ms, first_ms),
            "from_ms": from_ms,
            "to_ms": first_ms,
        }
