"""Handles calls about tokens, and about the scopes that require one."""

from datetime import datetime

import msgspec

from console.apps.apps import App
from console.security.enforcement import Enforcement, read_enforcement, set_enforcement
from console.security.new_tokens import IssuedToken, NewToken, create_token
from console.security.token_table import Token
from console.security.tokens import (
    ChangedToken,
    activate_token,
    deactivate_token,
    edit_token,
    list_tokens,
    revoke_token,
)
from console.web.api.api_call import ApiCall
from console.web.lookups import token_of
from console.web.page_errors import BadRequest
from shared.scopes import Scope


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A token to create.

    Without scopes it can be used for everything. `expires_at` must have a time zone. With `sdk` it
    is a public token, for what SDKs send from devices and nothing else.
    """

    name: str
    scopes: list[Scope] = []
    test: bool = False
    expires_at: datetime | None = None
    sdk: bool = False


class Scopes(msgspec.Struct, forbid_unknown_fields=True):
    """A complete list of scopes."""

    scopes: list[Scope]


def list_all(call: ApiCall, app: App) -> list[Token]:
    return list_tokens(call.resources, app)


def create(call: ApiCall, app: App) -> IssuedToken:
    request: TokenRequest = call.body
    if request.expires_at is not None and request.expires_at.tzinfo is None:
        raise BadRequest("expires_at must have a time zone, as in 2027-01-31T00:00:00Z.")
    new = NewToken(
        request.name, tuple(request.scopes), request.test, request.expires_at, request.sdk
    )
    return create_token(call.resources, call.actor, app, new)


def edit(call: ApiCall, app: App, token_id: int) -> ChangedToken:
    return edit_token(call.resources, call.actor, app, _name(call, app, token_id), call.body.scopes)


def activate(call: ApiCall, app: App, token_id: int) -> ChangedToken:
    return activate_token(call.resources, call.actor, app, _name(call, app, token_id))


def deactivate(call: ApiCall, app: App, token_id: int) -> ChangedToken:
    return deactivate_token(call.resources, call.actor, app, _name(call, app, token_id))


def revoke(call: ApiCall, app: App, token_id: int) -> ChangedToken:
    return revoke_token(call.resources, call.actor, app, _name(call, app, token_id))


def enforcement(call: ApiCall, app: App) -> Enforcement:
    return read_enforcement(call.connection, app)


def enforce(call: ApiCall, app: App) -> Enforcement:
    return set_enforcement(call.resources, call.actor, app, call.body.scopes)


def _name(call: ApiCall, app: App, token_id: int) -> str:
    return token_of(call.resources, app, token_id).name
