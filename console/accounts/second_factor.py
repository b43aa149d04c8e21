"""The second factor of a person: an authenticator that shows codes, and codes for when it is lost.

The secret is stored under the installation's key, recovery codes as digests. It counts once a first
code has shown that the authenticator has it. A code is taken once: the step of the last one is
stored, and an earlier one is refused.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from console.accounts.people import Person
from console.accounts.totp import (
    SECRET_BYTES,
    matching_step,
    new_recovery_codes,
    qr_code,
    recovery_digest,
    secret_text,
    setup_uri,
    typed_code,
)
from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.keys.wrapping import KEY_BYTES, unwrap, wrap

_PURPOSE = b"waybill second factor"

_BEGIN = """
    INSERT INTO second_factors (person_id, wrapped_secret) VALUES (%s, %s)
    ON CONFLICT (person_id) DO UPDATE SET
        wrapped_secret = excluded.wrapped_secret, created_at = now(), last_step = 0
    WHERE second_factors.confirmed_at IS NULL
    RETURNING person_id
"""
_SELECT = """
    SELECT wrapped_secret, last_step, confirmed_at, (
        SELECT count(*) FROM recovery_codes
        WHERE recovery_codes.person_id = second_factors.person_id AND used_at IS NULL
    )
    FROM second_factors WHERE person_id = %s
"""
# Nobody takes the same step twice, nor two at once.
_TAKE_STEP = """
    UPDATE second_factors SET last_step = %(step)s
    WHERE person_id = %(person)s AND last_step < %(step)s RETURNING person_id
"""
_TAKE_CODE = """
    UPDATE recovery_codes SET used_at = now()
    WHERE person_id = %s AND digest = %s AND used_at IS NULL RETURNING person_id
