"""Splits the body of a batch into raw events, each decoded later and refused alone.

A JSON body is an array, or an object with the array as `events`. Of lines each is an event, blank
ones left out.
"""

import re
from collections.abc import Sequence

import msgspec

from ingest.batches.body import BodyForm
from ingest.batches.refusals import MalformedBody, TooManyEvents

EVENTS_MAX = 1_000

RawEvent = bytes | memoryview | msgspec.Raw

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\s][^\r\n]*")
_SHAPE = 'Send an array of events, or {"events": […]} with nothing beside it.'
# More than a thousand events have outside of texts. Where there are more, elements are counted
# before anything is kept of them: a body of five million bytes has room for two million elements.
_COMMAS_MAX = 200_000


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


class AnyObject(msgspec.Struct, frozen=True, gc=False):
    """An object of which nothing is kept."""


class _Counted(msgspec.Struct, frozen=True):
    events: list[AnyObject]


_array = msgspec.json.Decoder(list[msgspec.Raw])
_envelope = msgspec.json.Decoder(_Envelope)
_counted_array = msgspec.json.Decoder(list[AnyObject])
_counted_envelope = msgspec.json.Decoder(_Counted)


def raw_events(body: bytes, form: BodyForm) -> Sequence[RawEvent]:
    """Returns the events of a batch. Raises MalformedBody, TooManyEvents."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if form is BodyForm.LINES:
        return _lines(body)
    is_array = body.lstrip()[:1] == b"["
    try:
        if not is_countable(body):
            counted = (
                _counted_array.decode(body) if is_array else _counted_envelope.decode(body).events
            )
            _check_count(len(counted))
            del counted
        events = _array.decode(body) if is_array else _envelope.decode(body).events
    except msgspec.ValidationError as error:
        raise MalformedBody(f"The body is not a batch. {_SHAPE}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON in UTF-8. {_SHAPE}") from error
    _check_count(len(events))
    return events


def is_countable(body: bytes) -> bool:
    """Tells whether elements may be decoded before they are counted."""
    return body.count(b",") <= _COMMAS_MAX


def _lines(body: bytes) -> Sequence[bytes]:
    if body.count(b"\n") <= 2 * EVENTS_MAX:
        lines = [line for line in body.split(b"\n") if line and not line.isspace()]
        _check_count(len(lines))
    else:
        lines = []
        for match in _LINE.finditer(body):
            lines.append(match[0])
            _check_count(len(lines))
    if not lines:
        raise MalformedBody("The body is empty. Send an event a line.")
    return lines


def _check_count(count: int) -> None:
    if count > EVENTS_MAX:
        raise TooManyEvents(EVENTS_MAX)
