"""Finds the ids that too many users name to identify anybody.

How many name an id is counted from the facts whenever it matters: when a user is first known by it,
and when a click matches by it. So a decision depends on the facts and not on their order. Whoever
was decided by the id before is noted as due, once: by the first transaction that sees one user too
many, which leaves a row in `wide_identifiers`. As every batch looks after its facts are committed,
the last of several that look at once sees them all.

An id is as wide as the number of users who name it, or of clicks without a source that lend it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from shared.database import Connection, index_only
from shared.device_ids import identifying, usable
from shared.events import Event, Kind
from workers.core.history import Click, Identity, ids_told
from workers.core.sources import origin_of_event
from workers.decisions.affected_users import READ_MAX
from workers.decisions.candidate_clicks import Clicks
from workers.decisions.due_decisions import ADD_DUE
from workers.decisions.load_history import UserCase
from workers.sql.json_rows import select_for, write_rows

_SENT = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, kind text, value text COLLATE "C", is_matched boolean
)
"""
_WIDE = f"""
SELECT app_id, environment, kind, value, users_max, coalesce(
    (SELECT marked.users_max >= sent.users_max FROM wide_identifiers AS marked
     WHERE marked.app_id = sent.app_id AND marked.environment = sent.environment
       AND marked.kind = sent.kind AND marked.value = sent.value), false
)
FROM (
    SELECT sent.*, coalesce(identifier_users_max, 100) AS users_max
    FROM {_SENT} LEFT JOIN apps ON apps.id = app_id
    OFFSET 0
) AS sent
WHERE users_max < (
    SELECT count(*) FROM (
        SELECT FROM identities AS named
        WHERE named.app_id = sent.app_id AND named.environment = sent.environment
          AND named.kind = sent.kind AND named.value = sent.value
        LIMIT {READ_MAX}
    ) AS named
) OR is_matched AND kind = 'device' AND users_max < (
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


class IdentifierKey(NamedTuple):
    """A device id or click id in its app and environment."""

    app_id: int
    environment: str
    kind: str
    value: str


def exclude_wide(
    connection: Connection, cases: Sequence[UserCase], clicks: Clicks
) -> list[UserCase]:
    """Returns the cases with those of their ids that identify nobody."""
    matched: dict[IdentifierKey, bool] = {}
    for case in cases:
        for key, is_matched in _in_question(case, clicks.get(case.user.id, ())):
            matched[key] = matched.get(key, False) or is_matched
    wide = _find_wide(connection, matched)
    write_rows(connection, _MARK_USER, [row for case in cases for row in _overflowing(case)])
    if not wide:
        return list(cases)
    excluded = []
    for case in cases:
        place = (case.user.app_id, case.user.environment)
        here = [key for key in wide if key[:2] == place]
        ids = Identity(
            frozenset(key.value for key in here if key.kind == "device"),
            frozenset(key.value for key in here if key.kind == "click"),
        )
        tail = msgspec.structs.replace(case.tail, wide=ids)
        excluded.append(msgspec.structs.replace(case, tail=tail))
    return excluded


def mark_lent(connection: Connection, events: Iterable[Event]) -> None:
    """Finds the device ids that these clicks lend and that too many clicks do."""
    lent = {
        IdentifierKey(event.app_id, event.environment, "device", device_id): True
        for event in events
        if event.kind is Kind.CLICK and origin_of_event(event) is None
        for device_id in identifying(usable(event.device_ids))
    }
    if lent:
        with index_only(connection):
            _find_wide(connection, lent)


def _in_question(case: UserCase, clicks: Sequence[Click]) -> Iterator[tuple[IdentifierKey, bool]]:
    """Yields the ids that are new to the user, and (true) those by which a click matches."""
    user, tail = case.user, case.tail
    told, known = ids_told(tail.signals), Identity() if tail.prior is None else tail.known
    lenders = [each for each in clicks if each.id in tail.identifying.click_ids]
    carried = {it for each in clicks for it in identifying(each.device_ids)}
    lent = {it for each in lenders for it in identifying(each.device_ids)}
    place = (user.app_id, user.environment)
    for value in told.device_ids - known.device_ids:
        yield IdentifierKey(*place, "device", value), False
    for value in told.click_ids - known.click_ids - {user.user_id}:
        yield IdentifierKey(*place, "click", value), False
    for value in carried & (tail.identifying.device_ids | lent):
        yield IdentifierKey(*place, "device", value), True
    for click in lenders:
        yield IdentifierKey(*place, "click", click.id), True


def _find_wide(connection: Connection, matched: Mapping[IdentifierKey, bool]) -> set[IdentifierKey]:
    """Finds the wide ones of these ids, and notes who was decided by one that is newly so."""
    rows: list[dict[str, object]] = [
        {**key._asdict(), "is_matched": is_matched} for key, is_matched in matched.items()
    ]
    found = select_for(connection, _WIDE, rows)
    new: list[dict[str, object]] = [
        {**IdentifierKey(*key)._asdict(), "users_max": users_max}
        for *key, users_max, is_marked in found
        if not is_marked
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
