"""Answers "Why is this organic?": which clicks could have counted for a user, and what they lack.

A question names a device ID, a click ID or a user ID, or an address and a time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.apps.apps import App
from console.apps.links import list_links
from console.lookup.attributions import ORIGIN, ORIGIN_TABLES
from console.lookup.user_timeline import find_users
from console.lookup.why_words import ClickAnswer, describe_click, describe_facts
from console.moments import read_moment
from console.validation import clean_text
from shared.database import Connection, named_rows, run
from shared.device_ids import identifying
from shared.errors import BadValue
from shared.names.invisible import trimmed
from workers.core.addresses import public_address
from workers.decisions.explain import ExplainedUser, explain_users

USERS_SHOWN_MAX = 10
CLICKS_SHOWN_MAX = 50
AROUND = timedelta(hours=1)  # people read a time off a clock or a receipt
_CHARACTERS_MAX = 256

_REFS = """
    SELECT id FROM users
    WHERE app_id = %s AND environment = %s AND user_id = ANY(%s) ORDER BY user_id
"""
_SIGHTED = """
    SELECT DISTINCT user_ref FROM sightings
    WHERE (event_time AT TIME ZONE 'UTC')::date = ANY(%(days)s) AND address = %(address)s
      AND app_id = %(app)s AND environment = %(environment)s
      AND event_time BETWEEN %(first)s AND %(last)s
    ORDER BY user_ref LIMIT %(count)s
"""
_CLICKS = f"""
    SELECT click_id, kind, event_time, {ORIGIN} FROM clicks {ORIGIN_TABLES}
    WHERE clicks.app_id = %(app)s AND environment = %(environment)s AND click_id = ANY(%(ids)s)
    ORDER BY event_time DESC LIMIT %(count)s
"""
# By the stretches of ten days that the index begins with, of the last 70 days.
_IDS_OF_DEVICE = """
    SELECT click_id
    FROM generate_series(0, 6) AS ago
    CROSS JOIN LATERAL (
        SELECT click_id, event_time FROM click_device_ids
        WHERE ((event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10
              = (CURRENT_DATE - DATE '1970-01-01') / 10 - ago
          AND app_id = %(app)s AND environment = %(environment)s
          AND device_id = ANY(%(device_ids)s)
        OFFSET 0
    ) AS carried
    ORDER BY event_time DESC LIMIT %(count)s
"""
_IDS_AT_PLACE = """
    SELECT click_id FROM clicks
    WHERE (event_time AT TIME ZONE 'UTC')::date = ANY(%(days)s) AND address = %(address)s
      AND app_id = %(app)s AND environment = %(environment)s AND kind = 'click'
      AND event_time BETWEEN %(first)s AND %(last)s
    ORDER BY event_time DESC LIMIT %(count)s
"""


@dataclass(frozen=True)
class InstallQuestion:
    """The subject of a question: an ID of any kind, or a public address and a time."""

    text: str = ""
    address: str = ""
    time: datetime | None = None


@dataclass(frozen=True)
class LoneClick:
    """A click that was found without a user."""

    click_id: str
    kind: str
    event_time: datetime
    origin: str | None


@dataclass(frozen=True)
class UserAnswer:
    """A user's first attribution in sentences, and every click that could have counted.

    `rule` is organic, or the rule by which `click_id` is credited.
    """

    user_id: str
    first_time: datetime
    rule: str
    click_id: str | None
    facts: list[str]
    clicks: list[ClickAnswer]


@dataclass(frozen=True)
class QuestionAnswer:
    """The users that a question leads to, or the clicks where there are none."""

    users: list[UserAnswer]
    clicks: list[LoneClick]


def read_question(text: str, address: str, time: str) -> InstallQuestion:
    """Reads a question as people type it. Raises BadValue."""
    if trimmed(text):
        return InstallQuestion(text=clean_text("id", trimmed(text), _CHARACTERS_MAX))
    place = public_address(address)
    if place is None:
        raise BadValue("address", "must be a public IP address, or give an ID.")
    moment = read_moment("time", time.strip())
    if moment is None:
        raise BadValue("time", "must be a time, such as 2026-11-28T14:05.")
    return InstallQuestion(address=place, time=moment)


def explain_question(
    connection: Connection, app: App, environment: str, question: InstallQuestion
) -> QuestionAnswer:
    """Explains the first attributions of the users that a question leads to, at most ten."""
    refs = _users_of(connection, app, environment, question)
    origins = {
        str(link.id): f"{link.partner} / {link.name}" for link in list_links(connection, app)
    }
    users = [_user_answer(user, origins) for user in explain_users(connection, refs)]
    clicks = [] if users else _lone_clicks(connection, app, environment, question)
    return QuestionAnswer(users, clicks)


def _users_of(
    connection: Connection, app: App, environment: str, question: InstallQuestion
) -> list[int]:
    if question.time is not None:
        arguments = _around(question.address, question.time) | {
            "app": app.id,
            "environment": environment,
            "count": USERS_SHOWN_MAX,
        }
        return [user_ref for (user_ref,) in run(connection, _SIGHTED, arguments)]
    user_ids = find_users(connection, app, environment, question.text, USERS_SHOWN_MAX)
    rows = run(connection, _REFS, (app.id, environment, user_ids))
    return [user_ref for (user_ref,) in rows]


def _lone_clicks(
    connection: Connection, app: App, environment: str, question: InstallQuestion
) -> list[LoneClick]:
    scope = {"app": app.id, "environment": environment, "count": CLICKS_SHOWN_MAX}
    if question.time is not None:
        found = run(connection, _IDS_AT_PLACE, scope | _around(question.address, question.time))
    else:
        device_ids = list(identifying([question.text]))
        found = run(connection, _IDS_OF_DEVICE, {**scope, "device_ids": device_ids})
    ids = [question.text, *(click_id for (click_id,) in found)]
    return [LoneClick(**row) for row in named_rows(connection, _CLICKS, {**scope, "ids": ids})]


def _around(address: str, time: datetime) -> dict[str, object]:
    first, last = time - AROUND, time + AROUND
    days = sorted({moment.astimezone(UTC).date() for moment in (first, last)})
    return {"address": address, "first": first, "last": last, "days": days}


def _user_answer(user: ExplainedUser, origins: dict[str, str]) -> UserAnswer:
    explanation = user.explanation
    clicks = []
    for explained in explanation.clicks[:CLICKS_SHOWN_MAX]:
        origin = explained.click.origin
        name = None if origin is None else origins.get(origin.name, origin.name)
        clicks.append(describe_click(explained, name))
    return UserAnswer(
        user_id=user.user_id,
        first_time=datetime.fromtimestamp(explanation.at_ms / 1000, UTC),
        rule=str(explanation.rule),
        click_id=explanation.click_id,
        facts=describe_facts(explanation),
        clicks=clicks,
    )
