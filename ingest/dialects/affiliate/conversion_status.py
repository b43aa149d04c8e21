"""Reads the status of a conversion: whether it counts, is undone, or is not settled yet.

Networks have words of their own. Keitaro's postbacks bring lists of them: `rejected_status=trash`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ingest.parameters import Parameters
from shared.names.invisible import trimmed
from shared.placeholders import is_placeholder


class Settlement(StrEnum):
    """The meaning of a status; its value ends the names of events that do not count as they are."""

    COUNTS = ""
    REJECTED = "rejected"
    PENDING = "pending"
    IGNORED = "ignored"


class ConversionStatus(NamedTuple):
    """The meaning of a status, and the event that it names, such as `lead`, if it does."""

    settlement: Settlement = Settlement.COUNTS
    event_id: str | None = None


_WORDS: Mapping[Settlement, frozenset[str]] = {
    Settlement.COUNTS: frozenset(
        {
            *("approved", "approve", "confirmed", "accepted", "accept", "paid", "payable"),
            *("valid", "success", "successful", "ok", "completed", "complete", "converted", "1"),
        }
    ),
    Settlement.REJECTED: frozenset(
        {
            *("rejected", "reject", "declined", "denied", "refused", "cancelled", "canceled"),
            *("trash", "invalid", "reversed", "reversal", "refunded", "refund", "chargeback"),
            *("fraud", "duplicate", "failed", "void", "-1", "2"),
        }
    ),
    Settlement.PENDING: frozenset(
        {"pending", "hold", "on_hold", "onhold", "waiting", "new", "open", "processing", "0"}
    ),
}
_LISTS = {
    "ignore_status": ConversionStatus(Settlement.IGNORED),
    "rejected_status": ConversionStatus(Settlement.REJECTED),
    "lead_status": ConversionStatus(Settlement.COUNTS, "lead"),
    "sale_status": ConversionStatus(Settlement.COUNTS, "sale"),
}


def read_status(parameters: Parameters, name: str) -> ConversionStatus:
    """Reads the status, which stays as it was sent; a word that nobody knows names the event."""
    text = trimmed(parameters.get(name))
    if not text or (is_placeholder(text) and text.lower() != "void"):
        return ConversionStatus()
    word = text.lower()
    for listed, status in _LISTS.items():
        words = parameters.get(listed).lower().split(",")
        if word in {each.strip() for each in words}:
            return status
    for settlement, words_of_it in _WORDS.items():
        if word in words_of_it:
            return ConversionStatus(settlement)
    return ConversionStatus(event_id=text)
