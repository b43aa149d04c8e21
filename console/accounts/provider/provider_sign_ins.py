"""Signs people in by the identity provider: sign-ins that are under way, and whose accounts fit.

A person is found by the provider's own name for them, once it is linked; before that by the e-mail
address that an admin gave their account, if the provider has verified it. Nobody gets an account by
signing in: an admin creates it. So an address that goes over to somebody else takes no account
along.
"""

from dataclasses import dataclass

from console.accounts.people import COLUMNS, Person, person_from_row
from console.accounts.provider.provider import ProviderIdentity, ProviderRefused, ProviderRequest
from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction
from shared.keys.installation_key import accepted_digests
from shared.tokens import token_digest

MINUTES_MAX = 10
SIGN_INS_MAX = 10_000  # under way; beyond it the oldest end

_BEGIN = """
    INSERT INTO provider_sign_ins (digest, nonce, verifier, back) VALUES (%s, %s, %s, %s)
"""
_DELETE_OLD = """
    DELETE FROM provider_sign_ins
    WHERE created_at < now() - make_interval(mins => %(minutes)s) OR digest IN (
        SELECT digest FROM provider_sign_ins ORDER BY created_at DESC OFFSET %(rows)s LIMIT 20
    )
"""
_TAKE = """
    DELETE FROM provider_sign_ins
    WHERE digest = ANY(%s) AND created_at >= now() - make_interval(mins => %s)
    RETURNING nonce, verifier, back
"""
_LINKED = f"""
    SELECT {COLUMNS} FROM provider_accounts JOIN people ON people.id = person_id
    WHERE issuer = %s AND subject = %s
"""
_BY_EMAIL = f"SELECT {COLUMNS} FROM people WHERE lower(email) = lower(%s) FOR UPDATE"
_IS_LINKED = "SELECT FROM provider_accounts WHERE person_id = %s"
_LINK = "INSERT INTO provider_accounts (issuer, subject, person_id) VALUES (%s, %s, %s)"

_UNKNOWN = (
    "No account of this console has the e-mail address that the sign-in service has verified for "
    "you. Ask an admin to create one, or to enter your address."
)


@dataclass(frozen=True)
class TakenSignIn:
    """A sign-in whose browser has come back: what the answer has to fit, and where it leads."""

    nonce: str
    verifier: str
    back: str


def note_begun(
    connection: Connection, secret_key: bytes, browser: str, begun: ProviderRequest, back: str
) -> None:
    """Notes a sign-in of a browser, known by its secret, until it comes back."""
    run(connection, _DELETE_OLD, {"minutes": MINUTES_MAX, "rows": SIGN_INS_MAX})
    digest = token_digest(secret_key, _key(browser, begun.state))
    run(connection, _BEGIN, (digest, begun.nonce, begun.verifier, back))


def take_begun(connection: Connection, secret_key: bytes, browser: str, state: str) -> TakenSignIn:
    """Returns the sign-in that this browser has begun, once. Raises ProviderRefused."""
    digests = accepted_digests(secret_key, _key(browser, state))
    row = run(connection, _TAKE, (digests, MINUTES_MAX)).fetchone()
    if row is None:
        raise ProviderRefused("The sign-in took too long, or was begun elsewhere. Begin anew.")
    return TakenSignIn(*row)


def find_account(connection: Connection, identity: ProviderIdentity) -> Person:
    """Returns the person of an identity, linking it at first. Raises ProviderRefused."""
    with transaction(connection):
        key = (identity.issuer, identity.subject)
        row = run(connection, _LINKED, key).fetchone()
        if row is None:
            row = run(connection, _BY_EMAIL, (identity.email,)).fetchone()
            if row is None or not identity.email:
                raise ProviderRefused(_UNKNOWN)
            person = person_from_row(row)
            if run(connection, _IS_LINKED, (person.id,)).fetchone() is not None:
                raise ProviderRefused(
                    "Your e-mail address belongs to an account that somebody else of the sign-in "
                    "service uses. Ask an admin to enter the address anew."
                )
            if person.closed_at is None:
                link_account(connection, person.actor, person, identity)
    person = person_from_row(row)
    if person.closed_at is not None:
        raise ProviderRefused("This account is deactivated. Ask an admin.")
    return person


def link_account(
    connection: Connection, actor: Actor, person: Person, identity: ProviderIdentity
) -> None:
    """Links an account of the provider to a person, who may do so by signing in.

    Raises NotAllowed for a viewer.
    """
    if actor != person.actor:
        require_admin(actor)
    with transaction(connection):
        run(connection, _LINK, (identity.issuer, identity.subject, person.id))
        change = Change(Action.PERSON_PROVIDER, person.name, None, {"issuer": identity.issuer})
        record_change(connection, actor, None, change)


def _key(browser: str, state: str) -> bytes:
    return f"sign-in by a provider {browser} {state}".encode()
