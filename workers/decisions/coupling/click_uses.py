"""Keeps which decisions depend on a click, in apps where a click is credited once (`core.uses`).

The users of a click are rows of `click_uses` in the order of their decisions: one who is credited
with it, and those behind them who found it used up. When a decision changes what it makes of a
click, the next user of the click becomes due, and when that changes something, the one behind them.
So a late fact recalculates those whom it concerns, one after the other, and ends with the first who
stays as they are. Decisions of one app are made one transaction at a time, or two could take a
click at once.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from shared.database import Connection, run
from shared.shards.advisory_locks import KEY_OF_APPS, AdvisoryLock
from workers.core.decision import Decision, Tail
from workers.core.history import Click
from workers.core.uses import ClickUse, Credit, used_up_from_ms
from workers.decisions.affected_users import User
from workers.decisions.candidate_clicks import Clicks
from workers.decisions.diff import Difference
from workers.decisions.due_decisions import ADD_DUE
from workers.decisions.load_history import UserCase
from workers.sql.expressions import as_ms, from_ms, until
from workers.sql.json_rows import select_for, write_rows

_USING = """
SELECT id, {lock}({key}, id::integer)
FROM (
    SELECT id FROM apps WHERE id = ANY(%s) AND click_users_max > 0 ORDER BY id OFFSET 0
) AS using_up
"""
_LOCK = _USING.format(lock="pg_advisory_xact_lock", key=KEY_OF_APPS)
_TRY_LOCK = _USING.format(lock="pg_try_advisory_xact_lock", key=KEY_OF_APPS)

_CREDITS = f"""
SELECT sent.app_id, sent.environment, sent.click_id, credit.user_ref, credit.time_ms, users.user_id
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, click_id text COLLATE "C"
)
CROSS JOIN LATERAL (
    SELECT user_ref, {as_ms("event_time")} AS time_ms FROM click_uses
    WHERE click_uses.click_id = sent.click_id AND click_uses.app_id = sent.app_id
      AND click_uses.environment = sent.environment AND is_credited
    OFFSET 0
) AS credit
JOIN users ON users.id = credit.user_ref
"""
_STORED = f"""
SELECT user_ref, click_id, {as_ms("event_time")}, is_credited
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, start_ms bigint, end_ms bigint)
JOIN click_uses USING (user_ref)
WHERE event_time >= {from_ms("start_ms")} AND event_time < {until("end_ms")}
"""
_SENT = """
json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, click_id text COLLATE "C", time_ms bigint, user_ref bigint,
    is_credited boolean
)
"""
_DELETE = f"""
DELETE FROM click_uses USING {_SENT}
WHERE click_uses.click_id = sent.click_id AND click_uses.app_id = sent.app_id
  AND click_uses.environment = sent.environment AND click_uses.user_ref = sent.user_ref
  AND event_time = {from_ms("time_ms")}
