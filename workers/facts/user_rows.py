"""Finds the user of each event, and inserts users that do not exist yet.

Users are looked up before they are inserted: most events belong to existing users, and a lookup
costs a fifth of an insert that ends in a conflict. New users are inserted with the ids and first
time of this batch, so that the first decision, which mostly reaches the same result, rarely updates
them: a row is then indexed once and leaves no dead row behind.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from shared.database import Connection
from shared.device_ids import identifying_of
from shared.events import Event
from workers.sql.expressions import as_ms, from_ms
from workers.sql.json_rows import Rows, select_for

_SENT = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, user_id text COLLATE "C",
    first_ms bigint, device_ids text[], click_ids text[]
)
"""

_FIND = f"""
SELECT sent.app_id, sent.environment, sent.user_id, stored.*
FROM {_SENT}
CROSS JOIN LATERAL (
    SELECT id, false, {as_ms("first_time")}, device_ids, click_ids FROM users
    WHERE users.app_id = sent.app_id AND users.environment = sent.environment
      AND users.user_id = sent.user_id
    OFFSET 0
) AS stored
"""

# The same order everywhere, so that two workers with the same new users wait for one another
# instead of deadlocking.
_INSERT = f"""
INSERT INTO users (app_id, environment, user_id, first_time, device_ids, click_ids)
SELECT app_id, environment, user_id, {from_ms("first_ms")}, device_ids, click_ids
FROM {_SENT}
ORDER BY app_id, environment, user_id
ON CONFLICT DO NOTHING
RETURNING app_id, environment, user_id, id, true, NULL::bigint, '{{}}'::text[], '{{}}'::text[]
"""


class UserKey(NamedTuple):
    """A user's own id, in its app and environment."""

    app_id: int
    environment: str
    user_id: str


class KnownUser(msgspec.Struct, frozen=True):
    """A user as known from committed facts; `is_new` if this transaction inserted the row."""

    id: int
    is_new: bool
    first_ms: int | None
    device_ids: Sequence[str]
    click_ids: Sequence[str]


Users = dict[UserKey, KnownUser]


def user_key(event: Event) -> UserKey:
    return UserKey(event.app_id, event.environment, event.user_id)


def click_ids_of(event: Event) -> set[str]:
    """Returns the click ids that an event may carry: its own, and its user id.

    A user id that is a click id binds the user to that click. Only the clicks show whether it is
    one, and they may still arrive.
    """
    return {event.user_id, event.click_id or event.user_id}


def users_of(connection: Connection, events: Iterable[Event]) -> Users:
    """Returns the user of each event, waiting for those that another worker is inserting."""
    by_user: dict[UserKey, list[Event]] = defaultdict(list)
    for event in events:
        by_user[user_key(event)].append(event)
    users = _select(connection, _FIND, [key._asdict() for key in by_user])
    if missing := by_user.keys() - users.keys():
        rows = [
            {
                **key._asdict(),
                "first_ms": min(event.happened_at_ms for event in by_user[key]),
                "device_ids": sorted(
                    frozenset().union(*(identifying_of(event.device_ids) for event in by_user[key]))
                ),
                "click_ids": sorted(set().union(*map(click_ids_of, by_user[key]))),
            }
            for key in missing
        ]
        users |= _select(connection, _INSERT, rows)
    if missing := by_user.keys() - users.keys():
        users |= _select(connection, _FIND, [key._asdict() for key in missing])
    return users


def _select(connection: Connection, statement: str, rows: Rows) -> Users:
    return {
        UserKey(app_id, environment, user_id): KnownUser(*fields)
        for app_id, environment, user_id, *fields in select_for(connection, statement, rows)
    }
