"""Names the users of an app who are probably not one person, because they never pause."""

from collections.abc import Iterator

from console.apps.apps import App
from console.security.unread_values import UnreadTotal
from shared.database import Connection, run

SHOWN_MAX = 3
SIGNALS_OF_A_MARK = 256  # or more, of a run; `workers.decisions.run_marks`
MARKS_MIN = 400  # some 100,000 events in runs of hundreds: more than a person's in years

# All marks are counted by their index: 4,000 of a user of a million events, none of most users.
_LARGEST = """
SELECT user_id, environment, marks, since, last_at
FROM (
    SELECT user_ref, count(*) AS marks, min(at) AS since, max(at) AS last_at
    FROM run_marks GROUP BY user_ref
    HAVING count(*) >= %s AND max(at) > now() - interval '30 days'
) AS long
JOIN users ON users.id = user_ref
WHERE app_id = %s AND detached_at IS NULL ORDER BY marks DESC, user_id LIMIT %s
"""


def largest_users(connection: Connection, app: App) -> Iterator[UnreadTotal]:
    """Yields the largest users of the app, each with the number of events without a pause."""
    for user, environment, marks, since, last_at in run(
        connection, _LARGEST, (MARKS_MIN, app.id, SHOWN_MAX)
    ):
        where = " of the sandbox" if environment == "sandbox" else ""
        signals = marks * SIGNALS_OF_A_MARK
        what = (
            f"The user `{user}`{where} has about {signals:,} events without a pause, so it is "
            "hardly one person. Send a user ID of their own for each user."
        )
        yield UnreadTotal(what, signals, since, last_at)
