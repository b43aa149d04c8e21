"""Describes what differs between the declared rights and those in a store."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Discrepancy:
    """A right that a user or role lacks, or has though it is not declared."""

    store: str
    name: str
    right: str
    is_missing: bool

    def __str__(self) -> str:
        word = "lacks" if self.is_missing else "has beyond what it needs"
        return f"{self.store}: {self.name} {word}: {self.right}"
