"""The audit log: the actor, time and subject of each change, with its values before and after.

An entry is written in the transaction of its change, so there is never one without the other.
No value may be a secret: values are chosen one by one, never taken from a whole row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from console.actor import Actor
from console.moments import read_day
from shared.database import Connection, run, transaction
from shared.errors import BadValue, NotAllowed

SEARCH_DEADLINE = "3s"  # most parts of a filter have no index
FIELDS = ("actor", "action", "q", "from", "to", "before")


class Action(StrEnum):
    """A kind of change that the audit log records."""

    APP_CREATE = "app.create"
    APP_DESCRIBE = "app.describe"
    APP_RULES = "app.rules"
    APP_REFUSALS = "app.refusals"
    APP_POSTBACKS = "app.postbacks"
    APP_SDK_TRAFFIC = "app.sdk_traffic"
    APP_ADDRESSES = "app.addresses"
    APP_LIMITS = "app.limits"
    APP_RECOMPUTE = "app.recompute"
    APP_IMPORT = "app.import"
    UPLOAD_IMPORT = "upload.import"
    UPLOAD_CANCEL = "upload.cancel"
    APP_RETENTION = "app.retention"
    APP_ROLE = "app.role"
    APP_ARCHIVE = "app.archive"
    APP_RESTORE = "app.restore"
    EVENT_TYPE_CREATE = "event_type.create"
    EVENT_TYPE_RENAME = "event_type.rename"
    EVENT_TYPE_ARCHIVE = "event_type.archive"
    EVENT_TYPE_RESTORE = "event_type.restore"
    EVENT_TYPE_POSTBACKS = "event_type.postbacks"
    CALLBACK_CREATE = "callback.create"
    CALLBACK_EDIT = "callback.edit"
    CALLBACK_PAUSE = "callback.pause"
    CALLBACK_RESUME = "callback.resume"
    CALLBACK_DELETE = "callback.delete"
    CALLBACK_ROTATE = "callback.rotate"
    CALLBACK_REPLAY = "callback.replay"
    ALERT_CREATE = "alert.create"
    ALERT_EDIT = "alert.edit"
    ALERT_PAUSE = "alert.pause"
    ALERT_RESUME = "alert.resume"
    ALERT_DELETE = "alert.delete"
    SCHEDULE_CREATE = "schedule.create"
    SCHEDULE_EDIT = "schedule.edit"
    SCHEDULE_PAUSE = "schedule.pause"
    SCHEDULE_RESUME = "schedule.resume"
    SCHEDULE_DELETE = "schedule.delete"
    LINK_CREATE = "link.create"
    LINK_RENAME = "link.rename"
    LINK_DESTINATION = "link.destination"
    LINK_ARCHIVE = "link.archive"
    LINK_RESTORE = "link.restore"
    PARTNER_RENAME = "partner.rename"
    PARTNER_ARCHIVE = "partner.archive"
    PARTNER_RESTORE = "partner.restore"
    LINK_POSTBACK_NAMES = "link.postback_names"
    LINK_VIEWS = "link.views"
    LINK_PRICE = "link.price"
    COST_UPLOAD = "cost.upload"
    TOKEN_CREATE = "token.create"  # noqa: S105 - the name of an action
    TOKEN_IMPORT = "token.import"  # noqa: S105
    TOKEN_SCOPES = "token.scopes"  # noqa: S105
    TOKEN_RENAME = "token.rename"  # noqa: S105
    TOKEN_ACTIVATE = "token.activate"  # noqa: S105
    TOKEN_DEACTIVATE = "token.deactivate"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    TOKEN_ROTATE = "token.rotate"  # noqa: S105
    PERSON_CREATE = "person.create"
    PERSON_ROLE = "person.role"
    PERSON_PASSWORD = "person.password"  # noqa: S105
    PERSON_LINK = "person.link"
    PERSON_SECOND_FACTOR = "person.second_factor"
    PERSON_EMAIL = "person.email"
    PERSON_PROVIDER = "person.provider"
    PERSON_RECOVERY_CODES = "person.recovery_codes"
    PERSON_CLOSE = "person.close"
    PERSON_REOPEN = "person.reopen"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    INSTALLATION_KEY_ROTATE = "installation_key.rotate"
    INSTALLATION_KEY_FINISH = "installation_key.finish"
    ENFORCEMENT = "enforcement"
    RATES_IMPORT = "rates.import"
    USER_ERASE = "user.erase"
    USER_ERASE_CANCEL = "user.erase_cancel"
    USER_RESET = "user.reset_request"
    USER_ALLOW = "user.allow"
    USER_ACCESS = "user.access_request"
    USER_EXPORT = "user.export"
    DAYS_CLOSE = "day_files.close"
    DAYS_RESTORE = "day_files.restore"
    DAYS_ADOPT = "day_files.adopt"
    JOB_RETRY = "job.retry"
    JOB_DELETE = "job.delete"
    QUARANTINE_EDIT = "quarantine.edit"
    QUARANTINE_REPLAY = "quarantine.replay"


_SELECT = """
    SELECT at, actor, apps.name, action, subject, before, after, audit_log.id, position,
           encode(digest, 'hex')
    FROM audit_log LEFT JOIN apps ON apps.id = app_id
    WHERE (%(app_id)s::bigint IS NULL OR app_id = %(app_id)s)
      AND (%(app_ids)s::bigint[] IS NULL OR app_id = ANY(%(app_ids)s))
      AND (%(actor)s::text IS NULL OR strpos(lower(actor), %(actor)s) > 0)
      AND (%(action)s::text IS NULL OR action = %(action)s
           OR starts_with(action, %(action)s || '.'))
      AND (%(subject)s::text IS NULL OR strpos(lower(subject), %(subject)s) > 0)
      AND (%(begin)s::timestamptz IS NULL OR at >= %(begin)s)
      AND (%(end)s::timestamptz IS NULL OR at < %(end)s)
      AND (%(before_id)s::bigint IS NULL OR audit_log.id < %(before_id)s)
    ORDER BY audit_log.id DESC LIMIT %(count)s
