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
from shared.zones.app_days import UTC_ZONE
from workers.core.attribution import Attribution
from workers.core.decision import Tail
from workers.core.history import Moment, Origin, OriginKind, in_order
from workers.core.rules import Rules
from workers.core.sessions import Session
from workers.core.waterfall import Beaten
from workers.decisions.affected_users import User
from workers.decisions.app_rules import load_rules
from workers.decisions.long_histories.cut_tails import EVERYTHING, DecisionScope, cut_tails
from workers.decisions.long_histories.windows import Window
from workers.decisions.signal_tails import BEGINNING_MS, load_signals
from workers.sql.expressions import as_ms, from_ms, until
from workers.sql.json_rows import select_for

Row = TypeVar("Row")

_BEATEN = msgspec.json.Decoder(tuple[Beaten, ...])

_ATTRIBUTION = f"""
    {as_ms("attributions.event_time")}, attributions.receipt::text, rule, click_id, origin_kind,
    origin, through, beaten::text, considered, is_reattribution, rules_version, compared, certainty
"""

_STARTS = f"""
    SELECT user_ref, {from_ms("start_ms")} AS at, {until("end_ms")} AS until
    FROM json_to_recordset(%s::json) AS sent (user_ref bigint, start_ms bigint, end_ms bigint)
"""

# The last attribution before the tail, and all that are in force in it.
_USUAL = (UTC_ZONE, False)  # of an app: its zone, and whether it has wide identifiers

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
       AND event_time >= start.at AND event_time < start.until)
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
     WHERE sessions.user_ref = start.user_ref
       AND start_time >= start.at AND start_time < start.until)
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

    `has_wide` tells whether there are ids of too many in their app (`wide_identifiers`), `zone` is
    the time zone of its days. `is_marked` tells that the tail starts at a mark; `window` is there
    if it is a part of a history that may not be decided at once (`long_histories`).
    """

    user: User
    rules: Rules
    start_ms: int
    tail: Tail
    stored: StoredDecisions
    has_wide: bool = False
    zone: str = UTC_ZONE
    is_marked: bool = False
    window: Window | None = None

    @property
    def end_ms(self) -> int | None:
        """Returns where the tail ends before the history does, None if it does not."""
        return self.window.end_ms if self.window else None

    @property
    def are_ids_judged(self) -> bool:
        """Tells whether a decision has judged the ids that the user is known by, by these rules."""
        before = self.stored.attributions
        is_decided = all(each.rules_version == self.rules.version for each in before)
        return self.tail.prior is not None or (bool(before) and is_decided)


def load_cases(
    connection: Connection,
    users: Sequence[User],
    earliest_ms: Mapping[int, int],
    scope: DecisionScope = EVERYTHING,
) -> list[UserCase]:
    """Loads each user's tail around the earliest change, or all signals where the tail needs them.

    That is the case if a tail has new ids, and if a user who was never decided has earlier signals:
    another worker, which may have died since, has committed them and not decided them yet.
    """
    apps = load_rules(connection, {user.app_id for user in users})
    rules = {app: facts.rules for app, facts in apps.items()}
    cases = _load_tails(connection, users, earliest_ms, rules, scope)
    incomplete = [case for case in cases if case.tail.needs_all]
    if incomplete:
        complete = [case for case in cases if not case.tail.needs_all]
        again = [case.user for case in incomplete]
        beginnings = dict.fromkeys((user.id for user in again), BEGINNING_MS)
        everything = msgspec.structs.replace(scope, latest_ms={})
        told = {case.user.id: case.tail.told for case in incomplete}
        cases = complete + [
            msgspec.structs.replace(
                case,
                tail=msgspec.structs.replace(case.tail, told_elsewhere=told[case.user.id]),
            )
            for case in _load_tails(connection, again, beginnings, rules, everything)
        ]
    return [
        case
        if (facts := apps[case.user.app_id])[1:] == _USUAL
        else msgspec.structs.replace(case, zone=facts.zone, has_wide=facts.has_wide)
        for case in cases
    ]


def _load_tails(
    connection: Connection,
    users: Sequence[User],
    earliest_ms: Mapping[int, int],
    rules: Mapping[int, Rules],
    scope: DecisionScope,
) -> list[UserCase]:
    tails = load_signals(connection, users, earliest_ms, rules)
    ordered = {user.id: in_order(tails.signals[user.id]) for user in users}
    windows = cut_tails(connection, users, tails, ordered, rules, scope)
    ends = {user: window.end_ms for user, window in windows.items()}
    starts: list[dict[str, object]] = [
        {
            "user_ref": user.id,
            "start_ms": tails.starts_ms[user.id],
            **({"end_ms": ends[user.id]} if user.id in ends else {}),
        }
        for user in users
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
                signals=ordered[user.id],
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
            is_marked=user.id in tails.marks,
            window=windows.get(user.id),
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
