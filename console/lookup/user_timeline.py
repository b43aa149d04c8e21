"""One user's timeline: what they did, the clicks that concern them, and what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from console.apps.apps import App
from console.event_records import EventRecord, find_records
from console.lookup.attributions import ORIGIN, ORIGIN_TABLES, AttributionRecord, attributions_of
from console.lookup.sessions import SessionRecord, sessions_of
from shared.database import Connection, index_only, named_rows, run
from shared.device_ids import adid_bytes, as_user_id, identifying
from shared.errors import OperatorError


class ClickRole(StrEnum):
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
    role: ClickRole


@dataclass(frozen=True, kw_only=True)
class UserTimeline:
    """Each list in time order, its newest `count`. `first_time` is None until somebody told it: the
    batch that made the user, or in older rows the first decision.
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
# As the index of users by their adid has it.
_ADID = r"""
    substr(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 1, 16)
"""
# Fenced: a planner does not know what that index spares, and would read all users of the app.
_USER_OF_ADID = f"""
    WITH found AS MATERIALIZED (
        SELECT app_id, environment, user_id FROM users WHERE {_ADID} = %s
    )
    SELECT user_id FROM found WHERE app_id = %s AND environment = %s
"""
_NAMED_SO = """
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
    """By the user id, in any case if it is a UUID, or by the adid that stands for it.

    Raises OperatorError when nothing of such a user was ever stored.
    """
    row = run(connection, _USER, (app.id, environment, as_user_id(user_id))).fetchone()
    if row is None:
        known = _user_of_adid(connection, app, environment, user_id)
        row = run(connection, _USER, (app.id, environment, known)).fetchone()
    if row is None:
        raise OperatorError(
            f"Nothing of this user is stored in {environment}. Check the user id, letter by "
            "letter, and --environment."
        )
    user_ref, user_id, first_time, device_ids, click_ids = row
    attributions = attributions_of(connection, user_ref, count)
    roles = role_of_each(attributions, click_ids)
    return UserTimeline(
        app=app.name,
        environment=environment,
        user_id=user_id,
        first_time=first_time,
        device_ids=device_ids,
        clicks=_clicks(connection, app, environment, roles, count),
        events=_events(connection, user_ref, count),
        sessions=sessions_of(connection, user_ref, count),
        attributions=attributions,
    )


def find_users(
    connection: Connection, app: App, environment: str, text: str, count: int
) -> list[str]:
    """User ids of whom this is the user id, adid, a device id or a click id; the first `count`."""
    arguments = {
        "app": app.id,
        "environment": environment,
        "text": text,
        "user_ids": [as_user_id(text), _user_of_adid(connection, app, environment, text)],
        "device_ids": list(identifying([text])),
        "count": count,
    }
    return [user_id for (user_id,) in run(connection, _NAMED_SO, arguments)]


def _user_of_adid(connection: Connection, app: App, environment: str, text: str) -> str | None:
    adid = adid_bytes(text.lower())
    if adid is None:
        return None
    with index_only(connection):
        row = run(connection, _USER_OF_ADID, (adid, app.id, environment)).fetchone()
    return None if row is None else str(row[0])


def role_of_each(
    attributions: Sequence[AttributionRecord], named: Sequence[str]
) -> dict[str, ClickRole]:
    """By click, beginning with what matters least, so that what matters more replaces it."""
    roles = dict.fromkeys(named, ClickRole.NAMED)
    for decision in attributions:
        roles |= dict.fromkeys(_weighed(decision), ClickRole.FORMER)
    in_force = [decision for decision in attributions if decision.superseded_at is None]
    for decision in in_force:
        roles |= dict.fromkeys(_weighed(decision), ClickRole.BEATEN)
    roles |= {decision.through: ClickRole.LENT for decision in in_force if decision.through}
    roles |= {decision.click_id: ClickRole.CREDITED for decision in in_force if decision.click_id}
    return roles


def _weighed(decision: AttributionRecord) -> list[str]:
    won = [click for click in (decision.click_id, decision.through) if click]
    return [*(beaten.click_id for beaten in decision.beaten), *won]


def _clicks(
    connection: Connection, app: App, environment: str, roles: dict[str, ClickRole], count: int
) -> list[ClickRecord]:
    arguments = {"app": app.id, "environment": environment, "ids": list(roles), "count": count}
    rows = named_rows(connection, _CLICKS, arguments)
    return [ClickRecord(**row, role=roles[row["click_id"]]) for row in reversed(rows)]


def _events(connection: Connection, user_ref: int, count: int) -> list[EventRecord]:
    receipts = [receipt for (receipt,) in run(connection, _RECEIPTS, (user_ref, count))]
    found = {record.receipt: record for record in find_records(connection, receipts)}
    return [found[receipt] for receipt in reversed(receipts) if receipt in found]
