"""Rotates the installation's key: two keys for a while, then only the new one.

rotate   the new key is in force; what is stored wrapped is wrapped anew
use      each token and API key is stored under the new key when it is next used
finish   the former key is accepted no more; what was not used since ends with it
"""

from collections.abc import Sequence
from dataclasses import dataclass

from console.accounts.api_keys import revoke_key
from console.accounts.second_factor import rewrap_factors
from console.actor import Actor, require_admin
from console.apps.apps import find_app
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.reports.schedules.report_message import schedule_purpose
from console.resources import Resources
from console.security.tokens import revoke_token
from shared.alerts.requests import alert_purpose
from shared.callbacks.requests import (
    Signing,
    callback_purpose,
    former_signing_key,
    signing_key,
    wrap_signing_key,
)
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.keys.click_keys import (
    FORMER_KEYS_MAX,
    click_key,
    unwrap_click_keys,
    wrap_click_key,
)
from shared.keys.installation_key import accepted_keys, key_with_check
from shared.keys.rehashing import store_rehashed_tokens
from shared.privacy.tombstone_key import unwrap_key, wrap_key
from shared.redis import RedisError
from shared.tokens import key_check

NAMES_SHOWN_MAX = 20

_LOCK = """
SELECT key_check, former_key_check, tombstone_key, click_keys FROM installation FOR UPDATE
"""
_ROTATE = """
UPDATE installation
SET key_check = %s, former_key_check = %s, tombstone_key = %s, click_keys = %s
"""
_MARK_TOKENS = "UPDATE tokens SET under_former_key = true, former_digest = NULL"
_MARK_API_KEYS = "UPDATE console_keys SET under_former_key = true"
_ENDPOINTS = """
SELECT id, secret_version, kept_secret, former_secret FROM callback_endpoints
WHERE deleted_at IS NULL
"""
_DESTINATIONS = "SELECT id, kept_secret FROM alert_destinations WHERE deleted_at IS NULL"
_SCHEDULES = "SELECT id, kept_secret FROM report_schedules WHERE deleted_at IS NULL"
_KEEP_CALLBACK = """
UPDATE callback_endpoints SET kept_secret = %s, former_secret = %s WHERE id = %s
"""
_KEEP_ALERT = "UPDATE alert_destinations SET kept_secret = %s WHERE id = %s"
_KEEP_SCHEDULE = "UPDATE report_schedules SET kept_secret = %s WHERE id = %s"
_UNUSED_TOKENS = """
SELECT apps.name, tokens.name FROM tokens JOIN apps ON apps.id = app_id
WHERE under_former_key AND revoked_at IS NULL AND coalesce(expires_at > now(), true)
ORDER BY apps.name, tokens.name
"""
_UNUSED_API_KEYS = """
SELECT id, name FROM console_keys
WHERE under_former_key AND revoked_at IS NULL AND coalesce(expires_at > now(), true) ORDER BY name
"""
_FINISH = "UPDATE installation SET former_key_check = NULL"
_FORGET_DIGESTS = "UPDATE tokens SET former_digest = NULL WHERE former_digest IS NOT NULL"


class NotUsedYet(OperatorError):
    """A rotation cannot be finished: it would end tokens or API keys."""


@dataclass(frozen=True)
class UnusedCredentials:
    """The tokens (app, name) and API keys (id, name) not used since the key was rotated."""

    tokens: Sequence[tuple[str, str]]
    api_keys: Sequence[tuple[int, str]]

    def names(self) -> list[str]:
        """Returns what people call them."""
        tokens = [f"token {name} of {app}" for app, name in self.tokens]
        return tokens + [f"API key {name}" for _, name in self.api_keys]


