"""Finds a person by all that is stored: what each look adds to the ids leads to the next.

An id that was named leads to whoever has it, in the tables and in quarantine; one that was found
leads to nobody else.
"""

from collections.abc import Iterable

from shared.database import Connection
from shared.privacy.copies import ids_in_quarantine
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.subject import Subject, find_subject

LOOKS_MAX = 10


def find_person(connection: Connection, app_id: int, named: Iterable[PersonId]) -> Subject:
    """Finds the person that these ids name, as an erasure does."""
    named = ids = frozenset(named)
    for _ in range(LOOKS_MAX):
        found = look_for(connection, app_id, ids, named)
        if found.ids <= ids:
            break
        ids |= found.ids
    return found


def look_for(
    connection: Connection, app_id: int, ids: frozenset[PersonId], named: frozenset[PersonId]
) -> Subject:
    """Looks once for the person who has these ids, of which some were named."""
    leading = named | {each for each in ids if each.kind is IdKind.USER}
    return find_subject(connection, app_id, ids, ids_in_quarantine(connection, app_id, leading))
