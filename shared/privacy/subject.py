"""Finds the users, clicks and ids that the ids of a person lead to, in one app.

An id leads to everybody who has it, in production and in the sandbox. From the users it leads on to
their other ids, but to nobody else: an id that another user has too, such as the tablet of a
family, is buried only if it was named itself.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from shared.database import Connection, index_only, run
from shared.day_files.rows import rows_of_receipts
from shared.device_ids import adid_bytes
from shared.privacy.identities import IdKind, PersonId, ids_of_user

_STRETCHES = range(1_000, 3_000)  # of ten days since 1970, as clicks are found: 1997 to 2052
_ENVIRONMENTS = ("production", "sandbox")
_OF_ONE_PERSON = frozenset({IdKind.USER, IdKind.KEY})

_FIND = """
SELECT id FROM users
WHERE app_id = %(app)s AND environment = ANY(%(environments)s) AND user_id = ANY(%(user_ids)s)
UNION
SELECT user_ref FROM identities
WHERE app_id = %(app)s AND environment = ANY(%(environments)s)
  AND kind = 'device' AND value = ANY(%(device_ids)s)
UNION
SELECT user_ref FROM identities
WHERE app_id = %(app)s AND environment = ANY(%(environments)s)
  AND kind = 'click' AND value = ANY(%(click_ids)s)
UNION
SELECT user_ref FROM attributions JOIN users ON users.id = user_ref
WHERE click_id = ANY(%(click_ids)s) AND superseded_at IS NULL AND users.app_id = %(app)s
UNION
SELECT users.id FROM events
JOIN users ON users.app_id = events.app_id AND users.environment = events.environment
    AND users.user_id = events.user_id COLLATE "C"
WHERE events.receipt = ANY(%(receipts)s::uuid[]) AND events.app_id = %(app)s
"""
# The expression of the index of users by their adid.
_OF_ADIDS = r"""
SELECT id FROM users
WHERE substr(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 1, 16) = ANY(%s)
  AND app_id = %s
"""
# Devices that were reset: each keeps its former user id as an identity.
_RESET_BEFORE = """
SELECT former.user_ref FROM users
JOIN identities AS former ON former.app_id = users.app_id AND former.environment = users.environment
    AND former.kind = 'click' AND former.value = users.user_id
JOIN users AS reset ON reset.id = former.user_ref AND reset.detached_at IS NOT NULL
WHERE users.id = ANY(%s)
"""
_CLICKS_OF_RECEIPTS = """
SELECT click_id FROM clicks
WHERE receipt = ANY(%s::uuid[]) AND app_id = %s AND NOT starts_with(click_id, 'erased:')
"""
# A repeat has a receipt of its own. A conflict is another event, of which nothing is stored.
_FIRST_RECEIPTS = """
SELECT first_receipt FROM duplicates
WHERE receipt = ANY(%s::uuid[]) AND app_id = %s AND NOT conflict
"""
# Of those who were detached some were reset only; an erased one is nobody any more.
_USERS = """
SELECT id, environment, user_id, device_ids, click_ids FROM users
WHERE id = ANY(%s) AND (detached_at IS NULL OR starts_with(user_id, 'reset:')) ORDER BY id
"""
_OF_OTHERS = """
SELECT kind, value FROM identities
WHERE app_id = %(app)s AND environment = ANY(%(environments)s)
  AND (kind = 'device' AND value = ANY(%(device_ids)s)
       OR kind = 'click' AND value = ANY(%(click_ids)s))
  AND user_ref <> ALL(%(users)s)
