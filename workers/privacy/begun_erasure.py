"""A request for erasure that is being carried out."""

from collections import Counter
from typing import NamedTuple
from uuid import UUID

from shared.privacy.identities import PersonId


class Erasure(NamedTuple):
    """A request that is being carried out. `subject` are the ids found so far."""

    id: UUID
    app_id: int
    action: str
    subject: frozenset[PersonId]
    phase: str
    progress: dict[str, int]
    counts: Counter[str]

    @property
    def is_reset(self) -> bool:
        return self.action == "reset"
