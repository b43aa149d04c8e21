"""Writes the callbacks that follow from decisions, in the transaction of the decisions.

An app without callback endpoints costs one look-up for each transaction. A callback that was not
attempted yet is kept in agreement with the decisions; one that may have arrived stays as it is, and
what changed about it is told by another one.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from shared.database import Connection, run
from shared.day_files.rows import rows_of_receipts
from workers.core.attribution import Attribution
from workers.core.callback_facts import Callback, CallbackUser, UserEvent
from workers.core.callbacks import due_callbacks, rejected_clicks, updated_attributions
from workers.core.history import Moment, Signal
from workers.decisions.diff import Difference
from workers.decisions.outbox_rows import (
    ADD,
    CALLBACKS,
    INSERT,
    Contexts,
    Row,
    load_contexts,
    with_rejected_clicks,
)
from workers.sql.copy import NULL, copy_new, copy_unless_there, line, moment, text
from workers.sql.json_rows import write_rows

OUTDATED = "outdated"  # the reason of a callback whose decision was superseded before it was sent

# The range lets PostgreSQL skip the days that cannot hold a match.
_EVENTS = """
SELECT receipt::text, event_type_id, counted, coalesce(sale_amount > 0, false),
       endpoint = 'import'
FROM events
WHERE receipt BETWEEN %s::uuid AND %s::uuid AND receipt = ANY(%s::uuid[])
"""
# What another click may change: its URL, or the price of its link.
_IS_ASKED_AGAIN = f"""(
    callbacks.reason = '{OUTDATED}'
    OR callbacks.reason IN ('no_url', 'no_payout')
    AND (callbacks.click_id, callbacks.origin) IS DISTINCT FROM (excluded.click_id, excluded.origin)
)"""
# One that may have arrived stays. Of the events of one conversion the earliest is told.
_AGREE = f"""
{INSERT}
ON CONFLICT (id) DO UPDATE SET
    receipt = excluded.receipt, event_time = excluded.event_time,
    attributed_at = excluded.attributed_at, rule = excluded.rule, rejection = excluded.rejection,
    click_id = excluded.click_id,
    origin_kind = excluded.origin_kind, origin = excluded.origin,
    state = CASE WHEN {_IS_ASKED_AGAIN} THEN excluded.state ELSE callbacks.state END,
    reason = CASE WHEN {_IS_ASKED_AGAIN} THEN excluded.reason ELSE callbacks.reason END
WHERE callbacks.attempts = 0 AND callbacks.state IN ('waiting', 'withheld')
  AND (
    callbacks.activity <> 'event' OR callbacks.reason = '{OUTDATED}'
    OR (excluded.event_time, excluded.receipt) <= (callbacks.event_time, callbacks.receipt)
  )
"""
_THERE = "SELECT id::text FROM callbacks WHERE id = ANY(%s::uuid[])"
# Another event may have caused it, as of a unique event the first: that one still stands.
_WITHHOLD = f"""
UPDATE callbacks SET state = 'withheld', reason = '{OUTDATED}'
WHERE id = ANY(%s::uuid[]) AND receipt = ANY(%s::uuid[])
  AND attempts = 0 AND state IN ('waiting', 'withheld')
"""


# What was told of events before another attribution held at the start of their tail. An update is
# told of an attribution, not of an event.
_TOLD = """
SELECT id::text FROM callbacks
WHERE user_ref = %s AND receipt = ANY(%s::uuid[]) AND endpoint_id = ANY(%s)
  AND attempts = 0 AND state IN ('waiting', 'withheld') AND activity <> 'attribution_updated'
