"""Finds the users whose first signal may be credited to an impression.

Most apps report none, and then two look-ups for each new user are saved.
"""

from collections.abc import Sequence

from shared.database import Connection, run
from workers.core.days import utc_days
from workers.decisions.load_history import UserCase
from workers.sql.expressions import day_of

_DAYS_WITH_VIEWS = f"""
SELECT day FROM unnest(%s::date[]) AS day
WHERE EXISTS (SELECT FROM view_device_ids WHERE {day_of("event_time")} = day)
   OR EXISTS (
       SELECT FROM clicks
       WHERE {day_of("event_time")} = day AND kind = 'impression' AND address IS NOT NULL
   )
"""


def cases_with_views(connection: Connection, cases: Sequence[UserCase]) -> list[UserCase]:
    """Returns the cases with a first signal, and an impression of anybody on a day that counts.

    An impression that is committed later looks for its users itself.
    """
    windows = {}
    for case in cases:
        window_ms = max(case.rules.view_device_id_ms, case.rules.view_probabilistic_ms)
        if window_ms and case.tail.prior is None and case.tail.signals:
            first_ms = min(signal.time_ms for signal in case.tail.signals)
            windows[case.user.id] = utc_days(first_ms - window_ms, first_ms)
    if not windows:
        return []
    days = sorted(set().union(*windows.values()))
    viewed = {day for (day,) in run(connection, _DAYS_WITH_VIEWS, (days,))}
    return [case for case in cases if not viewed.isdisjoint(windows.get(case.user.id, ()))]
