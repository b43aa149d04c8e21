"""Reads the parameters of a request: its query and its form, from bytes to one value a name.

Two steps, because the token is checked before any field: `RawParameters` only splits and unescapes,
`Parameters` then insists on text that PostgreSQL can store. Falcon's own parser replaces bytes that
are not UTF-8 and keeps repeated values; both would silently change an event. Where a request has
neither, as nearly always, Falcon's result is used: parsing again was a tenth of what ingest costs.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import cast
from urllib.parse import unquote_to_bytes

from falcon import uri
from falcon.asgi import Request

from ingest.http.whole_bodies import SENDER_LEFT
from shared.errors import (
    ConflictingValues,
    IncompleteBody,
    MalformedField,
    MissingField,
    RequestTooLarge,
    TooManyParameters,
    UnsupportedBody,
)

REQUEST_BYTES_MAX = 65_536
PARAMETERS_MAX = 64
NAME_CHARACTERS_MAX = 256

Pair = tuple[bytes, bytes]
FalconParameters = Mapping[str, str | list[str]]

_FORM = "application/x-www-form-urlencoded"

# Unescapes to an octet outside of ASCII or to a NUL.
_ESCAPED_OTHER = re.compile(rb"%(?:[89A-Fa-f]|00)")


async def read_form(
    request: Request, query_bytes: int, request_bytes_max: int = REQUEST_BYTES_MAX
) -> bytes:
    """Reads the form, which is empty when there is none.

    Falcon ends a body that its sender broke off as if it were complete; a purchase of 4200 must not
    become one of 42. So a length that was announced is checked, and for a chunked body the mark
    that `WholeBodies` leaves. Raises RequestTooLarge (query and form together), IncompleteBody,
    UnsupportedBody.
    """
    announced = request.content_length
    if not announced and (announced == 0 or not request.get_header("Transfer-Encoding")):
        return b""
    body = await read_body(request, request_bytes_max - query_bytes, request_bytes_max)
    # Senders that post without a content type mean a form: nothing else is accepted here.
    content_type = request.content_type
    if body and content_type and content_type.partition(";")[0].strip().lower() != _FORM:
        raise UnsupportedBody
    return body


async def read_body(request: Request, body_bytes_max: int, request_bytes_max: int) -> bytes:
    """Reads a whole body. Raises RequestTooLarge, which names the second limit; IncompleteBody."""
    announced = request.content_length
    if announced is not None and announced > body_bytes_max:
        raise RequestTooLarge(request_bytes_max)
    body: bytes = await request.stream.read(body_bytes_max + 1)
    if len(body) > body_bytes_max:
        raise RequestTooLarge(request_bytes_max)
    if request.scope.get(SENDER_LEFT) or (announced is not None and len(body) != announced):
        raise IncompleteBody
    return body


class RawParameters:
    """The parameters of a request, unescaped, before anything is required of them.

    `falcon_query` is the query as Falcon has parsed it. Raises TooManyParameters.
    """

    __slots__ = ("_pairs", "_values")

    def __init__(
        self,
        query: bytes,
        form: bytes,
        parameters_max: int = PARAMETERS_MAX,
        falcon_query: FalconParameters | None = None,
    ) -> None:
        self._values = _falcon_values(query, form, parameters_max, falcon_query)
        self._pairs = read_pairs(query, form, parameters_max) if self._values is None else []

    @classmethod
    def from_pairs(cls, pairs: list[Pair]) -> "RawParameters":
        """Builds parameters that were sent neither as a query nor as a form."""
        raw = cls(b"", b"")
        raw._pairs = pairs
        return raw

    def pairs(self) -> list[Pair]:
        """Returns names and values in the order they were sent in."""
        if self._values is None:
            return self._pairs
        return [(name.encode(), value.encode()) for name, value in self._values.items()]

    def values(self, name: str) -> Collection[bytes]:
        """Returns the values sent under this name, each once, without empty ones."""
        if self._values is not None:
            value = self._values.get(name)
            return (value.encode(),) if value else ()
        raw_name = name.encode()
        return {value for sent_name, value in self._pairs if sent_name == raw_name and value}

    def parameters(self, without: Iterable[str]) -> "Parameters":
        """Returns all parameters but those named. Raises MalformedField, ConflictingValues."""
        if self._values is None:
            left_out = {name.encode() for name in without}
            return Parameters.from_pairs(pair for pair in self._pairs if pair[0] not in left_out)
        values = self._values.copy()
        for name in without:
            values.pop(name, None)
        return Parameters(values)


def _falcon_values(
    query: bytes, form: bytes, parameters_max: int, falcon_query: FalconParameters | None
) -> dict[str, str] | None:
    """Returns one value a name as Falcon parses it; None where that could differ from what came."""
    source = b"%b&%b" % (query, form) if query and form else query or form
    count = source.count(b"&") + 1
    if not source or count > parameters_max:
        return None
    # Only ASCII without a NUL, escaped or not. One pattern for all of it took 6 us longer.
    if not source.isascii() or b"\0" in source or _ESCAPED_OTHER.search(source):
        return None
    values = falcon_query
    if values is None or form:
        values = uri.parse_query_string(source.decode("ascii"), keep_blank=True, csv=False)
    if len(values) != count or "" in values or max(map(len, values)) > NAME_CHARACTERS_MAX:
        return None  # a name is repeated, empty or too long
    return cast("dict[str, str]", values)


def read_pairs(query: bytes, form: bytes, parameters_max: int = PARAMETERS_MAX) -> list[Pair]:
    """Splits and unescapes query and form into names and values. Raises TooManyParameters."""
    pairs: list[Pair] = []
    for source in (query, form):
        if not source:
            continue
        parts = [part for part in source.split(b"&") if part]
        if len(pairs) + len(parts) > parameters_max:
            raise TooManyParameters(parameters_max)
        for part in parts:
            name, _, value = part.partition(b"=")
            if b"%" in part or b"+" in part:
                name, value = _unescape(name), _unescape(value)
            pairs.append((name, value))
    return pairs


def _unescape(text: bytes) -> bytes:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


class Parameters:
    """The values by name; taken ones are removed, so that the rest can be stored with the event."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair]) -> "Parameters":
        """Builds parameters from raw pairs; a repeated name keeps its non-empty value.

        Raises MalformedField for text that cannot be stored, ConflictingValues when a name has two
        different values.
        """
        values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name = _text("a parameter name", raw_name)
            if not name or len(name) > NAME_CHARACTERS_MAX:
                raise MalformedField(
                    "a parameter name", f"must have 1 to {NAME_CHARACTERS_MAX} characters."
                )
            value = _text(name, raw_value)
            known = values.get(name)
            if known and value and value != known:
                raise ConflictingValues(name)
            values[name] = known or value
        return cls(values)

    def take(self, name: str, *spellings: str) -> str | None:
        """Takes the value under any of these names; None when it is absent or empty.

        Raises ConflictingValues under the first name when two spellings have different values.
        """
        taken = self._values.pop(name, None)
        for spelling in spellings:
            value = self._values.pop(spelling, None)
            if value and taken and value != taken:
                raise ConflictingValues(name)
            taken = taken or value
        return taken or None

    def take_each(self, names: frozenset[str]) -> dict[str, str]:
        """Takes the values sent under any of these names, by name, without empty ones."""
        taken = {}
        for name in sorted([name for name in self._values if name in names]):
            if value := self._values.pop(name):
                taken[name] = value
        return taken

    def require(self, name: str, *spellings: str, hint: str = "") -> str:
        """Takes the value under any of these names. Raises MissingField if absent or empty."""
        value = self.take(name, *spellings)
        if value is None:
            raise MissingField(name, hint)
        return value

    def put_back(self, name: str, value: str) -> None:
        """Puts a value back, so that it is stored with the event as it was sent."""
        self._values[name] = value

    def rest(self) -> dict[str, str]:
        """Returns everything that was not taken."""
        return self._values


def _text(name: str, raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedField(name, "is not valid UTF-8. Percent-encode it as UTF-8.") from error
    if "\0" in text:
        raise MalformedField(name, "contains a NUL character. Remove it.")
    return text


NO_PARAMETERS = RawParameters(b"", b"")  # of a request that was not read
