"""Finds the ids that too many users name to identify anybody.

How many name an id is counted from the facts whenever it matters: when a user is first known by it,
and when a click matches by it. So a decision depends on the facts and not on their order. Whoever
was decided by the id before is noted as due, once: by the first transaction that sees one user too
many, which leaves a row in `wide_identifiers`. As every batch looks after its facts are committed,
the last of several that look at once sees them all.

An id is as wide as the number of users who name it, or of clicks without a source that lend it. A
device id that more clicks carry in ten days than anybody clicks is one of nobody for good.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from shared.database import Connection, index_only
from shared.device_ids import identifying, identifying_of
from shared.events import Event, Kind
from workers.core.history import Identity
from workers.core.rules import LIMITS
from workers.core.sources import origin_of_event
from workers.decisions.affected_users import READ_MAX
from workers.decisions.candidate_clicks import Clicks
from workers.decisions.due_decisions import ADD_DUE
from workers.decisions.load_history import UserCase
from workers.sql.json_rows import select_for, write_rows

_FOR_GOOD = LIMITS["identifier_users_max"][1]
_SENT = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, kind text, value text COLLATE "C", doubt smallint
)
"""
_WIDE = f"""
SELECT app_id, environment, kind, value, CASE doubt WHEN 3 THEN {_FOR_GOOD} ELSE users_max END,
       is_marked
FROM (
    SELECT sent.*, coalesce(identifier_users_max, 100) AS users_max, coalesce((
        SELECT marked.users_max >= coalesce(identifier_users_max, 100)
        FROM wide_identifiers AS marked
        WHERE marked.app_id = sent.app_id AND marked.environment = sent.environment
          AND marked.kind = sent.kind AND marked.value = sent.value
    ), false) AS is_marked
    FROM {_SENT} LEFT JOIN apps ON apps.id = app_id
    OFFSET 0
) AS sent
WHERE is_marked OR doubt = 3 OR doubt >= 1 AND users_max < (
    SELECT count(*) FROM (
        SELECT FROM identities AS named
        WHERE named.app_id = sent.app_id AND named.environment = sent.environment
          AND named.kind = sent.kind AND named.value = sent.value
        LIMIT {READ_MAX}
    ) AS named
) OR doubt = 2 AND kind = 'device' AND users_max < (
    SELECT count(*) FROM (
        SELECT FROM click_device_ids AS lent
        WHERE lent.device_id = sent.value AND lent.app_id = sent.app_id
          AND lent.environment = sent.environment AND lent.lends
        LIMIT {READ_MAX}
    ) AS lent
)
"""
_MARKED = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, kind text, value text COLLATE "C", users_max integer
)
"""
_MARK = f"""
INSERT INTO wide_identifiers (app_id, environment, kind, value, users_max, users)
SELECT app_id, environment, kind, value, users_max, users_max + 1 FROM {_MARKED}
ORDER BY app_id, environment, kind, value
ON CONFLICT (app_id, environment, kind, value) DO UPDATE SET
    users_max = greatest(wide_identifiers.users_max, excluded.users_max)
