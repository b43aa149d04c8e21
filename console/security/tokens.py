"""Lists and changes tokens: each authorises a sender for one app.

Every change is published to ingest or is not made.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.security.enforcement import lock_enforcement, reconcile_enforcement
from console.security.token_table import (
    COLUMNS,
    NAME_CHARACTERS_MAX,
    Token,
    TokenState,
    find_token,
    ordered_scopes,
    read_tokens,
    token_from_row,
)
from console.validation import clean_text
from shared.database import run
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.token_use import tokens_used


@dataclass(frozen=True)
class ChangedToken:
    """A token after a change. Warnings are sentences for the app's team."""

    token: Token
    warnings: tuple[str, ...] = ()


def list_tokens(resources: Resources, app: App) -> list[Token]:
    """Returns the app's tokens, revoked ones too, in the order of their creation.

    Their last use is read from Redis where it is not yet copied to PostgreSQL.
    """
    used = tokens_used(resources.redis)
    return [
        _with_last_use(token, used.get(token.id))
        for token in read_tokens(resources.connection, app)
    ]


def edit_token(
    resources: Resources, actor: Actor, app: App, name: str, scopes: Collection[Scope]
) -> ChangedToken:
    """Sets a token's scopes; without any it is accepted for everything.

    Raises OperatorError when the app has no such token, it is revoked, it would lose its last scope
    while authentication is on, or the change cannot be published, and NotAllowed for a viewer.
    """
    alteration = _Alteration(Action.TOKEN_SCOPES, "scopes = %(scopes)s", ordered_scopes([*scopes]))
    return _alter(resources, actor, app, name, alteration)


def deactivate_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """Deactivates a token, within a second; it can be activated again.

    Raises OperatorError when the app has no such token, it is revoked, or the change cannot be
    published, and NotAllowed for a viewer.
    """
    alteration = _Alteration(
        Action.TOKEN_DEACTIVATE, "deactivated_at = coalesce(deactivated_at, now())"
    )
    return _alter(resources, actor, app, name, alteration)


def activate_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """Activates a token again. Raises as `deactivate_token` does."""
    alteration = _Alteration(Action.TOKEN_ACTIVATE, "deactivated_at = NULL")
    return _alter(resources, actor, app, name, alteration)


def revoke_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """Revokes a token permanently, within a second.

    Revoking it again is no error and changes nothing. Raises OperatorError when the app has no such
    token or the change cannot be published, and NotAllowed for a viewer.
    """
    alteration = _Alteration(Action.TOKEN_REVOKE, "revoked_at = coalesce(revoked_at, now())")
    return _alter(resources, actor, app, name, alteration)


def rename_token(
    resources: Resources, actor: Actor, app: App, name: str, new_name: str
) -> ChangedToken:
    """Gives a token another name.

    Raises OperatorError when the app has no such token, the new name is malformed or taken, or the
    change cannot be published, and NotAllowed for a viewer.
    """
    new = clean_text("name", new_name, NAME_CHARACTERS_MAX)
    taken = {token.name for token in read_tokens(resources.connection, app)} - {name}
    if new in taken:
        raise OperatorError("The app already has a token with this name, active or not.")
    alteration = _Alteration(Action.TOKEN_RENAME, "name = %(name)s", new_name=new)
    return _alter(resources, actor, app, name, alteration)


class _Alteration(NamedTuple):
    """A change of a token: the action's name and its assignment in SQL."""

    action: Action
    assignment: str
    scopes: tuple[Scope, ...] = ()
    new_name: str = ""


def _alter(
    resources: Resources, actor: Actor, app: App, name: str, alteration: _Alteration
) -> ChangedToken:
    require_admin(actor)
    connection = resources.connection
    with publishing_transaction(resources):
        enforced = lock_enforcement(connection, app)
        before = find_token(connection, app, name)
        _require_alterable(before, alteration, enforced)
        row = run(
            connection,
            f"UPDATE tokens SET {alteration.assignment} WHERE id = %(id)s RETURNING {COLUMNS}",
            {
                "id": before.id,
                "scopes": list(alteration.scopes),
                "name": alteration.new_name,
            },
        ).fetchone()
        assert row is not None
        after = token_from_row(row)
        if after == before:
            return ChangedToken(after)
        change = Change(alteration.action, after.name, _audited(before), _audited(after))
        record_change(connection, actor, app.id, change)
        warnings = reconcile_enforcement(connection, actor, app, enforced, before)
    if after.state is TokenState.EXPIRED:
        expired = "The token has expired, so it is still not accepted. Create a new one."
        warnings = (expired, *warnings)
    return ChangedToken(after, warnings)


def _require_alterable(before: Token, alteration: _Alteration, enforced: tuple[Scope, ...]) -> None:
    if alteration.action in {Action.TOKEN_REVOKE, Action.TOKEN_RENAME}:
        return
    if before.state is TokenState.REVOKED:
        raise OperatorError(
            "This token was revoked permanently. Create a new one.", "See `waybill token create`."
        )
    if alteration.action is Action.TOKEN_SCOPES and before.sdk and alteration.scopes:
        raise OperatorError("The token of an SDK is public, so it can have no scope beside.")
    loses_all = before.scopes and not alteration.scopes
    if alteration.action is Action.TOKEN_SCOPES and enforced and loses_all:
        raise OperatorError(
            "While authentication is on, a token must keep a scope: without one it would be "
            "accepted for everything."
        )


def _audited(token: Token) -> dict[str, object]:
    return {"name": token.name, "state": token.state, "scopes": token.scopes}


def _with_last_use(token: Token, used_at_ms: int | None) -> Token:
    if used_at_ms is None:
        return token
    used_at = datetime.fromtimestamp(used_at_ms / 1000, UTC)
    return replace(token, last_used_at=max(used_at, token.last_used_at or used_at))
