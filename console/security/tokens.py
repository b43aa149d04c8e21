"""Tokens: each authorises a sender for one app.

Every change reaches ingest, or is not made. Nothing here keeps a token, and no message repeats one.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from console.security.enforcement import lock_enforcement, settle_enforcement
from console.security.token_table import (
    COLUMNS,
    NAME_CHARACTERS_MAX,
    Token,
    TokenState,
    find_token,
    in_order,
    read_tokens,
    token_of,
)
from console.validation import has_control_characters, label
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.token_use import tokens_used
from shared.tokens import PREFIX, TOKEN_BYTES_MAX, is_own_form, mask, new_token, token_digest

SAFE_BYTES_MIN = 16  # below this a brought-along token can be found by trying
TOKENS_MAX = 100  # of an app that are not revoked: every ingest process holds them all


@dataclass(frozen=True)
class NewToken:
    """What a person says of one. The name is fixed; `expires_at` has a time zone."""

    name: str
    scopes: tuple[Scope, ...] = ()
    test: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A token just made, with its secret: the only time that anybody sees it."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True)
class ChangedToken:
    """A token as it is after a change. Warnings are sentences for the app's team."""

    token: Token
    warnings: tuple[str, ...] = ()


_MAKE = "See `waybill token create`."
_INSERT = f"""
    INSERT INTO tokens (app_id, name, digest, masked, test, scopes, expires_at, created_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING {COLUMNS}
"""


def create_token(resources: Resources, actor: Actor, app: App, new: NewToken) -> IssuedToken:
    """Raises OperatorError when the name is taken, a rule of the app forbids the token, or the
    change cannot be published; NotAllowed.
    """
    secret = new_token()
    told = _Issue(Action.TOKEN_CREATE, new, secret)
    return IssuedToken(_issue(resources, actor, app, lambda _: told), secret)


def import_token(resources: Resources, actor: Actor, app: App, new: NewToken, secret: str) -> Token:
    """Let a team keep the token that its senders hold, as `read_secret` read it.

    Raises OperatorError when the name or the token is taken, a rule of the app forbids the token,
    or the change cannot be published; NotAllowed.
    """
    told = _Issue(Action.TOKEN_IMPORT, new, secret)
    return _issue(resources, actor, app, lambda _: told)


def rotate_token(
    resources: Resources, actor: Actor, app: App, name: str, new_name: str
) -> IssuedToken:
    """A second token beside this one, which may do the same. Deactivate the first once every
    sender has the second.

    Raises OperatorError when the first is not active, the new name is taken, a rule of the app
    forbids the token, or the change cannot be published; NotAllowed.
    """
    secret = new_token()

    def like_the_first(connection: Connection) -> _Issue:
        first = find_token(connection, app, name)
        if not first.active:
            raise OperatorError(
                f"Only an active token can be rotated; this one is {first.state}. Make a new one.",
                _MAKE,
            )
        new = NewToken(new_name, first.scopes, first.test, first.expires_at)
        return _Issue(Action.TOKEN_ROTATE, new, secret, first.name)

    return IssuedToken(_issue(resources, actor, app, like_the_first), secret)


def read_secret(line: bytes) -> str:
    """The token in a line of input, without the line end. Raises OperatorError, which hides it."""
    token = line.removesuffix(b"\n").removesuffix(b"\r")
    if not 1 <= len(token) <= TOKEN_BYTES_MAX:
        raise OperatorError(f"The token must have 1 to {TOKEN_BYTES_MAX} bytes, on one line.")
    try:
        secret = token.decode()
    except UnicodeDecodeError:
        raise OperatorError("The token must be UTF-8 text.") from None
    if has_control_characters(secret) or secret != secret.strip():
        # HTTP drops the spaces around a header's value: such a token could never match.
        raise OperatorError(
            "The token must be one line, without control characters and spaces around it."
        )
    if secret.startswith(PREFIX) and not is_own_form(secret):
        raise OperatorError("This is a Waybill token with a slip in it. Copy the whole of it.")
    return secret


def list_tokens(resources: Resources, app: App) -> list[Token]:
    """In the order they were made, revoked ones too; with their last use, copied yet or not."""
    used = tokens_used(resources.redis)
    return [
        _with_use(token, used.get(token.id)) for token in read_tokens(resources.connection, app)
    ]


def edit_token(
    resources: Resources, actor: Actor, app: App, name: str, scopes: Collection[Scope]
) -> ChangedToken:
    """With these scopes and no others; none: for everything.

    Raises OperatorError when the app has no such token, it is revoked, it would lose its last scope
    while enforcement is on, or the change cannot be published; NotAllowed.
    """
    alteration = _Alteration(Action.TOKEN_SCOPES, "scopes = %(scopes)s", in_order([*scopes]))
    return _alter(resources, actor, app, name, alteration)


def deactivate_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """Accept it no more, from within a second on, until it is activated again.

    Raises OperatorError when the app has no such token, it is revoked, or the change cannot be
    published; NotAllowed.
    """
    alteration = _Alteration(
        Action.TOKEN_DEACTIVATE, "deactivated_at = coalesce(deactivated_at, now())"
    )
    return _alter(resources, actor, app, name, alteration)


def activate_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """Accept it again. Raises as `deactivate_token`."""
    alteration = _Alteration(Action.TOKEN_ACTIVATE, "deactivated_at = NULL")
    return _alter(resources, actor, app, name, alteration)


