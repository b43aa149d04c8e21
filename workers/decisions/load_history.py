"""Loads the tails of users' histories, from which decisions are made.

It takes a constant number of statements for any number of users. The signals of a tail say where it
starts (`signal_tails`); what stands from there on, and the last before it, is loaded with it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import msgspec

from shared.database import Connection
from shared.vocabulary import Certainty, Rule
from workers.core.attribution import Attribution
from workers.core.decision import Tail
from workers.core.history import Moment, Origin, OriginKind, in_order
from workers.core.rules import Rules
from workers.core.sessions import Session
from workers.core.waterfall import Beaten
from workers.decisions.affected_users import User
from workers.decisions.app_rules import load_rules
from workers.decisions.signal_tails import BEGINNING_MS, load_signals
from workers.sql.expressions import as_ms, from_ms
from workers.sql.json_rows import select_for

Row = TypeVar("Row")

_BEATEN = msgspec.json.Decoder(tuple[Beaten, ...])

_ATTRIBUTION = f"""
    {as_ms("attributions.event_time")}, attributions.receipt::text, rule, click_id, origin_kind,
    origin, through, beaten::text, considered, is_reattribution, rules_version, compared, certainty
"""

_STARTS = f"""
    SELECT user_ref, {from_ms("start_ms")} AS at
    FROM json_to_recordset(%s::json) AS sent (user_ref bigint, start_ms bigint)
"""

# The last attribution before the tail, and all that are in force in it.
_ATTRIBUTIONS = f"""
SELECT start.user_ref, attributions.event_time < start.at, {_ATTRIBUTION}
FROM ({_STARTS}) AS start
CROSS JOIN LATERAL (
    (SELECT * FROM attributions
     WHERE attributions.user_ref = start.user_ref AND superseded_at IS NULL
       AND event_time < start.at
     ORDER BY event_time DESC, receipt DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM attributions
     WHERE attributions.user_ref = start.user_ref AND superseded_at IS NULL
       AND event_time >= start.at)
) AS attributions
"""

_SESSIONS = f"""
SELECT start.user_ref, start_time < start.at, {as_ms("start_time")}, start_receipt::text,
       {as_ms("last_activity")}, opens, events
