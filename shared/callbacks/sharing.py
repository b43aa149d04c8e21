"""Finds the callbacks whose partner must not hear of them, by what devices' owners have chosen."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from shared.callbacks.conversion_facts import ConversionFacts
from shared.database import Connection, run
from shared.device_ids import usable
from shared.privacy.identities import (
    IdKind,
    PersonId,
    device_person_ids,
    id_digest,
    ids_of_user,
)
from shared.privacy.sharing import SharingChoice, withholds
from shared.privacy.tombstones import read_tombstone_key

_HAS_CHOICES = "SELECT EXISTS (SELECT FROM sharing_choices)"
_CHOICES = """
SELECT digest, chosen_at, is_shared, partners, options FROM sharing_choices
WHERE digest = ANY(%s)
"""


def unshared_callbacks(
    connection: Connection, secret_key: bytes, partners: Mapping[UUID, ConversionFacts]
) -> set[UUID]:
    """Returns those callbacks to partners that are withheld. Raises DatabaseError, OperatorError.

    An installation in which nobody has chosen anything pays for one look-up.
    """
    [(has_choices,)] = run(connection, _HAS_CHOICES).fetchall()
    key = read_tombstone_key(connection, secret_key) if has_choices and partners else None
    if key is None:
        return set()
    digests = {
        number: {id_digest(key, facts.app_id, identity) for identity in person_ids(facts)}
        for number, facts in partners.items()
    }
    every = sorted(set().union(*digests.values()))
    chosen: dict[bytes, tuple[datetime, SharingChoice]] = {
        bytes(digest): (chosen_at, SharingChoice(*choice))
        for digest, chosen_at, *choice in run(connection, _CHOICES, (every,))
    }
    found = set()
    for number, facts in partners.items():
        made = [chosen[digest] for digest in digests[number] if digest in chosen]
        newest = max(made, key=lambda each: each[0])[1] if made else None
        if withholds(newest, facts.partner_name or "", facts.activity):
            found.add(number)
    return found


def person_ids(facts: ConversionFacts) -> set[PersonId]:
    """Returns every id under which the owner of the device may have chosen."""
    ids = device_person_ids([*usable(facts.device_ids), *(facts.known_device_ids or ())])
    if facts.user_id is not None:
        ids |= ids_of_user(facts.app_id, facts.user_id)
    if facts.click_id is not None:
        ids.add(PersonId(IdKind.CLICK, facts.click_id))
    return ids
