"""Splits a file into numbered lines of limited length, so that no line can fill the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_BYTES_MAX = 65_536  # the same as for a request

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line of a file. `text` is None when it is too long, `ends_at` is the offset behind it."""

    number: int
    text: bytes | None
    ends_at: int


def file_lines(file: BinaryIO) -> Iterator[FileLine]:
    """Yields the lines that are not blank, numbered from 1 with blank lines counted."""
    number = ends_at = 0
    while text := file.readline(LINE_BYTES_MAX):
        number += 1
        ends_at += len(text)
        if len(text) == LINE_BYTES_MAX and not text.endswith(b"\n"):
            while rest := file.readline(LINE_BYTES_MAX):
                ends_at += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield FileLine(number, None, ends_at)
            continue
        bare = (text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text).strip()
        if bare:
            yield FileLine(number, bare, ends_at)
