"""Writes the callbacks of clicks and impressions, which decide nothing by themselves."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from shared.callbacks.activities import Activity, callback_id
from shared.database import Connection, run
from shared.events import CLICK_KINDS, Event, Kind
from shared.ids import receipt_time_ms
from workers.core.callback_facts import CallbackContext
from workers.core.callbacks import SANDBOX
from workers.decisions.outbox_rows import ADD, Row, load_contexts
from workers.sql.json_rows import write_rows

_STORED_CLICKS = """
SELECT app_id, environment, kind, click_id, receipt::text,
       (extract(epoch FROM event_time) * 1000)::bigint, origin_kind, origin
FROM clicks WHERE receipt = ANY(%s)
"""


def write_click_callbacks(connection: Connection, events: Sequence[Event]) -> None:
    """Writes what is due of stored clicks and impressions, which decide nothing by themselves."""
    clicks = [event for event in events if event.kind in CLICK_KINDS]
    if not clicks:
        return
    contexts = load_contexts(connection, {click.app_id for click in clicks})
    endpoints = [each for context in contexts.values() for each in context.endpoints]
    if not any(each.activities & {Activity.CLICK, Activity.IMPRESSION} for each in endpoints):
        return
    imported = {str(click.receipt) for click in clicks if click.endpoint == "import"}
    receipts = [click.receipt for click in clicks if click.app_id in contexts]
    rows = [
        row
        for stored in run(connection, _STORED_CLICKS, (receipts,))
        for row in _click_rows(stored, contexts[stored[0]], imported)
    ]
    write_rows(connection, ADD, rows)


def _click_rows(
    stored: Sequence[Any], context: CallbackContext, imported: set[str]
) -> Iterable[Row]:
    app_id, environment, kind, click_id, receipt, time_ms, origin_kind, origin = stored
    activity = Activity.CLICK if kind == Kind.CLICK else Activity.IMPRESSION
    for endpoint in context.endpoints:
        link = origin if origin_kind == "link" else None
        is_new = receipt_time_ms(UUID(receipt)) >= endpoint.created_ms
        is_of_link = endpoint.link_id in {None, int(link) if link else 0}
        is_of_partner = endpoint.partner_id in {None, context.partners.get(link or "", 0)}
        if activity not in endpoint.activities or not (is_new and is_of_link and is_of_partner):
            continue
        is_sandbox = environment == SANDBOX and not endpoint.sandbox
        reason = "imported" if receipt in imported else SANDBOX if is_sandbox else None
        yield {
            "id": callback_id((app_id, environment), "", activity, receipt, endpoint.id),
            "endpoint_id": endpoint.id,
            "app_id": app_id,
            "environment": environment,
            "activity": activity,
            "receipt": receipt,
            "time_ms": time_ms,
            "click_id": click_id,
            "origin_kind": origin_kind,
            "origin": origin,
            "state": "withheld" if reason else "waiting",
            "reason": reason,
        }
