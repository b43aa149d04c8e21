"""Reads tokens from their table, which does not contain the secret of any."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.apps.apps import App
from console.validation import clean_text
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.scopes import Scope

NAME_CHARACTERS_MAX = 100


class TokenState(StrEnum):
    """The state of a token. Only an active one is accepted; only revocation is permanent."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Token:
    """A token without its secret. Events of a test token belong to the sandbox.

    Without `scopes` it is accepted for everything, but for an SDK's (`sdk`), which is public and
    accepted for nothing but what SDKs send. `created_by` is its creator's name in the audit
    log; `last_used_at` is up to a minute old.
    """

    id: int
    name: str
    masked: str
    test: bool
    scopes: tuple[Scope, ...]
    state: TokenState
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    expires_at: datetime | None
    deactivated_at: datetime | None
    revoked_at: datetime | None
    sdk: bool = False

    @property
    def active(self) -> bool:
        return self.state is TokenState.ACTIVE

    @property
    def protects(self) -> bool:
        """Tells whether a production sender can use it: enforcement must not leave them none."""
        return self.active and not self.test and not self.sdk

    def covers(self, scope: Scope) -> bool:
        """Tells whether the token authorises a request of this scope from production."""
        return self.protects and (not self.scopes or scope in self.scopes)


COLUMNS = """
    id, name, masked, test, scopes,
    CASE
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN deactivated_at IS NOT NULL THEN 'inactive'
        WHEN expires_at <= now() THEN 'expired'
        ELSE 'active'
    END,
    created_at, created_by, last_used_at, expires_at, deactivated_at, revoked_at, sdk
"""
_SELECT = f"SELECT {COLUMNS} FROM tokens WHERE app_id = %s"


def token_from_row(row: Sequence[Any]) -> Token:
    """Returns the token of a row of COLUMNS."""
    number, name, masked, test, scopes, state, *times = row
    return Token(number, name, masked, test, ordered_scopes(scopes), TokenState(state), *times)


def ordered_scopes(scopes: Sequence[str]) -> tuple[Scope, ...]:
    """Returns the scopes in their declared order, each once."""
    return tuple(scope for scope in Scope if scope in scopes)


def read_tokens(connection: Connection, app: App) -> list[Token]:
    """Returns all tokens of the app in the order of their creation."""
    rows = run(connection, f"{_SELECT} ORDER BY id", (app.id,))
    return [token_from_row(row) for row in rows]


def find_token(connection: Connection, app: App, name: str) -> Token:
    """Returns the token with this name. Raises OperatorError when the app has none."""
    name = clean_text("The name", name, NAME_CHARACTERS_MAX)
    row = run(connection, f"{_SELECT} AND name = %s", (app.id, name)).fetchone()
    if row is None:
        raise OperatorError("The app has no token with this name.", "See `waybill token list`.")
    return token_from_row(row)
