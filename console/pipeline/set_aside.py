"""Lists the users who are set aside because the decision about them failed, for investigation."""

from dataclasses import dataclass
from datetime import datetime

from shared.database import Connection, run

_COUNT = "SELECT count(*) FROM set_aside_users"
_LIST = """
SELECT user_ref, apps.name, users.environment, fault, since, tries, tried_at
FROM set_aside_users
LEFT JOIN users ON users.id = user_ref
LEFT JOIN apps ON apps.id = users.app_id
ORDER BY since, user_ref LIMIT %s
"""


@dataclass(frozen=True)
class SetAsideUser:
    """A user who is set aside, by the number that logs name; `fault` is the exception's class."""

    user: int
    app: str | None
    environment: str | None
    fault: str
    since: datetime
    tries: int
    tried_at: datetime


def count_set_aside(connection: Connection) -> int:
    """Counts the users who are set aside."""
    (row,) = run(connection, _COUNT).fetchall()
    return int(row[0])


def list_set_aside(connection: Connection, count: int) -> list[SetAsideUser]:
    """Lists at most `count` users, those first who have been set aside longest."""
    return [SetAsideUser(*row) for row in run(connection, _LIST, (count,))]
