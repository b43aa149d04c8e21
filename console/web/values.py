"""What a request carries by name: its query or its form, as text that can be stored and shown."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from console.validation import has_control_characters
from console.web.page_errors import BadRequest

FORM_BYTES_MAX = 262_144
FIELDS_MAX = 500
_LAYOUT = str.maketrans("", "", "\r\n\t")  # what people may type into a text of several lines


class Values:
    """Texts by name. A name that is not there reads as ""."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self._texts = texts

    @classmethod
    def parse(cls, encoded: bytes) -> "Values":
        """From `a=1&b=2`. Raises BadRequest for what is no such thing, or no readable text."""
        try:
            pairs = parse_qsl(
                encoded.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=FIELDS_MAX,
            )
        except ValueError:
            raise BadRequest("The request cannot be read.") from None
        texts: dict[str, list[str]] = {}
        for name, text in pairs:
            if has_control_characters(text.translate(_LAYOUT)):
                raise BadRequest("The request holds characters that are no readable text.")
            texts.setdefault(name, []).append(text)
        return cls(texts)

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    @property
    def names(self) -> set[str]:
        return set(self._texts)

    def get(self, name: str, default: str = "") -> str:
        """The last one, without the spaces around it."""
        return self._texts[name][-1].strip() if name in self._texts else default

    def all(self, name: str) -> list[str]:
        """All of that name, as of check boxes."""
        return list(self._texts.get(name, ()))

    def exact(self, name: str) -> str:
        """As it was typed: a password's spaces are part of it."""
        return self._texts[name][-1] if name in self._texts else ""


NOTHING = Values({})