"""
_MARK_USER = """
INSERT INTO wide_identifiers (app_id, environment, kind, value, users_max, users)
SELECT app_id, environment, 'user', value, 0, ids FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, value text, ids integer
)
ORDER BY app_id, environment, value
ON CONFLICT DO NOTHING
"""
# Who names the id, and who names a click that lends it.
_ADD_NAMING = f"""
WITH sent AS MATERIALIZED (SELECT * FROM {_MARKED}), named AS (
    SELECT app_id, environment, kind, value FROM sent
    UNION
    SELECT sent.app_id, sent.environment, 'click', lent.click_id
    FROM sent
    CROSS JOIN LATERAL (
        SELECT click_id FROM click_device_ids AS lent
        WHERE sent.kind = 'device' AND lent.device_id = sent.value AND lent.lends
          AND lent.app_id = sent.app_id AND lent.environment = sent.environment
        OFFSET 0
    ) AS lent
), due AS (
    SELECT found.user_ref, 0::bigint AS from_ms
    FROM named
    CROSS JOIN LATERAL (
        SELECT user_ref FROM identities
        WHERE identities.app_id = named.app_id AND identities.environment = named.environment
          AND identities.kind = named.kind AND identities.value = named.value
        OFFSET 0
    ) AS found
    UNION ALL
    SELECT found.id, 0
    FROM named
    CROSS JOIN LATERAL (
        SELECT id FROM users
        WHERE named.kind = 'click' AND users.user_id = named.value
          AND users.app_id = named.app_id AND users.environment = named.environment
        OFFSET 0
    ) AS found
)
{ADD_DUE}
"""


class Doubt(IntEnum):
    """The reasons for which an id may be a wide one, each with more to look at than the last."""

    KNOWN = 0  # its user was decided by it before: it is one if it is marked as one
    NEW = 1  # a user names it for the first time
    MATCHED = 2  # a click matches by it, which may have been lent
    OVERFULL = 3  # more clicks carry it than anybody clicks


class IdentifierKey(NamedTuple):
    """A device id or click id in its app and environment."""

    app_id: int
    environment: str
    kind: str
    value: str


Doubts = Mapping[IdentifierKey, Doubt]


def exclude_named(
    connection: Connection, cases: Sequence[UserCase], *, marks: bool = True
) -> list[UserCase]:
    """Returns the cases with those of the ids that they name and that identify nobody.

    Without `marks` nothing is written: who only looks changes nothing.
    """
    if marks:
        overfull = [case for case in cases if not case.tail.identity.is_bounded]
        write_rows(connection, _MARK_USER, [row for case in overfull for row in _overflowing(case)])
    doubts: dict[IdentifierKey, Doubt] = {}
    for case in cases:
        tail = case.tail
        told, known = tail.told, tail.known if case.are_ids_judged else Identity()
        if case.has_wide:
            for key in _keys(case, tail.identity):
                doubts.setdefault(key, Doubt.KNOWN)
        device_ids = told.device_ids - known.device_ids
        click_ids = told.click_ids - known.click_ids - {case.user.user_id}
        if device_ids or click_ids:
            doubts |= dict.fromkeys(_keys(case, Identity(device_ids, click_ids)), Doubt.NEW)
    return _excluding(cases, _find_wide(connection, doubts, marks=marks))


def exclude_matched(
    connection: Connection, cases: Sequence[UserCase], clicks: Clicks, *, marks: bool = True
) -> list[UserCase]:
    """Returns the cases with those of the ids that clicks match by and that identify nobody."""
    doubts: dict[IdentifierKey, Doubt] = {}
    for case in cases:
        found = clicks.by_user.get(case.user.id, ())
        if not found and case.user.id not in clicks.overfull:
            continue
        own = case.tail.identifying
        named = [click for click in found if click.id in own.click_ids]
        carried = {it for click in found for it in identifying(click.device_ids)}
        lent = {it for click in named for it in identifying(click.device_ids)}
        matched = Identity(
            frozenset(carried & (own.device_ids | lent)), frozenset(click.id for click in named)
        )
        doubts |= dict.fromkeys(_keys(case, matched), Doubt.MATCHED)
        overfull = Identity(clicks.overfull.get(case.user.id, frozenset()))
        doubts |= dict.fromkeys(_keys(case, overfull), Doubt.OVERFULL)
    return _excluding(cases, _find_wide(connection, doubts, marks=marks))


def mark_lent(connection: Connection, events: Iterable[Event]) -> None:
    """Finds the device ids that these clicks lend and that too many clicks do."""
    lent = {
        IdentifierKey(event.app_id, event.environment, "device", device_id): Doubt.MATCHED
        for event in events
        if event.kind is Kind.CLICK and event.link_id is None and origin_of_event(event) is None
        for device_id in identifying_of(event.device_ids)
    }
    if lent:
        with index_only(connection):
            _find_wide(connection, lent)


def _keys(case: UserCase, ids: Identity) -> Iterator[IdentifierKey]:
    place = (case.user.app_id, case.user.environment)
    yield from (IdentifierKey(*place, "device", value) for value in ids.device_ids)
    yield from (IdentifierKey(*place, "click", value) for value in ids.click_ids)


def _excluding(cases: Sequence[UserCase], wide: Collection[IdentifierKey]) -> list[UserCase]:
    if not wide:
        return list(cases)
    excluded = []
    for case in cases:
        here = {key for key in wide if key[:2] == (case.user.app_id, case.user.environment)}
        before = case.tail.wide
        ids = Identity(
            before.device_ids | {key.value for key in here if key.kind == "device"},
            before.click_ids | {key.value for key in here if key.kind == "click"},
        )
        tail = msgspec.structs.replace(case.tail, wide=ids)
        excluded.append(msgspec.structs.replace(case, tail=tail))
    return excluded


def _find_wide(connection: Connection, doubts: Doubts, *, marks: bool = True) -> set[IdentifierKey]:
    """Finds the wide ones of these ids, and notes who was decided by one that is newly so."""
    rows: list[dict[str, object]] = [
        {**key._asdict(), "doubt": int(doubt)} for key, doubt in doubts.items()
    ]
    found = select_for(connection, _WIDE, rows)
    new: list[dict[str, object]] = [
        {**IdentifierKey(*key)._asdict(), "users_max": users_max}
        for *key, users_max, is_marked in found
        if marks and not is_marked
    ]
    write_rows(connection, _MARK, new)
    write_rows(connection, _ADD_NAMING, new)
    return {IdentifierKey(*key) for *key, _, _ in found}


def _overflowing(case: UserCase) -> Iterator[dict[str, object]]:
    """Yields the user if they name more ids than anybody has, unless that was known before."""
    user, known = case.user, Identity() if case.tail.prior is None else case.tail.known
    before, now = known.without(Identity()), case.tail.identity.without(Identity())
    for old, ids, kept in (
        (before.device_ids or not known.device_ids, case.tail.identity.device_ids, now.device_ids),
        (before.click_ids or not known.click_ids, case.tail.identity.click_ids, now.click_ids),
    ):
        if old and ids and not kept:
            yield {
                "app_id": user.app_id,
                "environment": user.environment,
                "value": user.user_id,
                "ids": len(ids),
            }
