"""Reads one line of an imported file: from JSON to the event that it describes.

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

The receipt ID of a line is derived from its time and its `id`, or from its whole content where it
has no `id`. So importing a file twice stores no event twice, and two lines with the same content
are one event unless their `id` differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from shared import fields
from shared.device_ids import as_user_id
from shared.errors import MalformedField, MissingField, RequestError
from shared.event_columns import (
    PLAIN_COLUMNS,
    EventColumn,
    ImportedColumns,
    Number,
    imported_columns,
)
from shared.events import AD_REVENUE, CLICK_KINDS, OPEN, Environment, Event, Kind
from shared.ids import click_id_of, derived_receipt

ENDPOINT = "import"
PARAMETERS_MAX = 64
NAME_CHARACTERS_MAX = 256

_NO_RECEIPT = UUID(int=0)
_REQUIRED_HINT = "Every line of this type needs it."
_USER_FIELDS = frozenset(
    {
        "user_id", "event_id", "click_id", "sale_amount", "sale_amount_currency",
        "aggregated_event_value", "event_value",
    }
)  # fmt: skip
_CLICK_FIELDS = frozenset({"click_id", "link", "offer_id", "pub_id"})
_AD_REVENUE_FIELDS = frozenset({"user_id", "click_id", "sale_amount", "sale_amount_currency"})
_ALL_FIELDS = _USER_FIELDS | _CLICK_FIELDS | set(ImportedColumns.__struct_fields__)
_FOREIGN_FIELDS: Mapping[str, frozenset[str]] = {
    Kind.EVENT: _ALL_FIELDS - _USER_FIELDS - imported_columns(Kind.EVENT),
    Kind.OPEN: _ALL_FIELDS - _USER_FIELDS - imported_columns(Kind.OPEN) | {"event_id"},
    Kind.AD_REVENUE: _ALL_FIELDS - _AD_REVENUE_FIELDS - imported_columns(Kind.AD_REVENUE),
    Kind.CLICK: _ALL_FIELDS - _CLICK_FIELDS,
    Kind.IMPRESSION: _ALL_FIELDS - _CLICK_FIELDS,
}

_EVENT_IDS = {Kind.OPEN: OPEN, Kind.AD_REVENUE: AD_REVENUE, Kind.CLICK: "", Kind.IMPRESSION: ""}


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


@dataclass(frozen=True)
class Destination:
    """The app that the lines are imported into, and the time of the import.

    The app's links are listed by name, and by offer and publisher.
    """

    app_id: int
    links_by_name: Mapping[str, int]
    links_by_offer: Mapping[tuple[str, str], int]
    now_ms: int


_decoder = msgspec.json.Decoder(ImportedLine)
_encoder = msgspec.msgpack.Encoder(order="deterministic")


def read_line(text: bytes, destination: Destination) -> Event:
    """Returns the event of a line. Raises RequestError for the first value that is not valid."""
    try:
        line = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise RequestError(f"{error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError("The line is not one JSON object in UTF-8.") from error
    kind = _kind(line)
    event = _event(line, kind, destination)
    receipt = derived_receipt(event.happened_at_ms, _identity(line, event))
    click_id = event.click_id or (click_id_of(receipt) if kind in CLICK_KINDS else None)
    return msgspec.structs.replace(event, receipt=receipt, click_id=click_id)


def _kind(line: ImportedLine) -> Kind:
    """Returns the kind of a line. Raises MalformedField, also for a field that the kind lacks."""
    if line.type not in _FOREIGN_FIELDS:
        raise MalformedField("type", "must be event, open, ad_revenue, click or impression.")
    for name in sorted(_FOREIGN_FIELDS[line.type]):
        if getattr(line, name):
            raise MalformedField(name, f"is not a field of lines of type {line.type}.")
    is_open = line.type == Kind.EVENT and line.event_id == OPEN
    return Kind.OPEN if is_open else Kind(line.type)


def _event(line: ImportedLine, kind: Kind, destination: Destination) -> Event:
    is_click = kind in CLICK_KINDS
    for name in ("sale_amount", "sale_amount_currency") if kind is Kind.AD_REVENUE else ():
        if getattr(line, name) in (None, ""):
            raise MissingField(name, _REQUIRED_HINT)
    if line.environment not in set(Environment):
        raise MalformedField("environment", "must be production or sandbox.")
    return Event(
        receipt=_NO_RECEIPT,
        received_at_ms=destination.now_ms,
        app_id=destination.app_id,
        token_id=0,
        environment=Environment(line.environment),
        kind=kind,
        endpoint=ENDPOINT,
        user_id="" if is_click else as_user_id(_required("user_id", line.user_id)),
        event_id=(_required("event_id", line.event_id) if kind is Kind.EVENT else _EVENT_IDS[kind]),
        event_time_ms=fields.imported_time("time", _digits(line.time), destination.now_ms),
        ip_address=_optional(fields.address, "ip", line.ip),
        user_agent=_optional(fields.user_agent, "user_agent", _storable("user_agent", line)),
        sale_amount=_amount("sale_amount", line.sale_amount),
        sale_amount_currency=_optional(
            fields.currency, "sale_amount_currency", line.sale_amount_currency
        ),
        aggregated_event_value=_amount("aggregated_event_value", line.aggregated_event_value),
        event_value=_optional(fields.event_value, "event_value", _storable("event_value", line)),
        parameters=_named_values("parameters", line.parameters, _text),
        click_id=_optional(fields.identifier, "click_id", line.click_id),
        link_id=_link(line, destination),
        device_ids=_named_values(
            "device_ids",
            {name: value for name, value in line.device_ids.items() if value},
            fields.identifier,
        ),
        **{column.name: _plain(column, line) for column in PLAIN_COLUMNS},
    )


def _identity(line: ImportedLine, event: Event) -> bytes:
    """Returns what distinguishes a line from every other line of the same time."""
    if line.id:
        line_id = fields.identifier("id", line.id)
        return "\0".join((str(event.app_id), event.environment, event.kind, line_id)).encode()
    return _encoder.encode(msgspec.structs.replace(event, received_at_ms=0))


def _link(line: ImportedLine, destination: Destination) -> int | None:
    if line.link and (line.offer_id or line.pub_id):
        raise MalformedField(
            "link", "cannot be combined with offer_id or pub_id. Name the link in one way."
        )
    if line.link:
        return _known_link("link", destination.links_by_name.get(line.link))
    if not line.offer_id and not line.pub_id:
        return None
    offer = _required("offer_id", line.offer_id), _required("pub_id", line.pub_id)
    return _known_link("offer_id", destination.links_by_offer.get(offer))


def _known_link(name: str, link_id: int | None) -> int:
    if link_id is None:
        raise MalformedField(name, "is not a link of this app. See `waybill link list`.")
    return link_id


def _required(name: str, value: str | None) -> str:
    if not value:
        raise MissingField(name, _REQUIRED_HINT)
    return fields.identifier(name, value)


def _optional(read: fields.Reader, name: str, value: str | None) -> str | None:
    return read(name, value) if value else None


def _amount(name: str, value: Number | None) -> str | None:
    return _optional(fields.amount, name, None if value is None else _digits(value))


def _plain(column: EventColumn, line: ImportedLine) -> Any:
    value = getattr(line, column.name, None)
    if column.plain is str:
        return _optional(fields.identifier, column.name, value)
    return None if value is None else fields.count(column.name, _digits(value))


def _digits(value: Number) -> str:
    """Returns a JSON number as a decimal string of the same value."""
    return value if isinstance(value, str) else f"{Decimal(str(value)):f}"


def _named_values(
    name: str, values: dict[str, str], read: Callable[[str, str], str]
) -> dict[str, str]:
    if len(values) > PARAMETERS_MAX:
        raise MalformedField(name, f"has more than {PARAMETERS_MAX} names.")
    if not all(1 <= len(key) <= NAME_CHARACTERS_MAX and "\0" not in key for key in values):
        raise MalformedField(
            name, f"has a name that does not have 1 to {NAME_CHARACTERS_MAX} characters."
        )
    return {key: read(name, value) for key, value in values.items()}


def _storable(name: str, line: ImportedLine) -> str | None:
    value: str | None = getattr(line, name)
    return None if value is None else _text(name, value)


def _text(name: str, value: str) -> str:
    if "\0" in value:
        raise MalformedField(name, "contains a NUL character. Remove it.")
    return value
