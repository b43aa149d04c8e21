"""One line of an imported file, from JSON to the event that it tells of.

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

A receipt is made of the line: of its `id` where it has one, else of all that it says, and of its
time. So importing a file twice stores nothing twice, and two lines that say the same are one event
unless their ids differ.
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
_GIVE = "Give it on every line of this type."
_OF_USERS = frozenset(
    {
        "user_id", "event_id", "click_id", "sale_amount", "sale_amount_currency",
        "aggregated_event_value", "event_value",
    }
)  # fmt: skip
_OF_CLICKS = frozenset({"click_id", "link", "offer_id", "pub_id"})
_OF_AD_REVENUE = frozenset({"user_id", "click_id", "sale_amount", "sale_amount_currency"})
_ALL = _OF_USERS | _OF_CLICKS | set(ImportedColumns.__struct_fields__)
_FOREIGN: Mapping[str, frozenset[str]] = {
    Kind.EVENT: _ALL - _OF_USERS - imported_columns(Kind.EVENT),
    Kind.OPEN: _ALL - _OF_USERS - imported_columns(Kind.OPEN) | {"event_id"},
    Kind.AD_REVENUE: _ALL - _OF_AD_REVENUE - imported_columns(Kind.AD_REVENUE),
    Kind.CLICK: _ALL - _OF_CLICKS,
    Kind.IMPRESSION: _ALL - _OF_CLICKS,
}


class ImportedLine(
    ImportedColumns, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """As it stands in the file. Empty text is taken for a value that is not there."""

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
    """The app that a file's lines go to, its links by name and by offer and publisher, and now."""

    app_id: int
    links_by_name: Mapping[str, int]
    links_by_offer: Mapping[tuple[str, str], int]
    now_ms: int


_decoder = msgspec.json.Decoder(ImportedLine)
_zeroed_encoder = msgspec.msgpack.Encoder(order="deterministic")


def read_line(text: bytes, destination: Destination) -> Event:
    """Raises RequestError for the first thing about it that cannot be stored."""
    line = _decoded(text)
    kind = _kind(line)
    event = _event(line, kind, destination)
    receipt = derived_receipt(event.happened_at_ms, _content(line, event))
    click_id = event.click_id or (click_id_of(receipt) if kind in CLICK_KINDS else None)
    return msgspec.structs.replace(event, receipt=receipt, click_id=click_id)


def _decoded(text: bytes) -> ImportedLine:
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as fault:
        raise RequestError(f"{fault}.") from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise RequestError("The line is not one JSON object in UTF-8.") from fault


def _kind(line: ImportedLine) -> Kind:
    """Raises MalformedField also for a value that this kind has no place for."""
    if line.type not in _FOREIGN:
        raise MalformedField("type", "must be event, open, ad_revenue, click or impression.")
    for name in sorted(_FOREIGN[line.type]):
        if getattr(line, name):
            raise MalformedField(name, f"has no place in a line of type {line.type}.")
    is_open = line.type == Kind.EVENT and line.event_id == OPEN
    return Kind.OPEN if is_open else Kind(line.type)


def _event(line: ImportedLine, kind: Kind, destination: Destination) -> Event:
    is_click = kind in CLICK_KINDS
    for name in ("sale_amount", "sale_amount_currency") if kind is Kind.AD_REVENUE else ():
        if getattr(line, name) in (None, ""):
            raise MissingField(name, _GIVE)
    return Event(
        receipt=_NO_RECEIPT,
        received_at_ms=destination.now_ms,
        app_id=destination.app_id,
        token_id=0,
        environment=_environment(line.environment),
        kind=kind,
        endpoint=ENDPOINT,
        user_id="" if is_click else as_user_id(_required("user_id", line.user_id)),
        event_id=_event_id(line, kind),
        event_time_ms=fields.imported_time("time", _digits(line.time), destination.now_ms),
        ip_address=_optional(fields.address, "ip", line.ip),
        user_agent=_optional(fields.user_agent, "user_agent", _storable("user_agent", line)),
        sale_amount=_amount("sale_amount", line.sale_amount),
        sale_amount_currency=_optional(
            fields.currency, "sale_amount_currency", line.sale_amount_currency
        ),
        aggregated_event_value=_amount("aggregated_event_value", line.aggregated_event_value),
        event_value=_optional(fields.event_value, "event_value", _storable("event_value", line)),
        parameters=_parameters(line.parameters),
        click_id=_optional(fields.identifier, "click_id", line.click_id),
        link_id=_link(line, destination),
        device_ids=_device_ids(line.device_ids),
        **{column.name: _plain(column, line) for column in PLAIN_COLUMNS},
    )


def _content(line: ImportedLine, event: Event) -> bytes:
    """What makes this line another than every other of its time."""
    if line.id:
        given = fields.identifier("id", line.id)
        return "\0".join((str(event.app_id), event.environment, event.kind, given)).encode()
    return _zeroed_encoder.encode(msgspec.structs.replace(event, received_at_ms=0))


def _environment(text: str) -> Environment:
    if text not in set(Environment):
        raise MalformedField("environment", "must be production or sandbox.")
    return Environment(text)


def _event_id(line: ImportedLine, kind: Kind) -> str:
    match kind:
        case Kind.EVENT:
            return _required("event_id", line.event_id)
        case Kind.OPEN:
            return OPEN
        case Kind.AD_REVENUE:
            return AD_REVENUE
        case _:
            return ""


def _link(line: ImportedLine, destination: Destination) -> int | None:
    if line.link and (line.offer_id or line.pub_id):
        raise MalformedField("link", "stands beside offer_id or pub_id. Name the link by one.")
    if line.link:
        return _known("link", destination.links_by_name.get(line.link))
    if not line.offer_id and not line.pub_id:
        return None
    offer = _required("offer_id", line.offer_id), _required("pub_id", line.pub_id)
    return _known("offer_id", destination.links_by_offer.get(offer))


def _known(name: str, link_id: int | None) -> int:
    if link_id is None:
        raise MalformedField(name, "names no link of this app. See `waybill link list`.")
    return link_id


def _required(name: str, value: str | None) -> str:
    if not value:
        raise MissingField(name, _GIVE)
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
    """A number of JSON as the decimal text of the same number."""
    return value if isinstance(value, str) else f"{Decimal(str(value)):f}"


def _device_ids(given: dict[str, str]) -> dict[str, str]:
    named = {name: value for name, value in given.items() if value}
    return _named("device_ids", named, fields.identifier)


def _parameters(given: dict[str, str]) -> dict[str, str]:
    return _named("parameters", given, _text)


def _named(name: str, given: dict[str, str], read: Callable[[str, str], str]) -> dict[str, str]:
    if len(given) > PARAMETERS_MAX:
        raise MalformedField(name, f"has more than {PARAMETERS_MAX} names.")
    if not all(1 <= len(key) <= NAME_CHARACTERS_MAX and "\0" not in key for key in given):
        raise MalformedField(
            name, f"has a name of other than 1 to {NAME_CHARACTERS_MAX} characters."
        )
    return {key: read(name, value) for key, value in given.items()}


def _storable(name: str, line: ImportedLine) -> str | None:
    value: str | None = getattr(line, name)
    return None if value is None else _text(name, value)


def _text(name: str, value: str) -> str:
    if "\0" in value:
        raise MalformedField(name, "contains a NUL character. Remove it.")
    return value