"""
_CONFIRM = "UPDATE second_factors SET confirmed_at = now() WHERE person_id = %s"
_ADD_CODE = "INSERT INTO recovery_codes (person_id, digest) VALUES (%s, %s)"
_DELETE_CODES = "DELETE FROM recovery_codes WHERE person_id = %s"
_DELETE = "DELETE FROM second_factors WHERE person_id = %s RETURNING confirmed_at"
_REWRAP = "UPDATE second_factors SET wrapped_secret = %s WHERE person_id = %s"


class WrongCode(OperatorError):
    """A code that is not one of now, or was used before."""

    def __init__(self) -> None:
        super().__init__(
            "The code is incorrect, or was used before. Wait for the next one, and compare the "
            "clock of your device."
        )


@dataclass(frozen=True)
class Enrolment:
    """An authenticator that is being set up: its secret as text, and as an SVG image to scan."""

    secret: str = field(repr=False)
    image: str = field(repr=False)


@dataclass(frozen=True)
class SecondFactor:
    """The second factor of a person; without `confirmed_at` it is still being set up."""

    secret: bytes = field(repr=False)
    last_step: int
    confirmed_at: datetime | None
    codes_left: int


def begin_enrolment(connection: Connection, secret_key: bytes, person: Person) -> None:
    """Creates a secret for a person's authenticator, in place of one that was not confirmed.

    Raises OperatorError if the person has a second factor.
    """
    wrapped = wrap(_PURPOSE, secret_key, secrets.token_bytes(KEY_BYTES))
    if run(connection, _BEGIN, (person.id, wrapped)).fetchone() is None:
        raise OperatorError("You have a second step already. Remove it before you set up another.")


def show_enrolment(person: Person, factor: SecondFactor) -> Enrolment:
    """Returns what the person scans or types into their authenticator."""
    image = qr_code(setup_uri(factor.secret, person.name))
    return Enrolment(secret_text(factor.secret), image)


def find_factor(connection: Connection, secret_key: bytes, person: Person) -> SecondFactor | None:
    """Finds the second factor of a person, confirmed or not. Raises WrappedElsewhere."""
    row = run(connection, _SELECT, (person.id,)).fetchone()
    if row is None:
        return None
    wrapped, last_step, confirmed_at, codes_left = row
    secret = unwrap(_PURPOSE, secret_key, bytes(wrapped))[:SECRET_BYTES]
    return SecondFactor(secret, last_step, confirmed_at, codes_left)


def confirm_enrolment(
    connection: Connection, secret_key: bytes, person: Person, code: str, now_ms: int
) -> list[str]:
    """Puts a second factor in force by its first code; returns the recovery codes, only this once.

    Raises WrongCode, and OperatorError if none is being set up.
    """
    with transaction(connection):
        factor = find_factor(connection, secret_key, person)
        if factor is None or factor.confirmed_at is not None:
            raise OperatorError("No second step is being set up. Begin anew.")
        if not _take(connection, person, factor, typed_code(code), now_ms):
            raise WrongCode
        run(connection, _CONFIRM, (person.id,))
        _record(connection, person.actor, person, before=False, after=True)
        return _replace_codes(connection, person)


def prove_factor(
    connection: Connection, secret_key: bytes, person: Person, code: str, now_ms: int
) -> bool:
    """Tells whether this is a code of the person that was not used yet, and uses it up."""
    typed = typed_code(code)
    factor = find_factor(connection, secret_key, person)
    if factor is None or factor.confirmed_at is None:
        return False
    if _take(connection, person, factor, typed, now_ms):
        return True
    digest = recovery_digest(person.id, typed)
    return run(connection, _TAKE_CODE, (person.id, digest)).fetchone() is not None


def renew_recovery_codes(connection: Connection, actor: Actor, person: Person) -> list[str]:
    """Replaces the recovery codes of a person by new ones, which are shown only this once.

    Anybody may renew their own. Raises NotAllowed for a viewer.
    """
    if actor != person.actor:
        require_admin(actor)
    with transaction(connection):
        change = Change(Action.PERSON_RECOVERY_CODES, person.name, None, {})
        record_change(connection, actor, None, change)
        return _replace_codes(connection, person)


def remove_factor(connection: Connection, actor: Actor, person: Person) -> None:
    """Removes the second factor of a person. Anybody may remove their own.

    Raises NotAllowed for a viewer.
    """
    if actor != person.actor:
        require_admin(actor)
    with transaction(connection):
        run(connection, _DELETE_CODES, (person.id,))
        row = run(connection, _DELETE, (person.id,)).fetchone()
        if row is not None and row[0] is not None:
            _record(connection, actor, person, before=True, after=False)


def rewrap_factors(connection: Connection, newest: bytes, former: bytes) -> None:
    """Stores the secrets under another installation key."""
    for person_id, wrapped in run(
        connection, "SELECT person_id, wrapped_secret FROM second_factors"
    ).fetchall():
        secret = unwrap(_PURPOSE, former, bytes(wrapped))
        run(connection, _REWRAP, (wrap(_PURPOSE, newest, secret), person_id))


def _take(
    connection: Connection, person: Person, factor: SecondFactor, code: str, now_ms: int
) -> bool:
    step = matching_step(factor.secret, code, now_ms, factor.last_step)
    if step is None:
        return False
    return run(connection, _TAKE_STEP, {"person": person.id, "step": step}).fetchone() is not None


def _replace_codes(connection: Connection, person: Person) -> list[str]:
    codes = new_recovery_codes()
    run(connection, _DELETE_CODES, (person.id,))
    for code in codes:
        run(connection, _ADD_CODE, (person.id, recovery_digest(person.id, typed_code(code))))
    return codes


def _record(
    connection: Connection, actor: Actor, person: Person, *, before: bool, after: bool
) -> None:
    values = {"second_factor": before}, {"second_factor": after}
    change = Change(Action.PERSON_SECOND_FACTOR, person.name, *values)
    record_change(connection, actor, None, change)
