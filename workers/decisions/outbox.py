"""Writes the callbacks that follow from decisions, in the transaction of the decisions.

An app without callback endpoints costs one look-up for each transaction. A callback that was not
attempted yet is kept in agreement with the decisions; one that may have arrived stays as it is, and
what changed about it is told by another one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from shared.database import Connection, run
from workers.core.attribution import Attribution
from workers.core.callback_facts import Callback, CallbackUser, UserEvent
from workers.core.callbacks import due_callbacks, rejected_clicks, updated_attributions
from workers.core.history import Moment
from workers.decisions.diff import Difference
from workers.decisions.outbox_rows import (
    ADD,
    INSERT,
    Contexts,
    Row,
    load_contexts,
    with_rejected_clicks,
)
from workers.sql.json_rows import write_rows

OUTDATED = "outdated"  # the reason of a callback whose decision was superseded before it was sent

_EVENTS = """
SELECT sent.user_ref, events.receipt::text,
       (extract(epoch FROM events.event_time) * 1000)::bigint, events.kind,
       events.event_type_id, events.counted, coalesce(event_types.multiple_postbacks, false),
       coalesce(events.sale_amount > 0, false), events.endpoint = 'import'
FROM json_to_recordset(%s::json) AS sent (user_ref bigint, from_ms bigint)
CROSS JOIN LATERAL (
    SELECT receipt FROM signals
    WHERE signals.user_ref = sent.user_ref
      AND event_time >= 'epoch'::timestamptz + from_ms * interval '1 millisecond'
    OFFSET 0  -- one range of the index for each user, whatever the planner expects
) AS told
JOIN events ON events.receipt = told.receipt
LEFT JOIN event_types ON event_types.id = events.event_type_id
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
_WITHHOLD = f"""
UPDATE callbacks SET state = 'withheld', reason = '{OUTDATED}'
WHERE id = ANY(%s) AND attempts = 0 AND state IN ('waiting', 'withheld')
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
    events = _events(connection, heard, earliest_ms)
    contexts = with_rejected_clicks(connection, contexts, _rejected_clicks(heard, contexts))
    due: list[Row] = []
    updates: list[Row] = []
    gone: set[UUID] = set()
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
        due += [_row(each, made, withheld) for made in caused.values()]
        if each.superseded:
            corrections = updated_attributions(subject, each.superseded, now, told, context)
            updates += [_row(each, made, withheld) for made in corrections.values()]
        gone |= stood.keys() - caused.keys()
    if gone:
        run(connection, _WITHHOLD, (sorted(gone),))
    write_rows(connection, _AGREE, due)
    write_rows(connection, ADD, updates)


def _rejected_clicks(heard: Sequence[Difference], contexts: Contexts) -> set[str]:
    """Returns the clicks that were or are rejected, where an endpoint hears of them."""
    attributions = (
        attribution
        for each in heard
        if contexts[each.case.user.app_id].hears_rejections
        for attribution in (*each.decision.attributions, *each.case.stored.attributions)
    )
    return rejected_clicks(attributions)


def _timeline(each: Difference, decided: Iterable[Attribution]) -> tuple[Attribution, ...]:
    """Returns attributions in order, beginning with the one before the tail."""
    prior = each.case.tail.prior
    ordered = sorted(decided, key=lambda attribution: attribution.moment)
    return (*ordered,) if prior is None else (prior, *ordered)


def _events(
    connection: Connection, differences: Sequence[Difference], earliest_ms: Mapping[int, int]
) -> Mapping[int, list[UserEvent]]:
    """Loads what users did since the earliest change, by user."""
    sent = []
    for each in differences:
        from_ms = earliest_ms[each.case.user.id]
        if each.attributed or each.superseded:  # all callbacks of the tail may differ
            from_ms = min(each.case.start_ms, from_ms)
        sent.append({"user_ref": each.case.user.id, "from_ms": max(0, from_ms)})
    found: dict[int, list[UserEvent]] = defaultdict(list)
    document = msgspec.json.encode(sent).decode()
    for user_ref, receipt, time_ms, *values in run(connection, _EVENTS, (document,)):
        kind, event_type, counted, repeats, has_revenue, imported = values
        found[user_ref].append(
            UserEvent(
                moment=Moment(time_ms, receipt),
                received_ms=int(receipt[:8] + receipt[9:13], 16),  # a UUIDv7 begins with its time
                kind=kind,
                event_type_id=event_type,
                counted=counted,
                repeats=repeats,
                has_revenue=has_revenue,
                imported=imported,
            )
        )
    return found


def _row(each: Difference, made: Callback, withheld: str | None) -> Row:
    """Returns a row of the outbox; what it lacks is null, and costs nothing on the way."""
    user = each.case.user
    reason = made.withheld or withheld
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
