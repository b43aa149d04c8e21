"""Users as rows: each event's user, made when there is none yet.

Looked up before they are made: most events are of users who are there, and a look-up is a fifth of
an insert that ends in a conflict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.database import Connection
from shared.events import Event
from workers.questions import Rows, as_ms, ask

_SENT = """
json_to_recordset(%s::json)
    AS sent (app_id bigint, environment text, user_id text COLLATE "C")
"""

_FIND = f"""
SELECT sent.app_id, sent.environment, sent.user_id, found.*
FROM {_SENT}
CROSS JOIN LATERAL (
    SELECT id, {as_ms("first_time")}, device_ids, click_ids FROM users
    WHERE users.app_id = sent.app_id AND users.environment = sent.environment
      AND users.user_id = sent.user_id
    OFFSET 0
) AS found
"""  # noqa: S608 - of constants alone

# In one order everywhere, so that two workers that meet the same new users queue up.
_INSERT = f"""
INSERT INTO users (app_id, environment, user_id)
SELECT app_id, environment, user_id FROM {_SENT}
ORDER BY app_id, environment, user_id
ON CONFLICT DO NOTHING
RETURNING app_id, environment, user_id, id, NULL::bigint, device_ids, click_ids
"""  # noqa: S608 - of constants alone


class UserKey(NamedTuple):
    app_id: int
    environment: str
    user_id: str


@dataclass(frozen=True, slots=True)
class KnownUser:
    """What stands of a user, as far as they have been decided; `first_ms` None: not yet."""

    id: int
    first_ms: int | None
    device_ids: Sequence[str]
    click_ids: Sequence[str]


Users = dict[UserKey, KnownUser]


def user_key(event: Event) -> UserKey:
    return UserKey(event.app_id, event.environment, event.user_id)


def users_of(connection: Connection, events: Iterable[Event]) -> Users:
    """The user of each event. Those that another worker makes meanwhile are waited for."""
    wanted = {user_key(event) for event in events}
    users = _asked(connection, _FIND, wanted)
    if missing := wanted - users.keys():
        users |= _asked(connection, _INSERT, missing)
    if missing := wanted - users.keys():
        users |= _asked(connection, _FIND, missing)
    return users


def _asked(connection: Connection, statement: str, wanted: Iterable[UserKey]) -> Users:
    questions: Rows = [key._asdict() for key in wanted]
    return {
        UserKey(app_id, environment, user_id): KnownUser(*known)
        for app_id, environment, user_id, *known in ask(connection, statement, questions)
    }
