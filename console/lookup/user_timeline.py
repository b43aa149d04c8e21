"""Reads a user's timeline: their events, the clicks that concern them, and the decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from console.apps.apps import App
from console.event_records import EventRecord, find_records
from console.lookup.attributions import ORIGIN, ORIGIN_TABLES, AttributionRecord, list_attributions
from console.lookup.sessions import SessionRecord, list_sessions
from shared.database import Connection, index_only, named_rows, run
from shared.device_ids import adid_bytes, as_user_id, identifying
from shared.errors import OperatorError
from shared.names.invisible import trimmed


class ClickRole(StrEnum):
    """The role of a click for a user, by the attributions in force; the first that applies."""

    CREDITED = "credited"
    LENT = "lent"  # the credited click was found by its evidence
    BEATEN = "beaten"
    FORMER = "former"  # of a superseded decision
    NAMED = "named"  # by the user's calls, and part of no decision
    OWN = "own"  # of the person's device, and nothing else


@dataclass(frozen=True, kw_only=True)
class ClickRecord:
    """A click or impression.

    `origin` is the source that it credits; None: it cannot be credited, only match another click.
    """

    click_id: str
    kind: str
    event_time: datetime
    receipt: UUID
    origin: str | None
    ip_address: str | None
    user_agent: str | None
    device_ids: dict[str, str]
    parameters: dict[str, str]
    role: ClickRole


@dataclass(frozen=True, kw_only=True)
class UserTimeline:
    """A user's timeline: each list has the newest `count`, in time order.

    `first_time` is set by the batch that creates the user, in older rows by the first decision; it
    is None until then.
    """

    app: str
    environment: str
    user_id: str
    first_time: datetime | None
    device_ids: list[str]
    clicks: list[ClickRecord]
    events: list[EventRecord]
    sessions: list[SessionRecord]
    attributions: list[AttributionRecord]


_USER = """
    SELECT id, user_id, first_time, device_ids, click_ids FROM users
    WHERE app_id = %s AND environment = %s AND user_id = %s
"""
# The expression of the index of users by their adid.
_ADID = r"""
    substr(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 1, 16)
"""
# Fenced: the planner does not know how much that index saves, and would read all users of the app.
_USER_OF_ADID = f"""
    WITH found AS MATERIALIZED (
        SELECT app_id, environment, user_id FROM users WHERE {_ADID} = %s
    )
    SELECT user_id FROM found WHERE app_id = %s AND environment = %s
"""
# A table that has grown since its last ANALYZE looks so small that reading the whole unique index
# seems to cost less than users_adid does.
_NO_INDEX_ONLY_SCAN = "SET LOCAL enable_indexonlyscan = off"
_BY_ANY_ID = """
    SELECT user_id FROM users
    WHERE app_id = %(app)s AND environment = %(environment)s AND user_id = ANY(%(user_ids)s)
    UNION
    SELECT users.user_id FROM identities JOIN users ON users.id = user_ref
    WHERE identities.app_id = %(app)s AND identities.environment = %(environment)s
      AND kind = 'device' AND value = ANY(%(device_ids)s)
    UNION
    SELECT users.user_id FROM identities JOIN users ON users.id = user_ref
    WHERE identities.app_id = %(app)s AND identities.environment = %(environment)s
      AND kind = 'click' AND value = %(text)s
    ORDER BY user_id
    LIMIT %(count)s
"""
_RECEIPTS = """
    SELECT receipt FROM signals WHERE user_ref = %s
    ORDER BY event_time DESC, receipt DESC LIMIT %s
"""
_CLICKS = f"""
    SELECT
        click_id, kind, event_time, receipt, {ORIGIN}, host(ip_address) AS ip_address, user_agent,
        device_ids, parameters
    FROM clicks
    {ORIGIN_TABLES}
    WHERE clicks.app_id = %(app)s AND environment = %(environment)s AND click_id = ANY(%(ids)s)
    ORDER BY event_time DESC, click_id DESC
    LIMIT %(count)s