"""
_INSERT = f"""
INSERT INTO click_uses (app_id, environment, click_id, event_time, user_ref, is_credited)
SELECT app_id, environment, click_id, {from_ms("time_ms")}, user_ref, is_credited FROM {_SENT}
"""
# Those of the same millisecond too: which of them comes first, their names say.
_ADD_NEXT = f"""
WITH sent AS MATERIALIZED (SELECT * FROM {_SENT}), due AS (
    SELECT behind.user_ref, {as_ms("behind.event_time")} AS from_ms
    FROM sent
    CROSS JOIN LATERAL (
        (SELECT user_ref, event_time FROM click_uses
         WHERE click_uses.click_id = sent.click_id AND click_uses.app_id = sent.app_id
           AND click_uses.environment = sent.environment AND event_time = {from_ms("time_ms")})
        UNION ALL
        (SELECT user_ref, event_time FROM click_uses
         JOIN users ON users.id = user_ref AND detached_at IS NULL
         WHERE click_uses.click_id = sent.click_id AND click_uses.app_id = sent.app_id
           AND click_uses.environment = sent.environment AND event_time > {from_ms("time_ms")}
         ORDER BY event_time FETCH FIRST 1 ROW WITH TIES)
    ) AS behind
    WHERE behind.user_ref <> sent.user_ref
)
{ADD_DUE}
"""

Place = tuple[int, str, str]  # an app, an environment, and a click id in them


def lock_credits(connection: Connection, users: Sequence[User], *, waits: bool) -> list[User]:
    """Locks the credits of those of the users' apps where a click is credited once.

    Taken behind the locks of the users, so that nobody who holds it waits for one of these. Without
    `waits`, users of an app that somebody else decides are left out.
    """
    apps = sorted({user.app_id for user in users})
    rows = run(connection, _LOCK if waits else _TRY_LOCK, (AdvisoryLock.USE_CLICKS.value, apps))
    busy = {app for app, is_locked in rows if is_locked is False}
    return [user for user in users if user.app_id not in busy]


class Ledger(msgspec.Struct, frozen=True):
    """The credits of clicks, as of each decision of a transaction.

    `holders` has them by click and user, `held` the clicks of each user.
    """

    holders: dict[Place, dict[int, list[Credit]]] = {}
    held: dict[int, set[Place]] = {}

    def in_order(self, cases: Sequence[UserCase]) -> Sequence[UserCase]:
        """Returns the cases by the time of what is decided, so that few are decided twice."""
        if not any(case.rules.click_users_max for case in cases):
            return cases
        return sorted(
            cases,
            key=lambda case: (
                min((signal.time_ms for signal in case.tail.signals), default=0),
                case.user.user_id,
            ),
        )

    def tail_of(self, case: UserCase, clicks: Iterable[Click]) -> Tail:
        """Returns the case's tail with the clicks that are used up for its user."""
        if not case.rules.click_users_max:
            return case.tail
        return msgspec.structs.replace(case.tail, used_from_ms=self.used_from_ms(case, clicks))

    def used_from_ms(self, case: UserCase, clicks: Iterable[Click]) -> Mapping[str, int]:
        """Returns the clicks that others were credited with, and from when on they are used up."""
        user = case.user
        used = {}
        for click in clicks if case.rules.click_users_max else ():
            holders = self.holders.get((user.app_id, user.environment, click.id), {})
            others = (it for holder, times in holders.items() if holder != user.id for it in times)
            from_ms_ = used_up_from_ms(others, user.user_id)
            if from_ms_ is not None:
                used[click.id] = from_ms_
        return used

    def note(self, case: UserCase, decision: Decision) -> None:
        """Replaces the user's credits from the start of their tail to its end."""
        if not case.rules.click_users_max:
            return
        user = case.user
        end_ms = math.inf if case.end_ms is None else case.end_ms
        for place in self.held.get(user.id, ()):
            credits_ = self.holders[place][user.id]
            self.holders[place][user.id] = [
                it for it in credits_ if not case.start_ms <= it.time_ms < end_ms
            ]
        for use in decision.uses:
            if use.is_credited:
                place = (user.app_id, user.environment, use.click_id)
                self.add(place, user.id, Credit(use.time_ms, user.user_id))

    def add(self, place: Place, user_ref: int, credit: Credit) -> None:
        """Adds a credit of a user."""
        self.holders.setdefault(place, {}).setdefault(user_ref, []).append(credit)
        self.held.setdefault(user_ref, set()).add(place)


def load_credits(connection: Connection, cases: Sequence[UserCase], clicks: Clicks) -> Ledger:
    """Loads who was credited with the clicks that could matter to these users."""
    places = {
        (case.user.app_id, case.user.environment, click.id)
        for case in cases
        if case.rules.click_users_max
        for click in clicks.by_user.get(case.user.id, ())
        if click.origin is not None
    }
    rows: list[dict[str, object]] = [
        {"app_id": app, "environment": environment, "click_id": click}
        for app, environment, click in sorted(places)
    ]
    ledger = Ledger({}, {})
    for *place, user_ref, time_ms, user_id in select_for(connection, _CREDITS, rows):
        app, environment, click = place
        ledger.add((app, environment, click), user_ref, Credit(time_ms, user_id))
    return ledger


def write_uses(connection: Connection, differences: Sequence[Difference]) -> None:
    """Writes on which clicks the decisions depend, and notes whom a change concerns as due."""
    using = [each for each in differences if each.case.rules.click_users_max]
    starts: list[dict[str, object]] = [
        {"user_ref": each.user_ref, "start_ms": max(each.start_ms, 0), "end_ms": each.end_ms}
        for each in using
    ]
    stored: dict[int, set[ClickUse]] = defaultdict(set)
    for user_ref, click_id, time_ms, is_credited in select_for(connection, _STORED, starts):
        stored[user_ref].add(ClickUse(click_id, time_ms, is_credited))
    removed: list[dict[str, object]] = []
    added: list[dict[str, object]] = []
    for each in using:
        before, after = stored[each.user_ref], set(each.decision.uses)
        removed += _rows(each, before - after)
        added += _rows(each, after - before)
    write_rows(connection, _DELETE, removed)
    write_rows(connection, _INSERT, added)
    # Nobody has lost what a new user found used up already.
    write_rows(connection, _ADD_NEXT, removed + [row for row in added if row["is_credited"]])


def _rows(difference: Difference, uses: Iterable[ClickUse]) -> Iterator[dict[str, object]]:
    user = difference.case.user
    for use in sorted(uses, key=lambda use: (use.time_ms, use.click_id)):
        yield {
            "app_id": user.app_id,
            "environment": user.environment,
            "user_ref": user.id,
            **msgspec.structs.asdict(use),
        }
