"""Lines of a file, numbered and bounded: a file without line ends must not fill the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_BYTES_MAX = 65_536  # as a request

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class FileLine:
    """`text` is None when the line is too long to be read. `ends_at` is the place behind it."""

    number: int
    text: bytes | None
    ends_at: int


def file_lines(file: BinaryIO) -> Iterator[FileLine]:
    """Every line that is not blank, counted from 1 with those that are."""
    number = ends_at = 0
    while text := file.readline(LINE_BYTES_MAX):
        number += 1
        ends_at += len(text)
        if len(text) == LINE_BYTES_MAX and not text.endswith(b"\n"):
            ends_at += _skip_rest(file)
            yield FileLine(number, None, ends_at)
            continue
        bare = (text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text).strip()
        if bare:
            yield FileLine(number, bare, ends_at)


def _skip_rest(file: BinaryIO) -> int:
    skipped = 0
    while rest := file.readline(LINE_BYTES_MAX):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped
