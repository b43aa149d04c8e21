"""Fields of COPY's text format, as PostgreSQL's manual has it: between tabs, `\\N` for none."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

NULL = r"\N"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def line(*fields: str) -> str:
    """One row, of fields that are written already."""
    return "\t".join(fields) + "\n"


def text(value: str | None) -> str:
    if value is None:
        return NULL
    # Looked for first: to translate a user agent takes 2.4 us, to see that it need not 0.08.
    if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
        return value.translate(_ESCAPED)
    return value


def number(value: int | None) -> str:
    return NULL if value is None else str(value)


def flag(value: bool) -> str:
    return "t" if value else "f"


def texts(values: Iterable[str]) -> str:
    """An array of text. Each quoted: one may look like NULL, or hold a comma."""
    quoted = [value.replace("\\", r"\\").replace('"', r"\"") for value in values]
    return text('{"' + '","'.join(quoted) + '"}') if quoted else "{}"


def document(value: object) -> str:
    """JSON, in which only the backslash is left to be escaped."""
    return msgspec.json.encode(value).decode().replace("\\", r"\\")


def moment(time_ms: int) -> str:
    """Of Unix milliseconds."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}+00"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    """Made once: the events of a batch share few of them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
