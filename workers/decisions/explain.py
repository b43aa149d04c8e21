"""Reads what explains the first attributions of users: the facts that decide, and clicks nearby.

It reads exactly what a decision reads, without locking anybody, and besides the clicks from the
same address that could not count: of other devices, too old, or too late. The console asks here.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

import msgspec

from shared.database import Connection, index_only, run
from workers.core.addresses import public_address
from workers.core.days import utc_days
from workers.core.explanation import Explanation, explain
from workers.core.history import Click, History, Identity, in_order
from workers.core.rules import DAY_MS, HOUR_MS
from workers.decisions.affected_users import User
from workers.decisions.candidate_clicks import CLICK_COLUMNS, load_clicks, read_click, sightings_of
from workers.decisions.coupling.click_uses import load_credits
from workers.decisions.coupling.newcomers import count_newcomers
from workers.decisions.load_history import UserCase, load_cases
from workers.decisions.signal_tails import BEGINNING_MS
from workers.decisions.wide_identifiers import exclude_matched, exclude_named
from workers.sql.expressions import as_ms, day_of, from_ms
from workers.sql.json_rows import select_for

USERS_MAX = 500  # in one read
BEFORE_MS = 2 * DAY_MS  # as long as the longest window for addresses, and a day more
AFTER_MS = HOUR_MS  # a click that came after the first signal is worth seeing: it cannot count
NEARBY_MAX = 50

_USERS = f"""
SELECT id, app_id, environment, user_id, device_ids, click_ids, {as_ms("first_time")}
FROM users WHERE id = ANY(%s) ORDER BY id
"""
_NEARBY = f"""
SELECT user_ref, nearby.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, address text, days date[],
    from_ms bigint, to_ms bigint
)
CROSS JOIN LATERAL (
    SELECT {CLICK_COLUMNS}
    FROM unnest(days) AS day
    CROSS JOIN LATERAL (
        SELECT * FROM clicks
        WHERE {day_of("clicks.event_time")} = day
          AND clicks.app_id = sent.app_id AND clicks.environment = sent.environment
          AND clicks.address = sent.address AND clicks.kind = 'click'
          AND clicks.event_time BETWEEN {from_ms("from_ms")} AND {from_ms("to_ms")}
        OFFSET 0
    ) AS clicks
    ORDER BY clicks.event_time DESC LIMIT {NEARBY_MAX}
) AS nearby
"""
# By an index of its own.
_NEARBY_VIEWS = _NEARBY.replace("clicks.kind = 'click'", "clicks.kind = 'impression'")


class ExplainedUser(msgspec.Struct, frozen=True):
    """A user with the explanation of their first attribution, by version `rules_version`."""

    user_id: str
    rules_version: int
    explanation: Explanation


def explain_users(connection: Connection, user_refs: Sequence[int]) -> list[ExplainedUser]:
    """Explains the first attributions of users, at most USERS_MAX; those without signals have none.

    The rules are those that the app has now.
    """
    with index_only(connection):
        users = [
            User(id_, app, environment, user, Identity(frozenset(devices), frozenset(ids)), first)
            for id_, app, environment, user, devices, ids, first in run(
                connection, _USERS, (list(user_refs),)
            )
        ]
        cases = load_cases(connection, users, dict.fromkeys(user_refs, BEGINNING_MS))
        cases = exclude_named(connection, cases, marks=False)
        clicks = load_clicks(connection, cases)
        cases = exclude_matched(connection, cases, clicks, marks=False)
        cases = count_newcomers(connection, cases, clicks)
        ledger = load_credits(connection, cases, clicks)
        nearby = _load_nearby(connection, cases)
    explained = []
    for case in cases:
        candidates = clicks.by_user.get(case.user.id, ())
        others = [click for click in nearby[case.user.id] if click not in candidates]
        history = History(
            app=case.tail.app,
            signals=case.tail.signals,
            clicks=(*candidates, *others),
            known=case.tail.known,
            newcomers=case.tail.newcomers,
            wide=case.tail.wide,
            used_from_ms=ledger.used_from_ms(case, candidates),
        )
        explanation = explain(history, case.rules)
        if explanation is not None:
            explained.append(ExplainedUser(case.user.user_id, case.rules.version, explanation))
    return explained


def _load_nearby(connection: Connection, cases: Sequence[UserCase]) -> dict[int, list[Click]]:
    rows: list[dict[str, object]] = []
    for case in cases:
        first_ms, seen = sightings_of(case, ())
        addresses = {address for address, _ in seen}
        if not seen:  # then what came near is found by what the first call should have told
            told = (public_address(signal.address) for signal in in_order(case.tail.signals))
            addresses = set(islice(filter(None, told), 1))
        from_ms, to_ms = first_ms - BEFORE_MS, first_ms + AFTER_MS
        rows += [
            {
                "user_ref": case.user.id,
                "app_id": case.user.app_id,
                "environment": case.user.environment,
                "address": address,
                "days": utc_days(from_ms, to_ms),
                "from_ms": from_ms,
                "to_ms": to_ms,
            }
            for address in sorted(addresses)
        ]
    apps = {case.user.id: case.tail.app for case in cases}
    nearby: dict[int, list[Click]] = defaultdict(list)
    for statement in (_NEARBY, _NEARBY_VIEWS):
        for user, *row in select_for(connection, statement, rows):
            nearby[user].append(read_click(apps[user], row))
    return nearby