"""
_CLICKS = """
WITH mine AS (
    SELECT environment, click_id FROM clicks
    WHERE app_id = %(app)s AND environment = ANY(%(environments)s) AND click_id = ANY(%(click_ids)s)
    UNION
    SELECT environment, unnest(ARRAY[click_id, through]) FROM attributions
    JOIN users ON users.id = user_ref
    WHERE user_ref = ANY(%(users)s) AND superseded_at IS NULL
    UNION
    SELECT environment, click_id FROM click_device_ids
    WHERE ((event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10 = ANY(%(stretches)s)
      AND device_id = ANY(%(device_ids)s)
      AND app_id = %(app)s AND environment = ANY(%(environments)s)
    UNION
    SELECT environment, click_id
    FROM generate_series(DATE '2000-01-01', CURRENT_DATE + 2, interval '1 day') AS day
    CROSS JOIN LATERAL (
        SELECT environment, click_id FROM view_device_ids
        WHERE (event_time AT TIME ZONE 'UTC')::date = day::date
          AND device_id = ANY(%(device_ids)s)
          AND app_id = %(app)s AND environment = ANY(%(environments)s)
        OFFSET 0
    ) AS seen
)
SELECT DISTINCT mine.environment, mine.click_id, clicks.receipt
FROM mine JOIN clicks ON clicks.click_id = mine.click_id
    AND clicks.app_id = %(app)s AND clicks.environment = mine.environment
WHERE NOT EXISTS (
    SELECT FROM attributions JOIN users ON users.id = user_ref
    WHERE attributions.click_id = mine.click_id AND superseded_at IS NULL
      AND users.app_id = %(app)s AND users.environment = mine.environment
      AND users.detached_at IS NULL AND user_ref <> ALL(%(users)s)
)
"""


class FoundUser(NamedTuple):
    """A user that an id leads to."""

    id: int
    environment: str
    user_id: str


class FoundClick(NamedTuple):
    """A click or impression of a person."""

    environment: str
    click_id: str
    receipt: UUID


class Subject(NamedTuple):
    """A person: their users and clicks, and every id that leads to nobody else."""

    users: Sequence[FoundUser]
    clicks: Sequence[FoundClick]
    ids: frozenset[PersonId]


def find_subject(
    connection: Connection,
    app_id: int,
    named: Iterable[PersonId],
    known: Iterable[PersonId] = (),
) -> Subject:
    """Finds the person that these ids name; an unknown id leads to itself alone.

    `known` are ids that the person has elsewhere: those that others have too are left out.
    """
    known = frozenset(known)
    named = frozenset(named) | {each for each in known if each.kind in _OF_ONE_PERSON}
    clicks = _values(named, IdKind.CLICK)
    receipts = _values(named, IdKind.EVENT)
    with index_only(connection):
        repeats = run(connection, _FIRST_RECEIPTS, (receipts, app_id)).fetchall()
        receipts += [str(first) for (first,) in repeats]
        clicks += [click for (click,) in run(connection, _CLICKS_OF_RECEIPTS, (receipts, app_id))]
        arguments: dict[str, object] = {
            "app": app_id,
            "environments": list(_ENVIRONMENTS),
            "user_ids": _values(named, IdKind.USER),
            "device_ids": _values(named, IdKind.DEVICE),
            "click_ids": clicks,
            "receipts": receipts,
            "stretches": list(_STRETCHES),
        }
        with rows_of_receipts(connection, map(UUID, receipts), app_id):
            refs = {ref for (ref,) in run(connection, _FIND, arguments)}
        # An adid is what people may take for a user ID or a device ID.
        texts = (each.value for each in named if each.kind in {IdKind.USER, IdKind.DEVICE})
        if adids := [adid for text in texts if (adid := adid_bytes(text)) is not None]:
            refs |= {ref for (ref,) in run(connection, _OF_ADIDS, (adids, app_id))}
        refs |= {ref for (ref,) in run(connection, _RESET_BEFORE, (sorted(refs),))}
        rows = run(connection, _USERS, (sorted(refs),)).fetchall()
        users = [FoundUser(*row[:3]) for row in rows]
        own = {PersonId(IdKind.DEVICE, each) for row in rows for each in row[3]}
        own |= {PersonId(IdKind.CLICK, each) for row in rows for each in row[4]}
        own |= known - named
        arguments |= {
            "users": [user.id for user in users],
            "device_ids": _values(own, IdKind.DEVICE),
            "click_ids": _values(own, IdKind.CLICK),
        }
        own -= {
            PersonId(IdKind(kind), text) for kind, text in run(connection, _OF_OTHERS, arguments)
        }
        ids = own | named | {PersonId(IdKind.CLICK, click) for click in clicks}
        arguments |= {
            "device_ids": _values(ids, IdKind.DEVICE),
            "click_ids": _values(ids, IdKind.CLICK),
        }
        found = [FoundClick(*row) for row in run(connection, _CLICKS, arguments)]
    ids |= {PersonId(IdKind.CLICK, click.click_id) for click in found}
    user_ids = {*_values(named, IdKind.USER), *(user.user_id for user in users)}
    ids |= set().union(*(ids_of_user(app_id, user_id) for user_id in user_ids))
    return Subject(users, found, frozenset(ids))


def _values(ids: Iterable[PersonId], kind: IdKind) -> list[str]:
    return sorted(identity.value for identity in ids if identity.kind is kind)
