"""Finds the accounts of people whom the identity provider has authenticated.

A person is found by the provider's own name for them, once it is linked; before that by the e-mail
address that an admin gave their account, if the provider has verified it. Nobody gets an account by
signing in: an admin creates it. So an address that goes over to somebody else takes no account
along.
"""

from console.accounts.people import COLUMNS, Person, person_from_row
from console.accounts.provider.provider import ProviderIdentity, ProviderRefused
from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction

_LINKED = f"""
    SELECT {COLUMNS} FROM provider_accounts JOIN people ON people.id = person_id
    WHERE issuer = %s AND subject = %s
"""
# Folded as ASCII alone: other letters fold to those of somebody else's address.
_BY_EMAIL = f"""
    SELECT {COLUMNS} FROM people
    WHERE lower(email COLLATE "C") = lower(%s::text COLLATE "C") FOR UPDATE
"""
_IS_LINKED = "SELECT FROM provider_accounts WHERE person_id = %s"
_LINK = "INSERT INTO provider_accounts (issuer, subject, person_id) VALUES (%s, %s, %s)"

_UNKNOWN = (
    "No account of this console has the e-mail address that the sign-in service has verified for "
    "you. Ask an admin to create one, or to enter your address."
)


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
