"""Finds what the owner of a device has chosen about third parties.

Choices are stored by the digests of the ids that came with them: the table names nobody.
"""

from collections.abc import Iterable

from shared.database import Connection, run
from shared.privacy.identities import PersonId, id_digest
from shared.privacy.sharing import SharingChoice


def find_sharing_choice(
    connection: Connection, key: bytes, app_id: int, ids: Iterable[PersonId]
) -> SharingChoice | None:
    """Finds the newest choice that was made under one of these ids; None if there is none."""
    digests = [id_digest(key, app_id, identity) for identity in ids]
    row = run(
        connection,
        """
        SELECT is_shared, partners, options FROM sharing_choices
        WHERE digest = ANY(%s) ORDER BY chosen_at DESC LIMIT 1
        """,
        (digests,),
    ).fetchone()
    return None if row is None else SharingChoice(*row)