FROM ({_STARTS}) AS start
CROSS JOIN LATERAL (
    (SELECT * FROM sessions
     WHERE sessions.user_ref = start.user_ref AND start_time < start.at
     ORDER BY start_time DESC, start_receipt DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM sessions
     WHERE sessions.user_ref = start.user_ref AND start_time >= start.at)
) AS sessions
"""

_DAYS = f"""
SELECT start.user_ref, activity.day
FROM ({_STARTS}) AS start
CROSS JOIN LATERAL (
    SELECT day FROM activity
    WHERE activity.user_ref = start.user_ref AND day >= (start.at AT TIME ZONE 'UTC')::date
    OFFSET 0
) AS activity
"""


class StoredDecisions(msgspec.Struct, frozen=True):
    """The stored decisions of a tail, and the active days from its first day on."""

    attributions: frozenset[Attribution]
    sessions: frozenset[Session]
    days: frozenset[date]


class UserCase(msgspec.Struct, frozen=True):
    """A user with the tail that is decided, which starts at `start_ms`.

    `has_wide` tells whether there are ids of too many in their app (`wide_identifiers`).
    """

    user: User
    rules: Rules
    start_ms: int
    tail: Tail
    stored: StoredDecisions
    has_wide: bool = False

    @property
    def are_ids_judged(self) -> bool:
        """Tells whether a decision has judged the ids that the user is known by, by these rules."""
        before = self.stored.attributions
        is_decided = all(each.rules_version == self.rules.version for each in before)
        return self.tail.prior is not None or (bool(before) and is_decided)


def load_cases(
    connection: Connection, users: Sequence[User], earliest_ms: Mapping[int, int]
) -> list[UserCase]:
    """Loads each user's tail around the earliest change, or all signals where the tail needs them.

    That is the case if a tail has new ids, and if a user who was never decided has earlier signals:
    another worker, which may have died since, has committed them and not decided them yet.
    """
    rules, with_wide = load_rules(connection, {user.app_id for user in users})
    cases = _load_tails(connection, users, earliest_ms, rules)
    incomplete = [case.user for case in cases if case.tail.needs_all]
    if incomplete:
        complete = [case for case in cases if not case.tail.needs_all]
        beginnings = dict.fromkeys((user.id for user in incomplete), BEGINNING_MS)
        cases = complete + _load_tails(connection, incomplete, beginnings, rules)
    return [
        msgspec.structs.replace(case, has_wide=True) if case.user.app_id in with_wide else case
        for case in cases
    ]


def _load_tails(
    connection: Connection,
    users: Sequence[User],
    earliest_ms: Mapping[int, int],
    rules: Mapping[int, Rules],
) -> list[UserCase]:
    tails = load_signals(connection, users, earliest_ms, rules)
    starts: list[dict[str, object]] = [
        {"user_ref": user.id, "start_ms": tails.starts_ms[user.id]} for user in users
    ]
    attributions = _split(select_for(connection, _ATTRIBUTIONS, starts), _read_attribution)
    sessions = _split(
        select_for(connection, _SESSIONS, starts),
        lambda row: Session(
            start=Moment(row[0], row[1]), last_activity_ms=row[2], opens=row[3], events=row[4]
        ),
    )
    for user_ref, mark in tails.marks.items():
        # The session that was running at the mark is one that the tail may change.
        stored = sessions.before.get(user_ref)
        if stored is not None:
            sessions.inside[user_ref].append(stored)
        if mark.session is not None:
            sessions.before[user_ref] = mark.session
    days: dict[int, set[date]] = defaultdict(set)
    for user_ref, day in select_for(connection, _DAYS, starts):
        days[user_ref].add(day)
    return [
        UserCase(
            user,
            rules[user.app_id],
            tails.starts_ms[user.id],
            Tail(
                app=str(user.app_id),
                known=user.known,
                signals=in_order(tails.signals[user.id]),
                prior=attributions.before.get(user.id),
                last_session=sessions.before.get(user.id),
                has_earlier=tails.has_earlier[user.id],
                last_signal_ms=tails.last_ms.get(user.id, 0),
                running=tails.marks[user.id].session if user.id in tails.marks else None,
            ),
            StoredDecisions(
                attributions=frozenset(attributions.inside[user.id]),
                sessions=frozenset(sessions.inside[user.id]),
                days=frozenset(days[user.id]),
            ),
        )
        for user in users
    ]


@dataclass(frozen=True, slots=True)
class _Split(Generic[Row]):
    """The last row before the tail and the rows in it, by user."""

    before: dict[int, Row]
    inside: dict[int, list[Row]]


def _split(rows: Iterable[Sequence[Any]], read: Callable[[Sequence[Any]], Row]) -> _Split[Row]:
    split: _Split[Row] = _Split({}, defaultdict(list))
    for user_ref, is_before, *row in rows:
        if is_before:
            split.before[user_ref] = read(row)
        else:
            split.inside[user_ref].append(read(row))
    return split


def _read_attribution(row: Sequence[Any]) -> Attribution:
    time_ms, receipt, rule, click_id, kind, name, through, beaten, *others = row
    considered, again, version, compared, certainty = others
    return Attribution(
        moment=Moment(time_ms, receipt),
        rule=Rule(rule),
        click_id=click_id,
        origin=None if name is None else Origin(OriginKind(kind), name),
        through=through,
        beaten=_BEATEN.decode(beaten),
        considered=considered,
        is_reattribution=again,
        rules_version=version,
        compared=compared,
        certainty=None if certainty is None else Certainty(certainty),
    )
