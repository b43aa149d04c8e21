"""API keys: programs authenticate with them to the console's HTTP API instead of signing in."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from console.actor import Actor, AppRole, Reach, Role, require_admin
from console.audit import Action, Change, record_change
from console.validation import clean_text
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.keys.installation_key import accepted_digests
from shared.tokens import mask, token_digest

NAME_CHARACTERS_MAX = 100
DAYS_MAX = 366  # a key that nobody renews in a year belongs to nobody
DAYS_DEFAULT = 90
PREFIX = "wbk_"  # the redaction of logs recognises it


@dataclass(frozen=True)
class Key:
    """An API key without its secret. `used_at` is up to a minute old.

    The role is its scope: a viewer's key can read, an admin's can manage too, for as long as its
    maker may. With `app_id` it is for this app alone. Keys made before there was an expiry, or at a
    terminal, have none or no `maker`. A key whose maker is a member reaches what its maker reaches
    now, `maker_apps`.
    """

    id: int
    name: str
    role: Role
    masked: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None
    has_expired: bool
    app_id: int | None
    app: str | None
    maker: str | None
    maker_apps: dict[int, AppRole] | None = None

    @property
    def reach(self) -> Reach:
        """Returns what the key reaches: no more than its maker, and no app but its own."""
        if self.maker_apps is None:
            return Reach(self.role)
        apps = {
            app_id: given if self.role is Role.ADMIN else AppRole.VIEWER
            for app_id, given in self.maker_apps.items()
        }
        return Reach(Role.MEMBER, apps)

    @property
    def actor(self) -> Actor:
        """Returns the actor of the changes that are made with this key."""
        return Actor(f"key:{self.name}", self.role, self.app_id)


@dataclass(frozen=True)
class IssuedKey:
    """A new API key with its secret, which is shown only this once."""

    key: Key
    secret: str


@dataclass(frozen=True)
class KeyLimits:
    """The limits of a new key: its days, the only app that it is for, the person who makes it."""

    days: int = DAYS_DEFAULT
    app_id: int | None = None
    maker_id: int | None = None


_INSERT = """
    INSERT INTO console_keys (name, role, digest, masked, expires_at, app_id, maker_id)
    VALUES (%s, %s, %s, %s, now() + make_interval(days => %s), %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING id
"""
# A key can do no more than its maker.
_SELECT = """
    SELECT key.id, key.name, CASE WHEN maker.role = 'viewer' THEN 'viewer' ELSE key.role END,
           key.masked, key.created_at, key.used_at, key.revoked_at, key.expires_at,
           coalesce(key.expires_at <= now(), false), key.app_id, apps.name, maker.name,
           CASE WHEN maker.role = 'member' THEN coalesce((
               SELECT json_object_agg(app_roles.app_id, app_roles.role) FROM app_roles
               WHERE app_roles.person_id = maker.id
           ), '{}') END
    FROM console_keys AS key
    LEFT JOIN people AS maker ON maker.id = key.maker_id
    LEFT JOIN apps ON apps.id = key.app_id
"""
_FIND = f"""
    {_SELECT}
    WHERE key.digest = ANY(%s) AND key.revoked_at IS NULL AND maker.closed_at IS NULL
      AND (key.expires_at IS NULL OR key.expires_at > now())
"""
_REVOKE = """
    UPDATE console_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING id
"""
_ACTIVE_OF = "SELECT id FROM console_keys WHERE maker_id = %s AND revoked_at IS NULL ORDER BY id"
# The last use is written once a minute at most, as with sessions.
_USE = """
    UPDATE console_keys SET used_at = now()
    WHERE id = %s AND (used_at IS NULL OR used_at < now() - interval '1 minute')
"""


_REHASH = """
    UPDATE console_keys SET digest = %s, under_former_key = false WHERE id = %s AND under_former_key
"""


def create_key(
    connection: Connection,
    secret_key: bytes,
    actor: Actor,
    name: str,
    role: Role,
    limits: KeyLimits = KeyLimits(),
) -> IssuedKey:
    """Creates an API key.

    Raises OperatorError when the name is taken or the days are out of range, and NotAllowed for a
    viewer.
    """
    require_admin(actor)
    secret = PREFIX + secrets.token_hex(32)
    digest = token_digest(secret_key, secret.encode())
    if not 1 <= limits.days <= DAYS_MAX:
        raise OperatorError(f"A key is valid for 1 to {DAYS_MAX} days.")
    name = clean_text("name", name, NAME_CHARACTERS_MAX)
    bounds = (limits.days, limits.app_id, limits.maker_id)
    values = (name, role, digest, mask(secret), *bounds)
    with transaction(connection):
        row = run(connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError(
                "A key, active or revoked, already has this name. Choose another name."
            )
        key = _read_key(connection, row[0])
        after = {"role": key.role, "app": key.app, "days": limits.days}
        change = Change(Action.KEY_CREATE, key.name, None, after)
        record_change(connection, actor, None, change)
    return IssuedKey(key, secret)


def list_keys(connection: Connection) -> list[Key]:
    """Returns all API keys, revoked ones too, in the order of their creation."""
    return [_key_from_row(row) for row in run(connection, f"{_SELECT} ORDER BY key.id")]


def revoke_key(connection: Connection, actor: Actor, number: int) -> Key:
    """Revokes an API key permanently; revoking it again is no error.

    Raises OperatorError when there is no such key, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        row = run(connection, _REVOKE, (number,)).fetchone()
        if row is None:
            raise OperatorError("There is no such API key.")
        key = _read_key(connection, number)
        change = Change(Action.KEY_REVOKE, key.name, {"role": key.role}, None)
        record_change(connection, actor, None, change)
    return key


def revoke_keys_of(connection: Connection, actor: Actor, maker_id: int) -> None:
    """Revokes the keys that a person has made, in the open transaction: they end with the person.

    Raises NotAllowed for a viewer.
    """
    for (number,) in run(connection, _ACTIVE_OF, (maker_id,)).fetchall():
        revoke_key(connection, actor, number)


def find_key(connection: Connection, secret_key: bytes, secret: str) -> Key | None:
    """Returns the active key with this secret, and records its use.

    It is None for one that was revoked, has expired, or whose maker is deactivated.
    """
    digests = accepted_digests(secret_key, secret.encode())
    row = run(connection, _FIND, (digests,)).fetchone()
    if row is None:
        return None
    key = _key_from_row(row)
    run(connection, _USE, (key.id,))
    if len(digests) > 1:
        run(connection, _REHASH, (digests[0], key.id))
    return key


def _read_key(connection: Connection, number: int) -> Key:
    row = run(connection, f"{_SELECT} WHERE key.id = %s", (number,)).fetchone()
    assert row is not None  # keys are never deleted
    return _key_from_row(row)


def _key_from_row(row: tuple[Any, ...]) -> Key:
    number, name, role, *values, apps = row
    given = None if apps is None else {int(each): AppRole(held) for each, held in apps.items()}
    return replace(Key(number, name, Role(role), *values), maker_apps=given)
