"""API keys: programs authenticate with them to the console's HTTP API instead of signing in."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.actor import Actor, Role, require_admin
from console.audit import Action, Change, record_change
from console.validation import clean_text
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.tokens import mask, token_digest

NAME_CHARACTERS_MAX = 100
PREFIX = "wbk_"  # the redaction of logs recognises it


@dataclass(frozen=True)
class Key:
    """An API key without its secret. `used_at` is up to a minute old."""

    id: int
    name: str
    role: Role
    masked: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> Actor:
        """Returns the actor of the changes that are made with this key."""
        return Actor(f"key:{self.name}", self.role)


@dataclass(frozen=True)
class IssuedKey:
    """A new API key with its secret, which is shown only this once."""

    key: Key
    secret: str


_COLUMNS = "id, name, role, masked, created_at, used_at, revoked_at"
_INSERT = f"""
    INSERT INTO console_keys (name, role, digest, masked) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING {_COLUMNS}
"""
_SELECT = f"SELECT {_COLUMNS} FROM console_keys"
_REVOKE = f"""
    UPDATE console_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s
    RETURNING {_COLUMNS}
"""
# The last use is written once a minute at most, as with sessions.
_USE = """
    UPDATE console_keys SET used_at = now()
    WHERE id = %s AND (used_at IS NULL OR used_at < now() - interval '1 minute')
"""


def create_key(
    connection: Connection, secret_key: bytes, actor: Actor, name: str, role: Role
) -> IssuedKey:
    """Creates an API key.

    Raises OperatorError when the name is taken, and NotAllowed for a viewer.
    """
    require_admin(actor)
    secret = PREFIX + secrets.token_hex(32)
    digest = token_digest(secret_key, secret.encode())
    values = (clean_text("name", name, NAME_CHARACTERS_MAX), role, digest, mask(secret))
    with transaction(connection):
        row = run(connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError(
                "A key, active or revoked, already has this name. Choose another name."
            )
        key = _key_from_row(row)
        change = Change(Action.KEY_CREATE, key.name, None, {"role": key.role})
        record_change(connection, actor, None, change)
    return IssuedKey(key, secret)


def list_keys(connection: Connection) -> list[Key]:
    """Returns all API keys, revoked ones too, in the order of their creation."""
    return [_key_from_row(row) for row in run(connection, f"{_SELECT} ORDER BY id")]


def revoke_key(connection: Connection, actor: Actor, number: int) -> Key:
    """Revokes an API key permanently; revoking it again is no error.

    Raises OperatorError when there is no such key, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        row = run(connection, _REVOKE, (number,)).fetchone()
        if row is None:
            raise OperatorError("There is no such API key.")
        key = _key_from_row(row)
        change = Change(Action.KEY_REVOKE, key.name, {"role": key.role}, None)
        record_change(connection, actor, None, change)
    return key


def find_key(connection: Connection, secret_key: bytes, secret: str) -> Key | None:
    """Returns the active key with this secret, and records its use."""
    digest = token_digest(secret_key, secret.encode())
    row = run(
        connection, f"{_SELECT} WHERE digest = %s AND revoked_at IS NULL", (digest,)
    ).fetchone()
    if row is None:
        return None
    key = _key_from_row(row)
    run(connection, _USE, (key.id,))
    return key


def _key_from_row(row: tuple[Any, ...]) -> Key:
    number, name, role, *rest = row
    return Key(number, name, Role(role), *rest)
