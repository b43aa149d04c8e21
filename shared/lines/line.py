"""Decodes a line: one JSON object that describes an event, and which fields it may have.

    {"type": "event", "time": "2026-01-02T03:04:05.678Z", "user_id": "…", "event_id": "purchase"}

Every line has a `type` and a `time` (ISO 8601, Unix seconds or milliseconds), and may have an `id`,
`environment` (else production), `ip`, `user_agent`, `device_ids` (by kind) and `parameters`.

- `event` has `user_id` and `event_id`, and may have `click_id`, `sale_amount`,
  `sale_amount_currency`, `aggregated_event_value`, `event_value`; `open` is the same without
  `event_id`.
- `ad_revenue` has `user_id`, `sale_amount` and `sale_amount_currency`, and may have `click_id` and
  what `shared.event_columns` lists: network, unit, placement and impressions of the advertisement.
- `click` and `impression` may have `click_id`, and the link they came through: its name as `link`,
  or its `offer_id` and `pub_id`. Without one, they may name a source in `parameters`.
"""

import re
from collections.abc import Mapping
from operator import attrgetter

import msgspec

from shared.errors import MalformedField, RequestError
from shared.event_columns import ImportedColumns, Number, imported_columns
from shared.events import OPEN, Environment, Kind

_USER_FIELDS = frozenset(
    {
        "user_id", "event_id", "click_id", "sale_amount", "sale_amount_currency",
        "aggregated_event_value", "event_value",
    }
)  # fmt: skip
_CLICK_FIELDS = frozenset({"click_id", "link", "offer_id", "pub_id"})
_AD_REVENUE_FIELDS = frozenset({"user_id", "click_id", "sale_amount", "sale_amount_currency"})
_ALL_FIELDS = _USER_FIELDS | _CLICK_FIELDS | set(ImportedColumns.__struct_fields__)
_OWN_FIELDS: Mapping[str, frozenset[str]] = {
    Kind.EVENT: _USER_FIELDS | imported_columns(Kind.EVENT),
    Kind.OPEN: _USER_FIELDS - {"event_id"} | imported_columns(Kind.OPEN),
    Kind.AD_REVENUE: _AD_REVENUE_FIELDS | imported_columns(Kind.AD_REVENUE),
    Kind.CLICK: _CLICK_FIELDS,
    Kind.IMPRESSION: _CLICK_FIELDS,
}
_FOREIGN_FIELDS: Mapping[str, tuple[str, ...]] = {
    str(kind): tuple(sorted(_ALL_FIELDS - own)) for kind, own in _OWN_FIELDS.items()
}
_KINDS: Mapping[str, Kind] = {str(kind): kind for kind in Kind}
# One call in C for all of them: one by one they took a tenth of the time of a line.
_FOREIGN_VALUES = {kind: attrgetter(*names) for kind, names in _FOREIGN_FIELDS.items()}
_PATH = re.compile(r" - at `\$\.(?P<name>\w+)")
_QUOTED_FIELD = re.compile(r" field `(?P<name>.*)`$", re.DOTALL)
_PLAIN_NAME = re.compile(r"\w{1,64}", re.ASCII)


class ImportedLine(
    ImportedColumns, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a line as they are in the file. An empty string counts as a missing value."""

    type: str
    time: Number
    id: str | None = None
    environment: str = Environment.PRODUCTION
    user_id: str | None = None
    event_id: str | None = None
    click_id: str | None = None
    link: str | None = None
    offer_id: str | None = None
    pub_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    device_ids: dict[str, str] = {}
    sale_amount: Number | None = None
    sale_amount_currency: str | None = None
    aggregated_event_value: Number | None = None
    event_value: str | None = None
    parameters: dict[str, str] = {}


class MalformedEvent(RequestError):
    """A line that is not one JSON object, or whose fields are not those of an event."""

    code = "malformed_event"


_decoder = msgspec.json.Decoder(ImportedLine)


def decode_line(text: bytes) -> ImportedLine:
    """Decodes a line. Raises MalformedEvent for another field or a value of another type."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        message = str(error)
        found = _PATH.search(message) or _QUOTED_FIELD.search(message)
        if found is None:
            raise MalformedEvent(f"{message}.") from error
        if not _PLAIN_NAME.fullmatch(found["name"]):  # it could hold anything
            raise MalformedEvent("The object has a field that events do not have.") from error
        raise MalformedEvent(f"{message}.", found["name"]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent("The line is not one JSON object in UTF-8.") from error


def kind_of(line: ImportedLine) -> Kind:
    """Returns the kind of a line. Raises MalformedField, also for a field that the kind lacks."""
    foreign = _FOREIGN_FIELDS.get(line.type)
    if foreign is None:
        raise MalformedField("type", "must be event, open, ad_revenue, click or impression.")
    if any(_FOREIGN_VALUES[line.type](line)):
        name = next(name for name in foreign if getattr(line, name))
        raise MalformedField(name, f"is not a field of lines of type {line.type}.")
    kind = _KINDS[line.type]
    return Kind.OPEN if kind is Kind.EVENT and line.event_id == OPEN else kind