"""


@dataclass(frozen=True)
class Change:
    """A change of the thing named `subject`.

    `before` is None when it was created, `after` is None when it was removed.
    """

    action: Action
    subject: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


@dataclass(frozen=True)
class AuditEntry:
    """An entry of the audit log.

    `app` is None for a change that is not of a single app. `position` is its place in the chain of
    entries, `digest` what the next one holds of it (`audit_chain`).
    """

    at: datetime
    actor: str
    app: str | None
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    id: int = 0
    position: int | None = None
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeFilter:
    """A choice of entries; None leaves a part open.

    `action` is an action or its first part, such as `token`; `actor` and `subject` are parts of
    these. An entry is at or after `begin`, before `end`, and older than the entry `before_id`.
    `app_ids` are the apps that whoever asks may see.
    """

    app_id: int | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    before_id: int | None = None
    app_ids: list[int] | None = None


@dataclass(frozen=True)
class AuditPage:
    """A page of the log. `older` continues it as `before`; None when there is no more."""

    entries: list[AuditEntry]
    older: int | None


def read_change_filter(
    values: Mapping[str, str], app_id: int | None, app_ids: list[int] | None = None
) -> ChangeFilter:
    """Reads the fields of FIELDS; an empty one is open. Raises BadValue."""
    given = {name: text.strip().lower() for name, text in values.items() if text.strip()}
    before, last = given.get("before"), _day("to", given.get("to"))
    if before is not None and not (before.isascii() and before.isdecimal() and len(before) < 19):
        raise BadValue("before", "must be the number of an entry.")
    return ChangeFilter(
        app_id=app_id,
        actor=given.get("actor"),
        action=given.get("action"),
        subject=given.get("q"),
        begin=_day("from", given.get("from")),
        end=None if last is None else last + timedelta(days=1),
        before_id=None if before is None else int(before),
        app_ids=app_ids,
    )


def _day(name: str, text: str | None) -> datetime | None:
    day = read_day(name, text)
    return None if day is None else datetime.combine(day, time(), UTC)


def record_change(connection: Connection, actor: Actor, app_id: int | None, change: Change) -> None:
    """Records a change in the open transaction of `connection`.

    Raises NotAllowed, which undoes the change, if the actor may not change what it is of.
    """
    if actor.app_id is not None and actor.app_id != app_id:
        raise NotAllowed
    run(
        connection,
        """
        INSERT INTO audit_log (actor, app_id, action, subject, before, after)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (
            actor.name,
            app_id,
            change.action,
            change.subject,
            _document(change.before),
            _document(change.after),
        ),
    )


def list_changes(connection: Connection, app_id: int | None, count: int) -> list[AuditEntry]:
    """Returns the last `count` changes, newest first: of one app, or of everything for None."""
    return find_changes(connection, ChangeFilter(app_id=app_id), count).entries


def find_changes(connection: Connection, wanted: ChangeFilter, count: int) -> AuditPage:
    """Returns the last `count` changes of a filter, newest first.

    Raises DatabaseError when it takes longer than SEARCH_DEADLINE.
    """
    with transaction(connection):
        run(connection, "SELECT set_config('statement_timeout', %s, true)", (SEARCH_DEADLINE,))
        rows = run(connection, _SELECT, {**vars(wanted), "count": count + 1}).fetchall()
    entries = [AuditEntry(*row) for row in rows[:count]]
    return AuditPage(entries, entries[-1].id if len(rows) > count else None)


def _document(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()
