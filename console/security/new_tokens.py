"""Creates tokens: new ones, imported ones, and rotated ones beside the first.

Every new token is published to ingest or is not created. Its secret is shown once: only its digest
is stored, and no message repeats it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.security.enforcement import lock_enforcement
from console.security.token_table import (
    COLUMNS,
    NAME_CHARACTERS_MAX,
    Token,
    find_token,
    ordered_scopes,
    token_from_row,
)
from console.validation import clean_text, has_control_characters
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.keys.installation_key import accepted_digests
from shared.publishing import require_key
from shared.scopes import Scope
from shared.tokens import PREFIX, TOKEN_BYTES_MAX, is_own_form, mask, new_token, token_digest

SAFE_BYTES_MIN = 16  # a shorter imported token can be found by guessing
TOKENS_MAX = 100  # of an app, not revoked: every ingest process holds them all


@dataclass(frozen=True)
class NewToken:
    """The values of a new token. The name cannot be changed; `expires_at` has a time zone.

    `sdk` is set for a token that is published within an app, for its SDK alone: it has no scopes.
    """

    name: str
    scopes: tuple[Scope, ...] = ()
    test: bool = False
    expires_at: datetime | None = None
    sdk: bool = False


@dataclass(frozen=True)
class IssuedToken:
    """A new token with its secret, which is shown only this once."""

    token: Token
    secret: str = field(repr=False)


_CREATE_HINT = "See `waybill token create`."
_KNOWN = "SELECT FROM tokens WHERE digest = ANY(%s) OR former_digest = ANY(%s)"
_INSERT = f"""
    INSERT INTO tokens (app_id, name, digest, masked, test, scopes, expires_at, created_by, sdk)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING {COLUMNS}
"""


def create_token(resources: Resources, actor: Actor, app: App, new: NewToken) -> IssuedToken:
    """Creates a token.

    Raises OperatorError when the name is taken, a rule of the app forbids the token, or the change
    cannot be published, and NotAllowed for a viewer.
    """
    secret = new_token()
    request = _TokenRequest(Action.TOKEN_CREATE, new, secret)
    return IssuedToken(_issue(resources, actor, app, lambda _: request), secret)


def import_token(resources: Resources, actor: Actor, app: App, new: NewToken, secret: str) -> Token:
    """Imports the token that a team's senders already use, as `read_secret` read it.

    Raises OperatorError when the name or the token is taken, a rule of the app forbids the token,
    or the change cannot be published, and NotAllowed for a viewer.
    """
    request = _TokenRequest(Action.TOKEN_IMPORT, new, secret)
    return _issue(resources, actor, app, lambda _: request)


def rotate_token(
    resources: Resources, actor: Actor, app: App, name: str, new_name: str
) -> IssuedToken:
    """Creates a second token with the same permissions as this one.

    Deactivate the first once every sender uses the second. Raises OperatorError when the first is
    not active, the new name is taken, a rule of the app forbids the token, or the change cannot be
    published, and NotAllowed for a viewer.
    """
    secret = new_token()

    def request_from_first(connection: Connection) -> _TokenRequest:
        first = find_token(connection, app, name)
        if not first.active:
            raise OperatorError(
                f"Only an active token can be rotated; this one is {first.state}. Create a new "
                "one.",
                _CREATE_HINT,
            )
        new = NewToken(new_name, first.scopes, first.test, first.expires_at, first.sdk)
        return _TokenRequest(Action.TOKEN_ROTATE, new, secret, first.name)

    return IssuedToken(_issue(resources, actor, app, request_from_first), secret)


def read_secret(line: bytes) -> str:
    """Returns the token in a line of input, without the line end.

    Raises OperatorError for an invalid token, without repeating it.
    """
    token = line.removesuffix(b"\n").removesuffix(b"\r")
    if not 1 <= len(token) <= TOKEN_BYTES_MAX:
        raise OperatorError(f"The token must have 1 to {TOKEN_BYTES_MAX} bytes, on one line.")
    try:
        secret = token.decode()
    except UnicodeDecodeError:
        raise OperatorError("The token must be UTF-8 text.") from None
    if has_control_characters(secret) or secret != secret.strip():
        # HTTP removes the spaces around a header's value: such a token could never match.
        raise OperatorError(
            "The token must be one line, without control characters or surrounding spaces."
        )
    if secret.startswith(PREFIX) and not is_own_form(secret):
        raise OperatorError("This Waybill token is mistyped or incomplete. Copy all of it.")
    return secret


@dataclass(frozen=True)
class _TokenRequest:
    """A token to be issued; `rotates` is the name of the token that it replaces."""

    action: Action
    new: NewToken
    secret: str = field(repr=False)
    rotates: str | None = None


def _issue(
    resources: Resources,
    actor: Actor,
    app: App,
    request_in: Callable[[Connection], _TokenRequest],
) -> Token:
    """Issues the token that `request_in` returns once the app's tokens are locked."""
    require_admin(actor)
    connection = resources.connection
    with publishing_transaction(resources):
        enforced = lock_enforcement(connection, app)
        request = request_in(connection)
        name = clean_text("name", request.new.name, NAME_CHARACTERS_MAX)
        new = replace(request.new, name=name, scopes=ordered_scopes(request.new.scopes))
        _require_allowed(connection, app, new, enforced)
        token = _insert(resources, actor, app, new, request.secret)
        after = {"scopes": new.scopes, "test": new.test, "expires_at": new.expires_at}
        if new.sdk:
            after["sdk"] = True
        if request.rotates is not None:
            after["rotates"] = request.rotates
        record_change(connection, actor, app.id, Change(request.action, name, None, after))
    return token


