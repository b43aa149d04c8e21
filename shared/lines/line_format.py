"""Makes an event of one line of an imported file, or of one event of a batch.

The receipt ID of an imported line is derived from its time and its `id`, or from its whole content
where it has no `id`. So importing a file twice stores no event twice, and two lines with the same
content are one event unless their `id` differs. An event of a batch gets a receipt like any other
that is sent, and its `id` is its idempotency key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared import fields
from shared.device_ids import as_user_id, is_unfilled
from shared.errors import MalformedField, MissingField
from shared.event_columns import PLAIN_COLUMNS, EventColumn, Number
from shared.events import AD_REVENUE, CLICK_KINDS, OPEN, Environment, Event, Kind
from shared.ids import click_id_of, derived_receipt
from shared.lines.line import ImportedLine, decode_line, kind_of
from shared.lines.unused_values import NUL_RULE, Note, UnusedValues
from shared.names.invisible import trimmed
from shared.placeholders import is_no_id, is_placeholder
from shared.snapshot import NO_TOKEN

ENDPOINT = "import"
PARAMETERS_MAX = 64
NAME_CHARACTERS_MAX = 256

_NO_RECEIPT = UUID(int=0)
_REQUIRED_HINT = "Every line of this type needs it."
_ENVIRONMENTS: Mapping[str, Environment] = {str(known): known for known in Environment}
_PLAIN_COLUMNS = {
    str(kind): tuple(column for column in PLAIN_COLUMNS if kind in column.imported) for kind in Kind
}
_EVENT_IDS = {Kind.OPEN: OPEN, Kind.AD_REVENUE: AD_REVENUE, Kind.CLICK: "", Kind.IMPRESSION: ""}


@dataclass(frozen=True)
class Destination:
    """The app that the lines go to, and the time at which they are read.

    The app's links are listed by name, and by offer and publisher. The others say what the lines
    cannot: the token they came with, whether that is one for tests, how old they may be, whether
    their IDs are kept as idempotency keys, and who hears of values that are not used.
    """

    app_id: int
    links_by_name: Mapping[str, int]
    links_by_offer: Mapping[tuple[str, str], int]
    now_ms: int
    token_id: int = NO_TOKEN
    endpoint: str = ENDPOINT
    is_test: bool = False
    read_time: Callable[[str, str, int], int] = fields.imported_time
    keeps_ids: bool = False
    note: Note = field(default=lambda _: None)


class LineReading(NamedTuple):
    """The event of a line, and the `id` that the line has."""

    event: Event
    line_id: str | None


_encoder = msgspec.msgpack.Encoder(order="deterministic")


def read_line(text: bytes, destination: Destination) -> Event:
    """Returns the event of an imported line, with the receipt ID that is derived from it.

    Raises RequestError for the first value that is not valid.
    """
    event, line_id = _read_fields(decode_line(text), destination, _NO_RECEIPT)
    receipt = derived_receipt(event.happened_at_ms, _identity(event, line_id))
    click_id = event.click_id or (click_id_of(receipt) if event.kind in CLICK_KINDS else None)
    return msgspec.structs.replace(event, receipt=receipt, click_id=click_id)


def read_sent_line(line: ImportedLine, destination: Destination, receipt: UUID) -> Event:
    """Returns the event of a line that was sent, whose `id` is its idempotency key.

    A click with an `id` has the click ID that an import would give it, so that a repeat is the same
    click. Raises RequestError for the first value that is not valid.
    """
    event, line_id = _read_fields(line, destination, receipt)
    if event.kind is not Kind.EVENT and event.click_id is None and event.kind in CLICK_KINDS:
        source = receipt
        if line_id is not None:
            source = derived_receipt(event.happened_at_ms, _identity(event, line_id))
        return msgspec.structs.replace(event, click_id=click_id_of(source))
    return event


def _read_fields(line: ImportedLine, destination: Destination, receipt: UUID) -> LineReading:
    """Reads and checks every field. Raises RequestError for the first value that is not valid."""
    line_id = None if not line.id or is_unfilled(line.id) else fields.identifier("id", line.id)
    kind = kind_of(line)
    if kind is Kind.AD_REVENUE:
        for name in ("sale_amount", "sale_amount_currency"):
            if getattr(line, name) in (None, ""):
                raise MissingField(name, _REQUIRED_HINT)
    key = line_id if destination.keeps_ids else None
    event = _event(line, kind, destination, receipt, key)
    if columns := _PLAIN_COLUMNS.get(line.type):
        event = msgspec.structs.replace(
            event, **{column.name: _plain(column, line) for column in columns}
        )
    return LineReading(event, line_id)


def _event(
    line: ImportedLine, kind: Kind, destination: Destination, receipt: UUID, key: str | None
) -> Event:
    is_click = kind is not Kind.EVENT and kind in CLICK_KINDS
    environment = _ENVIRONMENTS.get(line.environment)
    if environment is None:
        raise MalformedField("environment", "must be production or sandbox.")
    currency, event_value, click_id = line.sale_amount_currency, line.event_value, line.click_id
    parameters = line.parameters
    if parameters:
        _check_names("parameters", parameters)
        if any("\0" in value for value in parameters.values()):
            raise MalformedField("parameters", NUL_RULE)
    unused = UnusedValues(destination.note)
    if line.id and is_unfilled(line.id):
        unused.leave("id", line.id)
    if click_id and is_unfilled(click_id):
        unused.leave("click_id", click_id)
        click_id = None
    if click_id:
        click_id = fields.user_id("click_id", click_id)
    user_id = "" if is_click else _user(line.user_id or "", click_id, unused)
    device_ids = _device_ids(line.device_ids, unused) if line.device_ids else line.device_ids
    return Event(
        receipt=receipt,
        received_at_ms=destination.now_ms,
        app_id=destination.app_id,
        token_id=destination.token_id,
        # A test token means the sandbox, whatever the line says.
        environment=Environment.SANDBOX if destination.is_test else environment,
        kind=kind,
        endpoint=destination.endpoint,
        user_id=user_id,
        event_id=(_required("event_id", line.event_id) if kind is Kind.EVENT else _EVENT_IDS[kind]),
        event_time_ms=destination.read_time("time", _digits(line.time), destination.now_ms),
        idempotency_key=key,
        ip_address=_address(line.ip, unused) if line.ip else None,
        user_agent=_user_agent(line.user_agent, unused) if line.user_agent else None,
        sale_amount=_amount("sale_amount", line.sale_amount),
        sale_amount_currency=fields.currency("sale_amount_currency", currency)
        if currency
        else None,
        aggregated_event_value=_amount("aggregated_event_value", line.aggregated_event_value),
        event_value=_text_of(fields.event_value, "event_value", event_value),
        click_id=click_id or None,
        link_id=_link(line, destination) if is_click else None,
        device_ids=device_ids,
        parameters=unused.beside(parameters),  # last: what is read above may have been none
    )


def _identity(event: Event, line_id: str | None) -> bytes:
    """Returns what distinguishes a line from every other line of the same time."""
    if line_id is not None:
        return "\0".join((str(event.app_id), event.environment, event.kind, line_id)).encode()
    return _encoder.encode(msgspec.structs.replace(event, received_at_ms=0))


def _link(line: ImportedLine, destination: Destination) -> int | None:
    if line.link and (line.offer_id or line.pub_id):
        raise MalformedField(
            "link", "cannot be combined with offer_id or pub_id. Name the link in one way."
        )
    if line.link:
        return _known_link("link", destination.links_by_name.get(trimmed(line.link)))
    if not line.offer_id and "site" in line.parameters:
        fields.source_name("site", line.parameters["site"])
    if not line.offer_id and not line.pub_id:
        return None
    offer = _required("offer_id", line.offer_id), _required("pub_id", line.pub_id)
    return _known_link("offer_id", destination.links_by_offer.get(offer))


def _known_link(name: str, link_id: int | None) -> int:
    if link_id is None:
        raise MalformedField(name, "is not a link of this app. See `waybill link list`.")
    return link_id


def _user(user_id: str, click_id: str | None, unused: UnusedValues) -> str:
    """Returns the user of a line: where it names none, its click stands for them, as on calls."""
    is_placeholder = user_id != "" and is_unfilled(user_id)
    if is_placeholder:
        unused.leave("user_id", user_id)
    if click_id and (is_placeholder or not user_id):
        return click_id
    if is_placeholder:
        raise MalformedField("user_id", "is a placeholder that nobody filled in.")
    return as_user_id(_required("user_id", user_id))


def _address(value: str, unused: UnusedValues) -> str | None:
    """Returns an IP address, None for a placeholder. Raises MalformedField for anything else."""
    try:
        return fields.address("ip", value)
    except MalformedField:
        if is_no_id(value):
            unused.leave("ip", value)
            return None
        raise


def _user_agent(value: str, unused: UnusedValues) -> str | None:
    """Returns a user agent, None for a placeholder. Raises MalformedField."""
    if is_placeholder(value):
        unused.leave("user_agent", value)
        return None
    return _text_of(fields.user_agent, "user_agent", value)


def _required(name: str, value: str | None) -> str:
    if not value:
        raise MissingField(name, _REQUIRED_HINT)
    return fields.identifier(name, value)


def _amount(name: str, value: Number | None) -> str | None:
    return None if value is None or value == "" else fields.amount(name, _digits(value))


def _plain(column: EventColumn, line: ImportedLine) -> Any:
    value = getattr(line, column.name)
    if value is None or value == "":
        return None
    read = fields.identifier if column.plain is str else fields.count
    return read(column.name, _digits(value))


def _digits(value: Number) -> str:
    """Returns a JSON number as a decimal string of the same value."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else f"{Decimal(str(value)):f}"


def _device_ids(values: dict[str, str], unused: UnusedValues) -> dict[str, str]:
    """Returns the device IDs of a line as sent, without empty ones. Raises MalformedField."""
    _check_names("device_ids", {name: value for name, value in values.items() if value})
    device_ids = {}
    for name, value in values.items():
        if trimmed(value):
            device_ids[name] = fields.identifier("device_ids", value)
        elif value:
            unused.leave(name, value)
    unused.note_device_ids(device_ids)
    return device_ids


def _check_names(field: str, values: dict[str, str]) -> None:
    if len(values) > PARAMETERS_MAX:
        raise MalformedField(field, f"has more than {PARAMETERS_MAX} names.")
    for name in values:
        if not name or len(name) > NAME_CHARACTERS_MAX or "\0" in name:
            raise MalformedField(
                field, f"has a name that does not have 1 to {NAME_CHARACTERS_MAX} characters."
            )


def _text_of(read: fields.Reader, name: str, value: str | None) -> str | None:
    if not value:
        return None
    if "\0" in value:
        raise MalformedField(name, NUL_RULE)
    return read(name, value)
