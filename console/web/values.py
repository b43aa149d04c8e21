"""Parses the query or the form of a request into text that is safe to store and show."""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from console.validation import has_control_characters
from console.web.page_errors import BadRequest

FORM_BYTES_MAX = 262_144
FIELDS_MAX = 500
_LAYOUT = str.maketrans("", "", "\r\n\t")  # allowed in text of several lines


class Values:
    """Texts by name. A missing name reads as ""."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self._texts = texts

    @classmethod
    def parse(cls, encoded: bytes) -> "Values":
        """Parses `a=1&b=2`. Raises BadRequest if it is malformed or contains unreadable text."""
        try:
            pairs = parse_qsl(
                encoded.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=FIELDS_MAX,
            )
        except ValueError:
            raise BadRequest("The parameters of the request cannot be parsed.") from None
        texts: dict[str, list[str]] = {}
        for name, text in pairs:
            if has_control_characters(text.translate(_LAYOUT)):
                raise BadRequest("The request contains unprintable characters.")
            texts.setdefault(name, []).append(text)
        return cls(texts)

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    @property
    def names(self) -> set[str]:
        return set(self._texts)

    def only(self, names: Collection[str]) -> "Values":
        """Returns the values of these names."""
        return Values({name: texts for name, texts in self._texts.items() if name in names})

    def get(self, name: str, default: str = "") -> str:
        """Returns the last value of a name, without surrounding whitespace."""
        return self._texts[name][-1].strip() if name in self._texts else default

    def all(self, name: str) -> list[str]:
        """Returns all values of a name, such as those of checkboxes."""
        return list(self._texts.get(name, ()))

    def exact(self, name: str) -> str:
        """Returns the last value exactly as typed: the spaces of a password are part of it."""
        return self._texts[name][-1] if name in self._texts else ""


NOTHING = Values({})
