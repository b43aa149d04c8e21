"""Loads callback endpoints and writes rows of the outbox, for users and for clicks."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from shared.database import Connection, run
from workers.core.callback_facts import CallbackContext, EndpointRules
from workers.core.history import Origin, OriginKind
from workers.sql.copy import Target

# In the order of the fields of EndpointRules.
_ENDPOINTS = """
SELECT app_id, id, partner_id, activities, event_type_id, link_id, attributed_only, revenue_only,
       sandbox, (extract(epoch FROM created_at) * 1000)::bigint
FROM callback_endpoints WHERE app_id = ANY(%s) AND deleted_at IS NULL
"""
_REPEATING = "SELECT id FROM event_types WHERE app_id = ANY(%s) AND multiple_postbacks"
_PARTNERS = "SELECT id::text, partner_id FROM links WHERE partner_id = ANY(%s)"
_ORIGINS = """
SELECT app_id, environment, click_id, origin_kind, origin FROM clicks
WHERE click_id = ANY(%s) AND origin IS NOT NULL
"""
_SENT = """
json_to_recordset(%s::json) AS sent (
    id uuid, endpoint_id bigint, app_id bigint, environment text, user_ref bigint, activity text,
    receipt uuid, time_ms bigint, attributed_ms bigint, rule text, click_id text,
    origin_kind text, origin text, outdated_origin_kind text, outdated_origin text,
    corrects uuid, state text, reason text, rejection text
)
"""
INSERT = f"""
INSERT INTO callbacks (
    id, endpoint_id, app_id, environment, user_ref, activity, receipt, event_time, attributed_at,
    rule, click_id, origin_kind, origin, outdated_origin_kind, outdated_origin, state, reason,
    rejection
)
SELECT id, endpoint_id, app_id, environment, user_ref, activity, receipt,
       'epoch'::timestamptz + time_ms * interval '1 millisecond',
       'epoch'::timestamptz + attributed_ms * interval '1 millisecond',
       rule, click_id, origin_kind, origin, outdated_origin_kind, outdated_origin, state, reason,
       rejection
FROM {_SENT}
WHERE corrects IS NULL
   OR EXISTS (SELECT FROM callbacks AS told WHERE told.id = corrects AND told.attempts > 0)
ORDER BY id
"""
# What a new callback fills; all of them are told by decisions, not in place of another one.
CALLBACKS = Target(
    "callbacks",
    (
        *("id", "endpoint_id", "app_id", "environment", "user_ref", "activity", "receipt"),
        *("event_time", "state", "reason", "rejection", "attributed_at", "rule", "click_id"),
        *("origin_kind", "origin"),
    ),
)
ADD = f"{INSERT} ON CONFLICT (id) DO NOTHING"

Contexts = Mapping[int, CallbackContext]
Row = dict[str, object]


def load_contexts(connection: Connection, apps: Iterable[int]) -> Contexts:
    """Loads the endpoints of these apps; an app without any is left out."""
    endpoints: dict[int, list[EndpointRules]] = defaultdict(list)
    for app_id, *values in run(connection, _ENDPOINTS, (sorted(apps),)):
        document = dict(zip(EndpointRules.__struct_fields__, values, strict=True))
        endpoints[app_id].append(msgspec.convert(document, EndpointRules))
    if not endpoints:
        return {}
    partners = {each.partner_id for found in endpoints.values() for each in found}
    named = sorted(partner for partner in partners if partner is not None)
    links: dict[str, int] = {}
    repeating: frozenset[int] = frozenset()  # matters to partners alone
    if named:
        links = dict(run(connection, _PARTNERS, (named,)).fetchall())
        rows = run(connection, _REPEATING, (sorted(endpoints),))
        repeating = frozenset(number for (number,) in rows)
    return {
        app_id: CallbackContext(found, links, repeating=repeating)
        for app_id, found in endpoints.items()
    }


def with_rejected_clicks(
    connection: Connection, contexts: Contexts, click_ids: Collection[str]
) -> Contexts:
    """Adds the origins of rejected clicks to the endpoints of their apps."""
    if not click_ids:
        return contexts
    found: dict[int, dict[tuple[str, str], Origin]] = {app_id: {} for app_id in contexts}
    for app_id, environment, click_id, kind, name in run(
        connection, _ORIGINS, (sorted(click_ids),)
    ):
        if app_id in found:
            found[app_id][environment, click_id] = Origin(OriginKind(kind), name)
    return {app_id: replace(each, rejected=found[app_id]) for app_id, each in contexts.items()}
