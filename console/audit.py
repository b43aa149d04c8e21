"""The audit log: the actor, time and subject of each change, with its values before and after.

An entry is written in the transaction of its change, so there is never one without the other.
No value may be a secret: values are chosen one by one, never taken from a whole row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from console.actor import Actor
from shared.database import Connection, run


class Action(StrEnum):
    """A kind of change that the audit log records."""

    APP_CREATE = "app.create"
    APP_DESCRIBE = "app.describe"
    APP_RULES = "app.rules"
    APP_REFUSALS = "app.refusals"
    APP_POSTBACKS = "app.postbacks"
    APP_SDK_TRAFFIC = "app.sdk_traffic"
    APP_LIMITS = "app.limits"
    APP_RECOMPUTE = "app.recompute"
    APP_IMPORT = "app.import"
    APP_RETENTION = "app.retention"
    EVENT_TYPE_CREATE = "event_type.create"
    EVENT_TYPE_POSTBACKS = "event_type.postbacks"
    CALLBACK_CREATE = "callback.create"
    CALLBACK_EDIT = "callback.edit"
    CALLBACK_PAUSE = "callback.pause"
    CALLBACK_RESUME = "callback.resume"
    CALLBACK_DELETE = "callback.delete"
    CALLBACK_ROTATE = "callback.rotate"
    CALLBACK_REPLAY = "callback.replay"
    LINK_CREATE = "link.create"
    LINK_POSTBACK_NAMES = "link.postback_names"
    LINK_VIEWS = "link.views"
    TOKEN_CREATE = "token.create"  # noqa: S105 - the name of an action
    TOKEN_IMPORT = "token.import"  # noqa: S105
    TOKEN_SCOPES = "token.scopes"  # noqa: S105
    TOKEN_ACTIVATE = "token.activate"  # noqa: S105
    TOKEN_DEACTIVATE = "token.deactivate"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    TOKEN_ROTATE = "token.rotate"  # noqa: S105
    PERSON_CREATE = "person.create"
    PERSON_ROLE = "person.role"
    PERSON_PASSWORD = "person.password"  # noqa: S105
    PERSON_LINK = "person.link"
    PERSON_CLOSE = "person.close"
    PERSON_REOPEN = "person.reopen"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    ENFORCEMENT = "enforcement"
    RATES_IMPORT = "rates.import"
    USER_ERASE = "user.erase"
    USER_ERASE_CANCEL = "user.erase_cancel"
    USER_RESET = "user.reset_request"
    USER_ALLOW = "user.allow"
    USER_EXPORT = "user.export"
    QUARANTINE_EDIT = "quarantine.edit"
    QUARANTINE_REPLAY = "quarantine.replay"


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

    `app` is None for a change that is not of a single app.
    """

    at: datetime
    actor: str
    app: str | None
    action: str
    subject: str
    before: dict[str, object] | None
    after: dict[str, object] | None


def record_change(connection: Connection, actor: Actor, app_id: int | None, change: Change) -> None:
    """Records a change in the open transaction of `connection`."""
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
    rows = run(
        connection,
        """
        SELECT at, actor, apps.name, action, subject, before, after
        FROM audit_log LEFT JOIN apps ON apps.id = app_id
        WHERE %(app)s::bigint IS NULL OR app_id = %(app)s
        ORDER BY audit_log.id DESC LIMIT %(count)s
        """,
        {"app": app_id, "count": count},
    )
    return [AuditEntry(*row) for row in rows]


def _document(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()
