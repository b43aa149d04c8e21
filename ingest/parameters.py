"""Parameters of a request: from bytes to one value a name.

Two steps, because the token is checked before any field: `read_pairs` only splits and unescapes,
`Parameters` then insists on what PostgreSQL can store. Falcon's own reading replaces bytes that are
not UTF-8 and keeps the last of repeated values; both would change an event in silence.
"""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from shared.errors import ConflictingValues, MalformedField, MissingField, TooManyParameters

PARAMETERS_MAX = 64
NAME_CHARACTERS_MAX = 256

Pair = tuple[bytes, bytes]


def read_pairs(query: bytes, form: bytes, parameters_max: int = PARAMETERS_MAX) -> list[Pair]:
    """Names and values of both, unescaped. Raises TooManyParameters."""
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


class Parameters:
    """One value a name; what is taken is gone, so that the rest can be kept with the event."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair]) -> "Parameters":
        """A repeated name keeps its non-empty value.

        Raises MalformedField for what is not storable text, ConflictingValues when a name has two
        different values.
        """
        values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name = _name(raw_name)
            value = _text(name, raw_value)
            known = values.get(name)
            if known and value and value != known:
                raise ConflictingValues(name)
            values[name] = known or value
        return cls(values)

    def take(self, *spellings: str) -> str | None:
        """The value under any of these names, None when absent or empty."""
        found = None
        for spelling in spellings:
            value = self._values.pop(spelling, None)
            if value and found and value != found:
                raise ConflictingValues(spellings[0])
            found = found or value
        return found or None

    def take_each(self, names: frozenset[str]) -> dict[str, str]:
        """What was sent under any of these names, by name, but nothing empty."""
        if names.isdisjoint(self._values):
            return {}
        sent = {name: self._values.pop(name) for name in sorted(names & self._values.keys())}
        return {name: value for name, value in sent.items() if value}

    def require(self, *spellings: str, hint: str = "") -> str:
        """Raises MissingField when absent or empty."""
        value = self.take(*spellings)
        if value is None:
            raise MissingField(spellings[0], hint)
        return value

    def keep(self, name: str, value: str) -> None:
        """Put a value back, to be kept with the event as it was sent."""
        self._values[name] = value

    def rest(self) -> dict[str, str]:
        """Everything not taken."""
        return self._values


def _unescape(text: bytes) -> bytes:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


def _name(raw: bytes) -> str:
    name = _text("a parameter name", raw)
    if not name or len(name) > NAME_CHARACTERS_MAX:
        raise MalformedField(
            "a parameter name", f"must have 1 to {NAME_CHARACTERS_MAX} characters."
        )
    return name


def _text(name: str, raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as fault:
        raise MalformedField(name, "is not valid UTF-8. Percent-encode it as UTF-8.") from fault
    if "\0" in text:
        raise MalformedField(name, "contains a NUL character. Remove it.")
    return text