def revoke_token(resources: Resources, actor: Actor, app: App, name: str) -> ChangedToken:
    """From within a second on no request with it is accepted, for good. Again is no error: the
    first holds.

    Raises OperatorError when the app has no such token or the change cannot be published;
    NotAllowed.
    """
    alteration = _Alteration(Action.TOKEN_REVOKE, "revoked_at = coalesce(revoked_at, now())")
    return _alter(resources, actor, app, name, alteration)


@dataclass(frozen=True)
class _Issue:
    """How a token comes to be; `rotates` is the name of the one that it is like."""

    action: Action
    new: NewToken
    secret: str = field(repr=False)
    rotates: str | None = None


class _Alteration(NamedTuple):
    """What is done to a token: the action's name and its assignment in SQL."""

    action: Action
    assignment: str
    scopes: tuple[Scope, ...] = ()


def _issue(
    resources: Resources, actor: Actor, app: App, issue_in: Callable[[Connection], _Issue]
) -> Token:
    require_admin(actor)
    connection = resources.connection
    with published(resources):
        enforced = lock_enforcement(connection, app)
        issue = issue_in(connection)
        name = label("name", issue.new.name, NAME_CHARACTERS_MAX)
        new = replace(issue.new, name=name, scopes=in_order(issue.new.scopes))
        _require_allowed(connection, app, new, enforced)
        token = _insert(resources, actor, app, new, issue.secret)
        told = {"scopes": new.scopes, "test": new.test, "expires_at": new.expires_at}
        if issue.rotates is not None:
            told["rotates"] = issue.rotates
        record_change(connection, actor, app.id, Change(issue.action, name, None, told))
    return token


def _insert(resources: Resources, actor: Actor, app: App, new: NewToken, secret: str) -> Token:
    if secret in new.name:
        raise OperatorError("The name has the token in it, and names are shown. Choose another.")
    digest = token_digest(resources.secret_key, secret.encode())
    row = run(
        resources.connection,
        _INSERT,
        (
            app.id,
            new.name,
            digest,
            mask(secret),
            new.test,
            list(new.scopes),
            new.expires_at,
            actor.name,
        ),
    ).fetchone()
    if row is None:
        raise _taken(resources.connection, app, new.name)
    return token_of(row)


def _require_allowed(
    connection: Connection, app: App, new: NewToken, enforced: tuple[Scope, ...]
) -> None:
    if enforced and not new.scopes:
        raise OperatorError(
            "While enforcement is on a new token must have a scope. Name at least one of "
            f"{', '.join(Scope)}."
        )
    row = run(
        connection,
        "SELECT count(*), %s::timestamptz <= now() FROM tokens "
        "WHERE app_id = %s AND revoked_at IS NULL",
        (new.expires_at, app.id),
    ).fetchone()
    assert row is not None
    count, is_past = row
    if is_past:
        raise OperatorError("The token would have expired already. Name a time in the future.")
    if count >= TOKENS_MAX:
        raise OperatorError(
            f"The app has {TOKENS_MAX} tokens that are not revoked, which is the limit. Revoke "
            "those that nobody uses.",
            "`waybill token list` shows when each was last used.",
        )


def _alter(
    resources: Resources, actor: Actor, app: App, name: str, alteration: _Alteration
) -> ChangedToken:
    require_admin(actor)
    connection = resources.connection
    with published(resources):
        enforced = lock_enforcement(connection, app)
        before = find_token(connection, app, name)
        _require_alterable(before, alteration, enforced)
        after = _assign(connection, before, alteration)
        if after == before:
            return ChangedToken(after)
        told = Change(alteration.action, after.name, _told(before), _told(after))
        record_change(connection, actor, app.id, told)
        warnings = settle_enforcement(connection, actor, app, enforced, before)
    return ChangedToken(after, (*_expired_warnings(after), *warnings))


def _require_alterable(before: Token, alteration: _Alteration, enforced: tuple[Scope, ...]) -> None:
    if alteration.action is Action.TOKEN_REVOKE:
        return
    if before.state is TokenState.REVOKED:
        raise OperatorError("This token was revoked, for good. Make a new one.", _MAKE)
    loses_all = before.scopes and not alteration.scopes
    if alteration.action is Action.TOKEN_SCOPES and enforced and loses_all:
        raise OperatorError(
            "While enforcement is on a token must keep a scope: without one it would be accepted "
            "for everything."
        )


def _assign(connection: Connection, before: Token, alteration: _Alteration) -> Token:
    row = run(
        connection,
        f"UPDATE tokens SET {alteration.assignment} WHERE id = %(id)s RETURNING {COLUMNS}",
        {"id": before.id, "scopes": list(alteration.scopes)},
    ).fetchone()
    assert row is not None
    return token_of(row)


def _told(token: Token) -> dict[str, object]:
    return {"state": token.state, "scopes": token.scopes}


def _expired_warnings(token: Token) -> tuple[str, ...]:
    if token.state is not TokenState.EXPIRED:
        return ()
    return ("The token has expired, so it still lets nobody in. Make a new one.",)


def _with_use(token: Token, used_at_ms: int | None) -> Token:
    if used_at_ms is None:
        return token
    used_at = datetime.fromtimestamp(used_at_ms / 1000, UTC)
    return replace(token, last_used_at=max(used_at, token.last_used_at or used_at))


def _taken(connection: Connection, app: App, name: str) -> OperatorError:
    """Why there was no room for the token, without a word on where else it may be."""
    taken = run(
        connection, "SELECT FROM tokens WHERE app_id = %s AND name = %s", (app.id, name)
    ).fetchone()
    if taken is not None:
        return OperatorError(
            "The app has a token of this name, active or not. Choose another name."
        )
    return OperatorError(
        "This token is already in use in this installation, or was revoked in it. Make a new one.",
        _MAKE,
    )
