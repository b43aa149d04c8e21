"""One user's timeline: what they did, the clicks that concern them, and what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from console.apps import App
from console.events import EventRecord, find_records
from shared.database import Connection
from shared.device_ids import as_user_id
from shared.errors import OperatorError


class Role(StrEnum):
    """What a click is to a user, by the attributions in force; the first that applies."""

    CREDITED = "credited"
    LENT = "lent"  # the evidence by which the credited click was found
    BEATEN = "beaten"
    FORMER = "former"  # of a decision that was superseded
    NAMED = "named"  # by the user's calls, and of no decision


@dataclass(frozen=True, kw_only=True)
class ClickRecord:
    """A click or impression. `origin` is who it is credited to; None: it only lends."""

    click_id: str
    kind: str
    event_time: datetime
    receipt: UUID
    origin: str | None
    ip_address: str | None
    user_agent: str | None
    device_ids: dict[str, str]
    parameters: dict[str, str]
    role: Role


@dataclass(frozen=True)
class SessionRecord:
    start_time: datetime
    last_activity: datetime
    opens: int
    events: int


@dataclass(frozen=True)
class BeatenClick:
    click_id: str
    rule: str
    lost: str


@dataclass(frozen=True, kw_only=True)
class AttributionRecord:
    """In force from `event_time` on, unless `superseded_at` says that a late fact changed it.

    `origin` is in words; None: organic.
    """

    event_time: datetime
    receipt: UUID
    rule: str
    click_id: str | None
    origin: str | None
    through: str | None
    beaten: list[BeatenClick]
    considered: int
    is_reattribution: bool
    rules_version: int
    decided_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class UserTimeline:
    """Each list in time order, its newest `count`. `first_time` is None until they are decided."""

    app: str
    environment: str
    user_id: str
    first_time: datetime | None
    device_ids: list[str]
    clicks: list[ClickRecord]
    events: list[EventRecord]
    sessions: list[SessionRecord]
    attributions: list[AttributionRecord]


# A link has a partner; a source has only its name.
_ORIGIN = """
    CASE origin_kind
        WHEN 'link' THEN coalesce(partners.name || ' / ' || links.name, 'link ' || origin)
        WHEN 'source' THEN origin
    END AS origin
"""
_LINK = """
    LEFT JOIN links ON links.id = CASE origin_kind WHEN 'link' THEN origin::bigint END
    LEFT JOIN partners ON partners.id = links.partner_id
"""

_USER = """
    SELECT id, user_id, first_time, device_ids, click_ids FROM users
    WHERE app_id = %s AND environment = %s AND user_id = %s
