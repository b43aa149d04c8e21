"""Splits a file into numbered lines of limited length, so that no line can fill the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_BYTES_MAX = 65_536  # the same as for a request
BLANK_LINES_MAX = 10_000  # that are passed over at a time

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line of a file. `text` is None when it is too long, and empty when it is blank.

    `ends_at` is the offset behind it.
    """

    number: int
    text: bytes | None
    ends_at: int


def file_lines(file: BinaryIO, number: int = 0, ends_at: int = 0) -> Iterator[FileLine]:
    """Yields the lines that are not blank, numbered from 1 with blank lines counted.

    Of very many blank lines in a row it yields one now and then, so that whoever reads a file that
    has nothing else keeps its limits and notes how far it has come.

    A file that is continued stands behind its line `number`, at the offset `ends_at`.
    """
    blank = 0
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
        blank = 0 if bare else blank + 1
        if bare or blank % BLANK_LINES_MAX == 0:
            yield FileLine(number, bare, ends_at)
