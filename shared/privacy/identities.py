"""Names the ids that lead to a person, and the digests that stand for them once they are erased.

A digest is keyed: whoever has the table, but not the key, cannot test a guess against it. It
belongs to one app: the same device is somebody else's customer in another.
"""

import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from shared.device_ids import adid_of, as_user_id, identifying, usable
from shared.errors import BadValue
from shared.events import CLICK_KINDS, Event
from shared.names.invisible import trimmed

DIGEST_BYTES = 16
ID_CHARACTERS_MAX = 256
# Control characters, and bytes of a terminal that are not UTF-8. What cannot be seen inside an ID
# is part of it: an event with it is accepted, so its person can be erased.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class IdKind(StrEnum):
    """The kind of an id that leads to a person."""

    USER = "user"
    DEVICE = "device"  # or an adid
    CLICK = "click"
    EVENT = "event"  # the receipt of an event or a click
    KEY = "key"  # an idempotency key, which senders make of what they like


# Answers depend on these; keys are looked up by workers alone, and receipts by nobody.
ANSWERED_KINDS = frozenset({IdKind.USER, IdKind.DEVICE, IdKind.CLICK})


class PersonId(NamedTuple):
    """An id of a person, in the form in which it is compared."""

    kind: IdKind
    value: str


def person_id(kind: IdKind, text: str) -> PersonId:
    """Reads an id that somebody typed. Raises BadValue."""
    bare = trimmed(text)
    if not 1 <= len(bare) <= ID_CHARACTERS_MAX or _UNPRINTABLE.search(bare):
        raise BadValue(kind, f"must have 1 to {ID_CHARACTERS_MAX} printable characters.")
    match kind:
        case IdKind.USER:
            bare = as_user_id(bare)
        case IdKind.DEVICE:
            if not identifying([bare]):
                raise BadValue(kind, "identifies nobody, such as the zeroes that millions share.")
            bare = bare.lower()
        case IdKind.EVENT:
            try:
                bare = str(UUID(bare))
            except ValueError:
                raise BadValue(kind, "must be a receipt ID, as an answer of Waybill has.") from None
    return PersonId(kind, bare)


def device_person_ids(device_ids: Iterable[str]) -> set[PersonId]:
    """Returns those of these device ids that identify one device."""
    return {PersonId(IdKind.DEVICE, device_id) for device_id in identifying(device_ids)}


def ids_of_user(app_id: int, user_id: str) -> set[PersonId]:
    """Returns the ids that a user id stands for: itself, its adid, and a click of that name."""
    return {
        PersonId(IdKind.USER, user_id),
        PersonId(IdKind.DEVICE, adid_of(app_id, user_id)),
        PersonId(IdKind.CLICK, user_id),
    }


def ids_of_event(event: Event) -> set[PersonId]:
    """Returns every id by which an event leads to a person."""
    ids = device_person_ids(usable(event.device_ids))
    if event.kind not in CLICK_KINDS:
        ids |= ids_of_user(event.app_id, event.user_id)
    if event.click_id is not None:
        ids.add(PersonId(IdKind.CLICK, event.click_id))
    if event.idempotency_key is not None:
        ids.add(PersonId(IdKind.KEY, event.idempotency_key))
    return ids


def id_digest(key: bytes, app_id: int, identity: PersonId) -> bytes:
    """Returns what is stored instead of an id."""
    text = f"{app_id}:{identity.kind}:{identity.value}".encode()
    return hmac.digest(key, text, sha256)[:DIGEST_BYTES]
