"""Users as rows: each event's user, made when there is none yet.

Looked up before they are made: most events are of users who are there, and a look-up is a fifth of
an insert that ends in a conflict. Who is made is made with what their events tell, so that the
first decision, which mostly comes to the same, need not write them again: a row is then indexed
once, and leaves no dead one behind.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from shared.database import Connection
from shared.device_ids import identifying
from shared.events import Event
from workers.sql.json_rows import Rows, as_ms, select_for

_SENT = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, user_id text COLLATE "C",
    first_ms bigint, device_ids text[], click_ids text[]
)
"""

_FIND = f"""
SELECT sent.app_id, sent.environment, sent.user_id, found.*
FROM {_SENT}
CROSS JOIN LATERAL (
    SELECT id, false, {as_ms("first_time")}, device_ids, click_ids FROM users
    WHERE users.app_id = sent.app_id AND users.environment = sent.environment
      AND users.user_id = sent.user_id
    OFFSET 0
) AS found
"""

# In one order everywhere, so that two workers that meet the same new users queue up.
_INSERT = f"""
INSERT INTO users (app_id, environment, user_id, first_time, device_ids, click_ids)
SELECT app_id, environment, user_id,
       'epoch'::timestamptz + first_ms * interval '1 millisecond', device_ids, click_ids
FROM {_SENT}
ORDER BY app_id, environment, user_id
ON CONFLICT DO NOTHING
RETURNING app_id, environment, user_id, id, true, NULL::bigint, '{{}}'::text[], '{{}}'::text[]
"""


class UserKey(NamedTuple):
    app_id: int
    environment: str
    user_id: str


class KnownUser(msgspec.Struct, frozen=True):
    """What committed facts tell of a user; nothing, if this transaction made them (`is_new`)."""

    id: int
    is_new: bool
    first_ms: int | None
    device_ids: Sequence[str]
    click_ids: Sequence[str]


Users = dict[UserKey, KnownUser]


def user_key(event: Event) -> UserKey:
    return UserKey(event.app_id, event.environment, event.user_id)


def click_ids_of(event: Event) -> set[str]:
    """A user id that is a click id binds its user to that click; whether it is one, only the clicks
    know, and they may still be on their way.
    """
    return {event.user_id, event.click_id or event.user_id}


def users_of(connection: Connection, events: Iterable[Event]) -> Users:
    """The user of each event. Those that another worker makes meanwhile are waited for."""
    wanted: dict[UserKey, list[Event]] = defaultdict(list)
    for event in events:
        wanted[user_key(event)].append(event)
    users = _asked(connection, _FIND, [key._asdict() for key in wanted])
    if missing := wanted.keys() - users.keys():
        users |= _asked(connection, _INSERT, [_made(key, wanted[key]) for key in missing])
    if missing := wanted.keys() - users.keys():
        users |= _asked(connection, _FIND, [key._asdict() for key in missing])
    return users


def _made(key: UserKey, events: Sequence[Event]) -> dict[str, object]:
    device_ids = [device_id for event in events for device_id in event.device_ids.values()]
    return {
        **key._asdict(),
        "first_ms": min(event.happened_at_ms for event in events),
        "device_ids": sorted(identifying(device_ids)),
        "click_ids": sorted(set().union(*map(click_ids_of, events))),
    }


def _asked(connection: Connection, statement: str, questions: Rows) -> Users:
    return {
        UserKey(app_id, environment, user_id): KnownUser(*known)
        for app_id, environment, user_id, *known in select_for(connection, statement, questions)
    }
