"""Tokens as their table has them. Nothing of the token itself is there to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.apps.apps import App
from console.validation import label
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.scopes import Scope

NAME_CHARACTERS_MAX = 100


class TokenState(StrEnum):
    """Only an active token lets anybody in. What was revoked stays so, the rest can be undone."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Token:
    """What is kept of a token. A test token's events are of the sandbox.

    Without `scopes` it may be used for everything. `created_by` is who made it, as in the audit
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

    @property
    def active(self) -> bool:
        return self.state is TokenState.ACTIVE

    def covers(self, scope: Scope) -> bool:
        """Whether a request of this scope would be let in by it."""
        return self.active and (not self.scopes or scope in self.scopes)


COLUMNS = """
    id, name, masked, test, scopes,
    CASE
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN deactivated_at IS NOT NULL THEN 'inactive'
        WHEN expires_at <= now() THEN 'expired'
        ELSE 'active'
    END,
    created_at, created_by, last_used_at, expires_at, deactivated_at, revoked_at
"""
_SELECT = f"SELECT {COLUMNS} FROM tokens WHERE app_id = %s"


def token_of(row: Sequence[Any]) -> Token:
    """From COLUMNS."""
    number, name, masked, test, scopes, state, *times = row
    return Token(number, name, masked, test, in_order(scopes), TokenState(state), *times)


def in_order(scopes: Sequence[str]) -> tuple[Scope, ...]:
    """Each once."""
    return tuple(scope for scope in Scope if scope in scopes)


def read_tokens(connection: Connection, app: App) -> list[Token]:
    """All of the app, in the order they were made."""
    rows = run(connection, f"{_SELECT} ORDER BY id", (app.id,))
    return [token_of(row) for row in rows]


def find_token(connection: Connection, app: App, name: str) -> Token:
    """Raises OperatorError when the app has none of this name."""
    wanted = label("The name", name, NAME_CHARACTERS_MAX)
    row = run(connection, f"{_SELECT} AND name = %s", (app.id, wanted)).fetchone()
    if row is None:
        raise OperatorError("The app has no token of this name.", "See `waybill token list`.")
    return token_of(row)