def _insert(resources: Resources, actor: Actor, app: App, new: NewToken, secret: str) -> Token:
    if secret in new.name:
        raise OperatorError("The name contains the token, and names are shown. Choose another.")
    digests = accepted_digests(resources.secret_key, secret.encode())
    in_force = require_key(resources.connection, resources.secret_key)
    digest = token_digest(in_force, secret.encode())
    if run(resources.connection, _KNOWN, (digests, digests)).fetchone() is not None:
        raise _taken_error(resources.connection, app, new.name)
    identity = (app.id, new.name, digest, mask(secret))
    values = (*identity, new.test, list(new.scopes), new.expires_at, actor.name, new.sdk)
    row = run(resources.connection, _INSERT, values).fetchone()
    if row is None:
        raise _taken_error(resources.connection, app, new.name)
    return token_from_row(row)


def _require_allowed(
    connection: Connection, app: App, new: NewToken, enforced: tuple[Scope, ...]
) -> None:
    if new.sdk and new.scopes:
        raise OperatorError("The token of an SDK is public, so it can have no scope beside.")
    if enforced and not new.scopes and not new.sdk:
        raise OperatorError(
            "While authentication is on, a new token must have a scope. Name at least one of "
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
        raise OperatorError("The expiry time is in the past. Choose a time in the future.")
    if count >= TOKENS_MAX:
        raise OperatorError(
            f"The app has {TOKENS_MAX} tokens that are not revoked, which is the limit. Revoke "
            "those that are not used.",
            "`waybill token list` shows when each was last used.",
        )


def _taken_error(connection: Connection, app: App, name: str) -> OperatorError:
    """Returns why the token could not be inserted, without saying where else it may be in use."""
    taken = run(
        connection, "SELECT FROM tokens WHERE app_id = %s AND name = %s", (app.id, name)
    ).fetchone()
    if taken is not None:
        return OperatorError(
            "The app already has a token with this name, active or not. Choose another name."
        )
    return OperatorError(
        "This token is already in use in this installation, or was revoked in it. Create a new "
        "one.",
        _CREATE_HINT,
    )