"""


def user_timeline(
    connection: Connection, app: App, environment: str, user_id: str, count: int
) -> UserTimeline:
    """Returns the timeline of the user with this user id or adid.

    A user id that is a UUID may be in upper or lower case, and white space around an id is none of
    it; an id that an earlier version stored with some is found as it is. Raises OperatorError when
    nothing of this user is stored.
    """
    row = run(connection, _USER, (app.id, environment, as_user_id(user_id))).fetchone()
    if row is None and user_id != trimmed(user_id):
        return user_timeline(connection, app, environment, trimmed(user_id), count)
    if row is None:
        user_id_of_adid = _user_of_adid(connection, app, environment, user_id)
        row = run(connection, _USER, (app.id, environment, user_id_of_adid)).fetchone()
    if row is None:
        raise OperatorError(
            f"Nothing of this user is stored in {environment}. Check the user ID, letter by "
            "letter, and the environment.",
            "Choose the environment with `--environment`.",
        )
    user_ref, user_id, first_time, device_ids, click_ids = row
    attributions = list_attributions(connection, user_ref, count)
    roles = click_roles(attributions, click_ids)
    clicks = find_clicks(connection, app, environment, roles, count)
    newest = run(connection, _RECEIPTS, (user_ref, count)).fetchall()
    receipts = [receipt for (receipt,) in reversed(newest)]
    records = {record.receipt: record for record in find_records(connection, receipts)}
    return UserTimeline(
        app=app.name,
        environment=environment,
        user_id=user_id,
        first_time=first_time,
        device_ids=device_ids,
        clicks=clicks,
        events=[records[receipt] for receipt in receipts if receipt in records],
        sessions=list_sessions(connection, user_ref, count),
        attributions=attributions,
    )


def find_clicks(
    connection: Connection,
    app: App,
    environment: str,
    roles: Mapping[str, ClickRole],
    count: int,
) -> list[ClickRecord]:
    """Returns the newest `count` of these clicks, in time order, each with its role."""
    arguments = {"app": app.id, "environment": environment, "ids": list(roles), "count": count}
    rows = named_rows(connection, _CLICKS, arguments)
    return [ClickRecord(**row, role=roles[row["click_id"]]) for row in reversed(rows)]


def find_users(
    connection: Connection, app: App, environment: str, text: str, count: int
) -> list[str]:
    """Returns the first `count` users with this user id, adid, device id or click id."""
    arguments = {
        "app": app.id,
        "environment": environment,
        "text": text,
        "user_ids": [as_user_id(text), _user_of_adid(connection, app, environment, text)],
        "device_ids": list(identifying([text])),
        "count": count,
    }
    return [user_id for (user_id,) in run(connection, _BY_ANY_ID, arguments)]


def _user_of_adid(connection: Connection, app: App, environment: str, text: str) -> str | None:
    adid = adid_bytes(text.lower())
    if adid is None:
        return None
    with index_only(connection):
        run(connection, _NO_INDEX_ONLY_SCAN)
        row = run(connection, _USER_OF_ADID, (adid, app.id, environment)).fetchone()
    return None if row is None else str(row[0])


def click_roles(
    attributions: Sequence[AttributionRecord], named: Sequence[str]
) -> dict[str, ClickRole]:
    """Returns the role of each click: weaker roles are set first, so stronger ones replace them."""
    roles = dict.fromkeys(named, ClickRole.NAMED)
    for decision in attributions:
        roles |= dict.fromkeys(_considered(decision), ClickRole.FORMER)
    in_force = [decision for decision in attributions if decision.superseded_at is None]
    for decision in in_force:
        roles |= dict.fromkeys(_considered(decision), ClickRole.BEATEN)
    roles |= {decision.through: ClickRole.LENT for decision in in_force if decision.through}
    roles |= {decision.click_id: ClickRole.CREDITED for decision in in_force if decision.click_id}
    return roles


def _considered(decision: AttributionRecord) -> list[str]:
    won = [click for click in (decision.click_id, decision.through) if click]
    return [*(beaten.click_id for beaten in decision.beaten), *won]