"""
# As the index of users by their adid has it.
_USER_OF_ADID = r"""
    SELECT id, user_id, first_time, device_ids, click_ids FROM users
    WHERE app_id = %s AND environment = %s
      AND substr(encode(
          sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 32) = %s
"""
_RECEIPTS = """
    SELECT receipt FROM signals WHERE user_ref = %s
    ORDER BY event_time DESC, receipt DESC LIMIT %s
"""
_SESSIONS = """
    SELECT start_time, last_activity, opens, events FROM sessions WHERE user_ref = %s
    ORDER BY start_time DESC, start_receipt DESC LIMIT %s
"""
# In two parts, for each has an index of its own.
_ATTRIBUTIONS = f"""
    SELECT
        attributions.event_time, attributions.receipt, rule, attributions.click_id, {_ORIGIN},
        through, beaten, considered, is_reattribution, rules_version, decided_at, superseded_at
    FROM (
        SELECT * FROM attributions WHERE user_ref = %(user)s AND superseded_at IS NULL
        UNION ALL
        SELECT * FROM attributions WHERE user_ref = %(user)s AND superseded_at IS NOT NULL
    ) AS attributions
    {_LINK}
    ORDER BY attributions.event_time DESC, attributions.receipt DESC, superseded_at DESC NULLS FIRST
    LIMIT %(count)s
"""  # noqa: S608 - of constants alone
_CLICKS = f"""
    SELECT
        click_id, kind, event_time, receipt, {_ORIGIN}, host(ip_address) AS ip_address, user_agent,
        device_ids, parameters
    FROM clicks
    {_LINK}
    WHERE clicks.app_id = %(app)s AND environment = %(environment)s AND click_id = ANY(%(ids)s)
    ORDER BY event_time DESC, click_id DESC
    LIMIT %(count)s
"""  # noqa: S608 - of constants alone


def user_timeline(
    connection: Connection, app: App, environment: str, user_id: str, count: int
) -> UserTimeline:
    """By the user id, in any case if it is a UUID, or by the adid that stands for it.

    Raises OperatorError when nothing of such a user was ever stored.
    """
    row = (
        connection.execute(_USER, (app.id, environment, as_user_id(user_id))).fetchone()
        or connection.execute(_USER_OF_ADID, (app.id, environment, user_id.lower())).fetchone()
    )
    if row is None:
        raise OperatorError(
            f"Nothing of this user is stored in {environment}. Check the user id, letter by "
            "letter, and --environment."
        )
    user_ref, user_id, first_time, device_ids, click_ids = row
    attributions = _attributions(connection, user_ref, count)
    roles = role_of_each(attributions, click_ids)
    return UserTimeline(
        app=app.name,
        environment=environment,
        user_id=user_id,
        first_time=first_time,
        device_ids=device_ids,
        clicks=_clicks(connection, app, environment, roles, count),
        events=_events(connection, user_ref, count),
        sessions=_sessions(connection, user_ref, count),
        attributions=attributions,
    )


def _attributions(connection: Connection, user_ref: int, count: int) -> list[AttributionRecord]:
    rows = _named(connection, _ATTRIBUTIONS, {"user": user_ref, "count": count})
    return [
        AttributionRecord(**{**row, "beaten": [BeatenClick(**click) for click in row["beaten"]]})
        for row in reversed(rows)
    ]


def role_of_each(
    attributions: Sequence[AttributionRecord], named: Sequence[str]
) -> dict[str, Role]:
    """By click, beginning with what matters least, so that what matters more replaces it."""
    roles = dict.fromkeys(named, Role.NAMED)
    for decision in attributions:
        roles |= dict.fromkeys(_weighed(decision), Role.FORMER)
    in_force = [decision for decision in attributions if decision.superseded_at is None]
    for decision in in_force:
        roles |= dict.fromkeys(_weighed(decision), Role.BEATEN)
    roles |= {decision.through: Role.LENT for decision in in_force if decision.through}
    roles |= {decision.click_id: Role.CREDITED for decision in in_force if decision.click_id}
    return roles


def _weighed(decision: AttributionRecord) -> list[str]:
    won = [click for click in (decision.click_id, decision.through) if click]
    return [*(beaten.click_id for beaten in decision.beaten), *won]


def _clicks(
    connection: Connection, app: App, environment: str, roles: dict[str, Role], count: int
) -> list[ClickRecord]:
    arguments = {"app": app.id, "environment": environment, "ids": list(roles), "count": count}
    rows = _named(connection, _CLICKS, arguments)
    return [ClickRecord(**row, role=roles[row["click_id"]]) for row in reversed(rows)]


def _events(connection: Connection, user_ref: int, count: int) -> list[EventRecord]:
    receipts = [receipt for (receipt,) in connection.execute(_RECEIPTS, (user_ref, count))]
    found = {record.receipt: record for record in find_records(connection, receipts)}
    return [found[receipt] for receipt in reversed(receipts) if receipt in found]


def _sessions(connection: Connection, user_ref: int, count: int) -> list[SessionRecord]:
    rows = connection.execute(_SESSIONS, (user_ref, count)).fetchall()
    return [SessionRecord(*row) for row in reversed(rows)]


def _named(
    connection: Connection, statement: str, arguments: dict[str, object]
) -> list[dict[str, Any]]:
    cursor = connection.execute(statement.encode(), arguments)
    columns = [column.name for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