def rotate_key(resources: Resources, actor: Actor) -> UnusedCredentials:
    """Puts the new key in force and returns what has to be used once. Every program must know it.

    Raises OperatorError where the settings have no two keys, or an earlier rotation is not
    finished, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    newest, *earlier = accepted_keys(resources.secret_key)
    with publishing_transaction(resources):
        [(check, former_check, tombstone_key, click_keys)] = run(connection, _LOCK).fetchall()
        if former_check is not None:
            raise OperatorError(
                "The rotation before is not finished. Run `waybill key rotate --finish` first."
            )
        former = key_with_check(resources.secret_key, bytes(check))
        if not earlier or former != earlier[0]:
            raise OperatorError(
                "There is no new key yet. Set WAYBILL_SECRET_KEY to a new one, and "
                "WAYBILL_PREVIOUS_SECRET_KEY to the present one, for every program, and restart "
                "them. For a data folder `waybill key rotate --prepare` does so."
            )
        kept = [*unwrap_click_keys(former, click_keys), click_key(former)][-FORMER_KEYS_MAX:]
        values = (
            key_check(newest),
            check,
            wrap_key(newest, unwrap_key(former, bytes(tombstone_key))),
            [wrap_click_key(newest, key) for key in kept],
        )
        _keep_secrets(connection, newest, former)
        rewrap_factors(connection, newest, former)
        run(connection, _ROTATE, values)
        run(connection, _MARK_TOKENS)
        run(connection, _MARK_API_KEYS)
        before, after = ({"check": each.hex()[:8]} for each in (bytes(check), values[0]))
        change = Change(Action.INSTALLATION_KEY_ROTATE, "installation key", before, after)
        record_change(connection, actor, None, change)
    return find_unused(connection)


def _keep_secrets(connection: Connection, newest: bytes, former: bytes) -> None:
    """Stores what callbacks, alerts and reports are signed by, wrapped under the new key."""
    for number, version, kept, replaced in run(connection, _ENDPOINTS).fetchall():
        signing = Signing(version, kept, former=replaced)
        key = signing_key(former, callback_purpose(number, version), signing)
        before = former_signing_key(former, signing) if replaced else None
        secrets = (wrap_signing_key(newest, each) if each else None for each in (key, before))
        run(connection, _KEEP_CALLBACK, (*secrets, number))
    for number, kept in run(connection, _DESTINATIONS).fetchall():
        key = signing_key(former, alert_purpose(number), Signing(1, kept))
        run(connection, _KEEP_ALERT, (wrap_signing_key(newest, key), number))
    for number, kept in run(connection, _SCHEDULES).fetchall():
        key = signing_key(former, schedule_purpose(number), Signing(1, kept))
        run(connection, _KEEP_SCHEDULE, (wrap_signing_key(newest, key), number))


def finish_rotation(resources: Resources, actor: Actor, *, force: bool) -> UnusedCredentials:
    """Ends the acceptance of the former key. With `force`, what was not used is revoked.

    Raises NotUsedYet, OperatorError if no rotation is unfinished, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    row = run(connection, "SELECT former_key_check FROM installation").fetchone()
    if row is None or row[0] is None:
        raise OperatorError("No rotation of the key is unfinished.")
    try:
        with transaction(connection):
            store_rehashed_tokens(connection, resources.redis, resources.secret_key)
    except RedisError as error:
        raise OperatorError(
            "Redis cannot say which tokens were used since the rotation: nothing was changed. Try "
            "again once Redis is available."
        ) from error
    unused = find_unused(connection)
    if names := unused.names():
        if not force:
            more = f" and {len(names) - NAMES_SHOWN_MAX} more" * (len(names) > NAMES_SHOWN_MAX)
            raise NotUsedYet(
                f"Not used since the key was rotated: {', '.join(names[:NAMES_SHOWN_MAX])}{more}. "
                "Wait until they were, or revoke them by --force."
            )
        for app, name in unused.tokens:
            revoke_token(resources, actor, find_app(connection, app), name)
        for number, _ in unused.api_keys:
            revoke_key(connection, actor, number)
    with publishing_transaction(resources):
        run(connection, _FINISH)
        run(connection, _FORGET_DIGESTS)
        change = Change(
            Action.INSTALLATION_KEY_FINISH, "installation key", {}, {"revoked": unused.names()}
        )
        record_change(connection, actor, None, change)
    return unused


def find_unused(connection: Connection) -> UnusedCredentials:
    """Finds what was not used since the key was rotated, and works no more once it is finished."""
    tokens = run(connection, _UNUSED_TOKENS).fetchall()
    return UnusedCredentials(tokens, run(connection, _UNUSED_API_KEYS).fetchall())