"""


def write_callbacks(
    connection: Connection,
    differences: Sequence[Difference],
    earliest_ms: Mapping[int, int],
    withheld: str | None = None,
) -> None:
    """Writes what became due, in the transaction of the decisions.

    `withheld` is the reason for which everything that is new is recorded and not sent.
    """
    contexts = load_contexts(connection, {each.case.user.app_id for each in differences})
    heard = [each for each in differences if each.case.user.app_id in contexts]
    if not heard:
        return
    events = _events(connection, heard, earliest_ms, contexts)
    contexts = with_rejected_clicks(connection, contexts, _rejected_clicks(heard, contexts))
    due: list[tuple[Difference, Callback]] = []
    updates: list[Row] = []
    gone: set[str] = set()
    causes: list[str] = []  # of those that are gone
    for each in heard:
        user = each.case.user
        subject = CallbackUser(user.app_id, user.environment, user.user_id)
        context, told = contexts[user.app_id], events[user.id]
        now = _timeline(each, each.decision.attributions)
        before = _timeline(each, each.case.stored.attributions)
        caused = due_callbacks(subject, now, told, context)
        # Before the first decision nothing was written about a user.
        stood = caused
        if before and (now != before or not all(event.counted for event in told)):
            stood = due_callbacks(subject, before, told, context, counted_only=False)
        due += [(each, made) for made in caused.values()]
        if each.superseded:
            corrections = updated_attributions(subject, each.superseded, now, told, context)
            updates += [_row(each, made, withheld) for made in corrections.values()]
        without = stood.keys() - caused.keys()
        if each.follows_change:
            without |= _told(connection, each, told, contexts) - caused.keys()
        if without:
            gone |= without
            causes += [event.moment.receipt for event in told]
    if gone:
        run(connection, _WITHHOLD, (sorted(gone), causes))
    _write_due(connection, due, withheld)
    write_rows(connection, ADD, updates)


def _told(
    connection: Connection, each: Difference, events: Sequence[UserEvent], contexts: Contexts
) -> set[str]:
    """Returns the callbacks of these events that could still be taken back."""
    receipts = [event.moment.receipt for event in events]
    endpoints = [endpoint.id for endpoint in contexts[each.case.user.app_id].endpoints]
    rows = run(connection, _TOLD, (each.user_ref, receipts, endpoints))
    return {number for (number,) in rows}


def _write_due(
    connection: Connection, due: Sequence[tuple[Difference, Callback]], withheld: str | None
) -> None:
    """Copies what is new, and brings what is there into agreement.

    The users are locked, so nobody else writes their callbacks meanwhile. Before the first decision
    about a user there is nothing, but for a user id that was somebody else's until an erasure.
    """
    first = [(each, made) for each, made in due if not each.is_of_known]
    known = [(each, made) for each, made in due if each.is_of_known]
    lines = [_line(each, made, withheld) for each, made in first]
    if not copy_unless_there(connection, CALLBACKS, lines):
        known += first
    if known:
        ids = [made.id for _, made in known]
        there = {number for (number,) in run(connection, _THERE, (ids,))}
        lines = [_line(each, made, withheld) for each, made in known if made.id not in there]
        copy_new(connection, CALLBACKS, lines)
        changed = [_row(each, made, withheld) for each, made in known if made.id in there]
        write_rows(connection, _AGREE, changed)


def _rejected_clicks(heard: Sequence[Difference], contexts: Contexts) -> set[str]:
    """Returns the clicks that were or are rejected, where an endpoint hears of them."""
    if not any(context.hears_rejections for context in contexts.values()):
        return set()
    attributions = (
        attribution
        for each in heard
        if contexts[each.case.user.app_id].hears_rejections
        for attribution in (*each.decision.attributions, *each.case.stored.attributions)
    )
    return rejected_clicks(attributions)


def _timeline(each: Difference, decided: Collection[Attribution]) -> tuple[Attribution, ...]:
    """Returns attributions in order, beginning with the one before the tail."""
    prior = each.case.tail.prior
    ordered = sorted(decided, key=lambda attribution: attribution.moment) if decided else ()
    return (*ordered,) if prior is None else (prior, *ordered)


def _events(
    connection: Connection,
    differences: Sequence[Difference],
    earliest_ms: Mapping[int, int],
    contexts: Contexts,
) -> Mapping[int, list[UserEvent]]:
    """Loads what users did since the earliest change, by user."""
    told: dict[str, tuple[int, Signal]] = {}
    for each in differences:
        user_ref = each.case.user.id
        # Where attributions have changed, all callbacks of the tail may differ.
        is_changed = each.attributed or each.superseded or each.follows_change
        from_ms = 0 if is_changed else earliest_ms[user_ref]
        for signal in each.case.tail.signals:
            if signal.time_ms >= from_ms:
                told[signal.receipt] = (user_ref, signal)
    found: dict[int, list[UserEvent]] = defaultdict(list)
    repeating = {number for context in contexts.values() for number in context.repeating}
    wanted = (min(told), max(told), list(told)) if told else None
    with rows_of_receipts(connection, map(UUID, told)):
        rows = run(connection, _EVENTS, wanted).fetchall() if wanted else []
    for receipt, event_type, counted, has_revenue, imported in rows:
        user_ref, signal = told[receipt]
        found[user_ref].append(
            UserEvent(
                moment=Moment(signal.time_ms, receipt),
                received_ms=_received_ms(receipt),
                kind=signal.kind,
                event_type_id=event_type,
                counted=counted,
                repeats=event_type in repeating,
                has_revenue=has_revenue,
                imported=imported,
            )
        )
    return found


def _received_ms(receipt: str) -> int:
    """Returns the time with which a UUIDv7 begins."""
    return int(receipt[:8] + receipt[9:13], 16)


def _reason(each: Difference, made: Callback, withheld: str | None) -> str | None:
    """Returns why a callback is not sent: for itself, in this decision, or since it began."""
    window = each.case.window
    so_far = window.so_far if window else None
    if so_far and so_far.withheld and _received_ms(made.moment.receipt) < so_far.withheld_before_ms:
        withheld = so_far.withheld
    return made.withheld or withheld


def _line(each: Difference, made: Callback, withheld: str | None) -> str:
    """Returns the line of a callback in the columns of CALLBACKS."""
    user, attribution = each.case.user, made.attribution
    at, reason = moment(made.moment.time_ms), _reason(each, made, withheld)
    attributed_at = rule = click_id = kind = name = NULL
    if attribution is not None:
        is_own = attribution.moment.time_ms == made.moment.time_ms
        attributed_at = at if is_own else moment(attribution.moment.time_ms)
        rule, click_id = attribution.rule, text(attribution.click_id)
        if attribution.origin is not None:
            kind, name = attribution.origin.kind, text(attribution.origin.name)
    return line(
        *(made.id, str(made.endpoint_id), str(user.app_id), user.environment, str(user.id)),
        *(made.activity, made.moment.receipt, at, "withheld" if reason else "waiting"),
        *(text(reason), text(made.rejection), attributed_at, rule, click_id, kind, name),
    )


def _row(each: Difference, made: Callback, withheld: str | None) -> Row:
    """Returns a row of the outbox; what it lacks is null, and costs nothing on the way."""
    user = each.case.user
    reason = _reason(each, made, withheld)
    row: Row = {
        "id": made.id,
        "endpoint_id": made.endpoint_id,
        "app_id": user.app_id,
        "environment": user.environment,
        "user_ref": user.id,
        "activity": made.activity,
        "receipt": made.moment.receipt,
        "time_ms": made.moment.time_ms,
        "state": "withheld" if reason else "waiting",
    }
    if reason:
        row["reason"] = reason
    if (attribution := made.attribution) is not None:
        row["attributed_ms"] = attribution.moment.time_ms
        row["rule"] = attribution.rule
        if attribution.click_id is not None:
            row["click_id"] = attribution.click_id
        if (origin := attribution.origin) is not None:
            row["origin_kind"], row["origin"] = origin.kind, origin.name
    if made.rejection is not None:
        row["rejection"] = made.rejection
    if made.outdated is not None:
        row["corrects"] = made.corrects
        if (outdated := made.outdated.origin) is not None:
            row["outdated_origin_kind"], row["outdated_origin"] = outdated.kind, outdated.name
    return row
