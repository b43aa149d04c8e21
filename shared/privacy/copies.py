"""Finds what quarantine and the log of refused requests have of a person.

Both keep what was sent as it was sent, so that an id is looked for in every form that it may have
there.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from shared.database import Connection, run
from shared.events import CLICK_KINDS, WIRE_VERSION, Event, decode_events
from shared.privacy.identities import IdKind, PersonId, ids_of_event
from shared.redis import Redis, stream_entries
from shared.rejections import app_of

# The log of refused requests has the first 200 bytes of a value; the last may be part of a letter.
_LOGGED_BYTES_MIN = 190

_QUARANTINE = """
SELECT events, wire_version FROM quarantine WHERE app_id = %s OR app_id IS NULL
"""


def quarantined_events(connection: Connection, app_id: int) -> Iterator[Event]:
    """Yields the events of an app that are in quarantine and can be read."""
    for raw, wire_version in run(connection, _QUARANTINE, (app_id,)).fetchall():
        for event in read_events(bytes(raw), wire_version) or ():
            if event.app_id == app_id:
                yield event


def read_events(raw: bytes, wire_version: int) -> list[Event] | None:
    """Reads an entry of quarantine; None if this version cannot."""
    with suppress(msgspec.MsgspecError):
        return decode_events(raw) if wire_version == WIRE_VERSION else None
    return None


def ids_in_quarantine(
    connection: Connection, app_id: int, leading: Collection[PersonId]
) -> set[PersonId]:
    """Returns every id of the events in quarantine that have one of these, or are named by it.

    A click that has one leads on to the events that name it.
    """
    events = [(event, ids_of_event(event)) for event in quarantined_events(connection, app_id)]
    leads, found = set(leading), set[PersonId]()
    for is_click in (True, False):
        for event, own in events:
            receipt = PersonId(IdKind.EVENT, str(event.receipt))
            if (event.kind in CLICK_KINDS) is is_click and not leads.isdisjoint({*own, receipt}):
                found |= own
                if is_click:
                    leads.add(PersonId(IdKind.CLICK, event.click_id or ""))
    return found


def is_about(raw: bytes, wire_version: int, app_id: int, ids: frozenset[PersonId]) -> bool:
    """Tells whether an entry of quarantine has an event with one of these ids."""
    events = read_events(raw, wire_version)
    if events is None:
        return mentions(raw, ids)
    return any(event.app_id == app_id and not ids.isdisjoint(ids_of_event(event))
               for event in events)  # fmt: skip


def count_quarantined(connection: Connection, app_id: int, ids: frozenset[PersonId]) -> int:
    """Counts the entries of quarantine that have events with these ids."""
    rows = run(connection, _QUARANTINE, (app_id,)).fetchall()
    return sum(is_about(bytes(raw), version, app_id, ids) for raw, version in rows)


def refused_requests(redis: Redis, app_id: int, ids: Collection[PersonId]) -> list[Any]:
    """Returns the entries of the log of refused requests that name any of these ids.

    Those of another app are not among them: there, the ids may be somebody else's. Those of nobody
    may be of any.
    """
    return [
        entry_id
        for entry_id, fields in stream_entries(redis.xrange(redis.names.rejections))
        if mentions(fields[b"r"], ids) and app_of(fields[b"r"]) in {app_id, None}
    ]


def mentions(raw: bytes, ids: Iterable[PersonId]) -> bool:
    """Tells whether one of these ids is in a text: in whatever case, escaped, or percent-encoded.

    Of a very long one the beginning is enough.
    """
    text = raw.decode(errors="surrogateescape").casefold()
    texts = (text, unquote_plus(text).casefold()) if "%" in text else (text,)
    return any(
        form in each
        for identity in ids
        if identity.kind is not IdKind.EVENT
        for form in _forms(identity.value)
        for each in texts
    )


def _forms(value: str) -> set[str]:
    begin = value.encode()[:_LOGGED_BYTES_MIN].decode(errors="ignore")
    return {begin.casefold(), msgspec.json.encode(begin)[1:-1].decode().casefold()}
