"""Reads files in pieces of any size, plain and packed."""

import gzip
import random
from collections.abc import Iterator
from functools import partial

import pytest

from shared.imports.upload_text import MEMBERS_MAX, UnreadableFile, check_start, open_text

packed = partial(gzip.compress, mtime=0)
TEXT = b"".join(b'{"type": "open", "user_id": "%d"}\n' % number for number in range(40_000))


def pieces_from(content: bytes, size: int, offset: int) -> Iterator[bytes]:
    for start in range(offset, len(content), size):
        yield content[start : start + size]


def text_of(content: bytes, offset: int = 0, size: int = 5_000, bytes_max: int = 10**9) -> bytes:
    return open_text(partial(pieces_from, content, size), offset, bytes_max).read()


@pytest.mark.parametrize("offset", [0, 1, 4_999, 5_000, 123_456, len(TEXT) - 1, len(TEXT)])
def test_a_file_goes_on_at_any_offset_of_its_text(offset: int) -> None:
    assert text_of(TEXT, offset) == TEXT[offset:]
    assert text_of(packed(TEXT), offset) == TEXT[offset:]


@pytest.mark.parametrize("size", [2, 17, 65_536, 262_144])
def test_a_packed_file_is_read_from_pieces_of_any_size(size: int) -> None:
    mixed = TEXT[:200_000] + random.Random(1).randbytes(200_000)

    assert text_of(packed(mixed), size=size) == mixed


def test_the_members_of_a_packed_file_are_one_text_and_zeros_behind_them_none() -> None:
    members = packed(b"a\n") + packed(b"") + packed(b"b\n") + bytes(1_000)

    assert text_of(members) == b"a\nb\n"


def test_an_empty_file_has_no_text() -> None:
    assert text_of(b"") == b""
    assert text_of(packed(b"")) == b""


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(bytes(50_000_000))
    file = open_text(partial(pieces_from, bomb, 5_000), 0, 2 * 1024**2)

    with pytest.raises(UnreadableFile, match="more than 2 MiB"):
        file.read()


def test_a_packed_file_of_endless_empty_members_is_refused() -> None:
    endless = packed(b"") * (MEMBERS_MAX + 1)

    with pytest.raises(UnreadableFile, match="more than 1,000,000 members"):
        text_of(endless)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (packed(TEXT)[:-9], "cut off"),
        (packed(TEXT)[:9], "cut off"),
        (packed(TEXT)[:-8] + bytes(8), "damaged"),
        (packed(TEXT) + b"rest", "damaged"),
        (packed(TEXT.decode().encode("utf-16")), "UTF-16"),
    ],
)
def test_a_packed_file_that_cannot_be_read_says_why(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        text_of(content)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("{}".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\0{", "UTF-16"),
        (b"PK\x03\x04rest", "archive"),
        (b"BZh91AY", "archive"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_its_start(start: bytes, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        check_start(start)


def test_text_and_gzip_are_let_through() -> None:
    for start in (b"", b"{", b"\xef\xbb\xbf{", packed(b"")):
        check_start(start)
