"""Reads the parameters of a request: its query and its body, from bytes to one value a name.

Two steps, because the token is checked before any field: `RawParameters` only splits and unescapes,
`Parameters` then makes text of it that PostgreSQL can store. What cannot be read as text (other
bytes than UTF-8, a NUL, a name with several values) is kept as it was sent, under a name that tells
it apart; who asks for such a name gets its fault. So it refuses a request only where it matters.

Falcon's own parser replaces bytes that are not UTF-8 and keeps repeated values; both would silently
change an event. Where a request has neither, as nearly always, Falcon's result is used: parsing
again was a tenth of what ingest costs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from falcon import uri

from ingest.sent_pairs import (
    BEYOND,
    PARAMETERS_MAX,
    SentPair,
    pairs_of,
    read_pairs,
    readable_form,
    require_few,
    text_of,
    without_excess,
)
from shared.errors import ConflictingValues, MalformedField, MissingField, RequestError
from shared.integration_log import UnreadReason, UnreadValue
from shared.placeholders import is_no_id, is_placeholder

NAME_CHARACTERS_MAX = 256
NO_NAME = "(no name)"

Pair = tuple[bytes, bytes]
FalconParameters = Mapping[str, str | list[str]]


class RawParameters:
    """The parameters of a request, unescaped, before anything is required of them.

    `falcon_query` is the query as Falcon has parsed it. `kept_first` are the names that are kept
    where there are too many; `document` are the pairs of a JSON body. Raises TooManyParameters.
    """

    __slots__ = ("_pairs", "_values")

    def __init__(
        self,
        query: bytes,
        form: bytes = b"",
        parameters_max: int = PARAMETERS_MAX,
        falcon_query: FalconParameters | None = None,
        kept_first: Mapping[bytes, int] | None = None,
        document: Sequence[SentPair] = (),
    ) -> None:
        values: dict[str, str] | None = None
        if not document:
            values = plain_values(query, form, parameters_max, falcon_query)
        self._values = values
        self._pairs: Sequence[SentPair] = ()
        if values is None:
            if kept_first is None:
                require_few(query, form, len(document), parameters_max)
            pairs = [*read_pairs(query, form), *document]
            if kept_first is not None and len(pairs) > parameters_max:
                pairs = without_excess(pairs, parameters_max, kept_first)
            self._pairs = pairs

    def pairs(self) -> list[Pair]:
        """Returns names and values in the order they were sent in."""
        if self._values is None:
            return pairs_of(self._pairs)
        return [(name.encode(), value.encode()) for name, value in self._values.items()]

    def values(self, name: str) -> Collection[bytes]:
        """Returns the values sent under this name in order, each once, without empty ones."""
        if self._values is not None:
            value = self._values.get(name)
            return (value.encode(),) if value else ()
        raw_name = name.encode()
        sent = (pair.value for pair in self._pairs if pair.name == raw_name and pair.value)
        return dict.fromkeys(sent)

    def parameters(self, without: Iterable[str]) -> "Parameters":
        """Returns all parameters but those named."""
        if self._values is None:
            left_out = {name.encode() for name in without}
            return Parameters.from_pairs(pair for pair in self._pairs if pair.name not in left_out)
        values = self._values.copy()
        for name in without:
            values.pop(name, None)
        return Parameters(values)


class PlainParameters(RawParameters):
    """The parameters of a request that are known to be plain: one value a name (`plain_values`)."""

    __slots__ = ()

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._pairs = ()


def plain_values(
    query: bytes,
    form: bytes = b"",
    parameters_max: int = PARAMETERS_MAX,
    falcon_query: FalconParameters | None = None,
) -> dict[str, str] | None:
    """Returns one value a name as Falcon parses it; None where that could differ from what came."""
    source = b"%b&%b" % (query, form) if query and form else query or form
    count = source.count(b"&") + 1
    if not source or count > parameters_max or not source.isascii():
        return None
    sent = falcon_query
    if sent is None or form:
        sent = uri.parse_query_string(source.decode("ascii"), keep_blank=True, csv=False)
    if len(sent) != count or "" in sent:
        return None  # a name is repeated or empty
    values = cast("dict[str, str]", sent)
    names, texts = "&".join(values), "".join(values.values())
    # Only ASCII without a NUL, escaped or not: in all at once, as each pattern takes microseconds.
    if not (names.isascii() and texts.isascii()) or "\0" in texts or "\0" in names:
        return None
    is_long = len(names) > NAME_CHARACTERS_MAX and max(map(len, values)) > NAME_CHARACTERS_MAX
    if is_long or (";" in names and any(name[:4].lower() == "amp;" for name in values)):
        return None
    return values


_NOTHING: Mapping[str, str] = {}


class Parameters:
    """The values by name; taken ones are removed, so that the rest can be stored with the event.

    `unread` lists what could not be read, or was no value. `faults` are the errors of those names
    whose value cannot be read.
    """

    __slots__ = ("_faults", "_taken_as", "_values", "unread")

    def __init__(
        self, values: dict[str, str], faults: dict[str, RequestError] | None = None
    ) -> None:
        self._values = values
        self._faults = faults
        self._taken_as: Mapping[str, str] = _NOTHING
        self.unread: list[UnreadValue] = []

    @classmethod
    def from_pairs(cls, pairs: Iterable[SentPair]) -> "Parameters":
        """Builds parameters from raw pairs; a repeated name keeps its non-empty value.

        A placeholder gives way to a value. Of several values the first keeps the name, and asking
        for it raises ConflictingValues; the others are kept under a numbered name.
        """
        made = cls({}, {})
        values = made._values
        for pair in pairs:
            name, value = made._name(pair.name), made._value(pair)
            known = values.get(name)
            if not known or not value or value == known:
                values[name] = known or value
                continue
            if is_placeholder(known) and not is_placeholder(value):
                values[name], value = value, known
            elif not is_placeholder(value):
                made._fault(name, ConflictingValues(name), UnreadReason.SEVERAL)
            number = 2
            while (numbered := f"{name} ({number})") in values:
                number += 1
            values[numbered] = value
        return made

    def take(self, name: str, *spellings: str) -> str | None:
        """Takes the value under any of these names; None when it is absent or empty.

        Raises MalformedField for what cannot be stored, ConflictingValues under the first name when
        there are several values; neither is taken then.
        """
        for spelling in (name, *spellings) if self._faults else ():
            fault = self._fault_of(spelling)
            if isinstance(fault, ConflictingValues):
                raise ConflictingValues(name)
            if fault is not None:
                raise fault
        taken = self._values.pop(name, None)
        for spelling in spellings:
            value = self._values.pop(spelling, None)
            if value and taken and value != taken:
                taken = self._settled(name, taken, spelling, value)
            if value and not taken:
                taken, self._taken_as = value, {**self._taken_as, name: spelling}
        return taken or None

    def take_each(self, names: frozenset[str]) -> dict[str, str]:
        """Takes the values sent under any of these names, by name, without empty ones."""
        taken = {}
        for name in sorted([name for name in self._values if name in names]):
            if self._faults and (fault := self._fault_of(name)):
                raise fault
            if value := self._values.pop(name):
                taken[name] = value
        return taken

    def require(self, name: str, *spellings: str, hint: str = "") -> str:
        """Takes the value under any of these names. Raises MissingField if absent or empty."""
        value = self.take(name, *spellings)
        if value is None:
            raise MissingField(name, hint)
        return value

    def get(self, name: str) -> str:
        """Returns a value without taking it; empty when it is absent."""
        return self._values.get(name, "")

    def sent_among(self, names: Sequence[str]) -> list[str]:
        """Returns those of these names that were sent, with a value or without."""
        values = self._values
        return [name for name in names if name in values]

    def put_back(self, name: str, value: str) -> None:
        """Puts a value back, so that it is stored with the event as it was sent."""
        self._values[name] = value

    def leave(self, name: str, value: str, reason: UnreadReason) -> None:
        """Puts back what is not used, under the name that it was sent by, and notes why."""
        name = self._taken_as.get(name, name)
        self._values[name] = value
        self.note(name, value, reason)

    def note(self, name: str, value: str, reason: UnreadReason) -> None:
        """Notes what is not used; the value only where it is a placeholder and so nobody's."""
        self.unread.append(UnreadValue(reason, name, value if reason is UnreadReason.MACRO else ""))

    def readable(self, names: frozenset[str]) -> frozenset[str]:
        """Returns those of these names that were sent and can be taken."""
        here = names.intersection(self._values)
        return here if not self._faults else frozenset(n for n in here if not self._fault_of(n))

    def rest(self) -> dict[str, str]:
        """Returns everything that was not taken."""
        return self._values

    def _fault_of(self, name: str) -> RequestError | None:
        fault = (self._faults or {}).get(name)
        if isinstance(fault, MalformedField) and is_no_id(self._values.get(name, "")):
            return None
        return fault

    def _settled(self, name: str, taken: str, spelling: str, value: str) -> str:
        """Returns the one value of two spellings. Raises ConflictingValues, and puts both back."""
        if is_placeholder(value):
            self.leave(spelling, value, UnreadReason.MACRO)
            return taken
        if is_placeholder(taken):
            self.leave(name, taken, UnreadReason.MACRO)
            return value
        self._values[name], self._values[spelling] = taken, value
        raise ConflictingValues(name)

    def _name(self, raw: bytes) -> str:
        name = text_of(raw)
        if name is not None and 0 < len(name) <= NAME_CHARACTERS_MAX and name != BEYOND:
            return name
        if name != BEYOND:
            self.note(NO_NAME, "", UnreadReason.NAME)
        else:
            self.note(name, "", UnreadReason.TOO_MANY)
        return (name or readable_form(raw) or NO_NAME)[:NAME_CHARACTERS_MAX]

    def _value(self, pair: SentPair) -> str:
        """Returns a value as text; what is none as it was on the wire, which notes its fault."""
        value = text_of(pair.value)
        if value is not None:
            return value
        name, shown = text_of(pair.name) or NO_NAME, readable_form(pair.wire)
        if b"\0" in pair.value:
            fault = MalformedField(name, "contains a NUL character. Remove it.")
            self._fault(name, fault, UnreadReason.NUL)
            return shown
        fault = MalformedField(name, "is not valid UTF-8. Percent-encode it as UTF-8.")
        self._fault(name, fault, UnreadReason.NOT_UTF8, shown)
        return shown

    def _fault(self, name: str, fault: RequestError, reason: UnreadReason, shown: str = "") -> None:
        assert self._faults is not None
        self._faults.setdefault(name, fault)
        # A macro that begins with hex digits, %%aff_id%%, is no UTF-8, and no value either.
        self.note(name, shown, UnreadReason.MACRO if shown and is_no_id(shown) else reason)


NO_PARAMETERS = RawParameters(b"")  # of a request that was not read
