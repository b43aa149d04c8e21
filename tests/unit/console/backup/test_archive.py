"""Tests the file of a backup: what was written is read again, and nothing else is."""

import io
import tarfile
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.backup.archive import FORMAT, HEADER, ArchiveReader, ArchiveWriter, Header, TableSum
from console.backup.load import check
from shared.errors import OperatorError

_HEADER = Header(FORMAT, "2026-11-28T00:00:00+00:00", [], "00", ["2026-11-28"])


def _written(pieces: list[bytes]) -> bytes:
    stream = io.BytesIO()
    archive = ArchiveWriter(stream)
    archive.add_document(HEADER, _HEADER)
    for number, piece in enumerate(pieces):
        archive.add_piece(f"tables/events/{number:06}.copy.gz", piece)
    archive.finish({"events": TableSum(len(pieces), "0")}, inbox_events=0)
    return stream.getvalue()


def _read(content: bytes) -> list[bytes]:
    reader = ArchiveReader(io.BytesIO(content), "file.tar")
    return [piece for name, piece in reader.members() if name != HEADER]


@given(st.lists(st.binary(max_size=3000), max_size=5))
def test_what_was_written_is_read_again_in_its_order(pieces: list[bytes]) -> None:
    assert _read(_written(pieces)) == pieces


@given(st.integers(min_value=0))
def test_a_file_that_is_cut_off_anywhere_is_refused_by_name(place: int) -> None:
    content = _written([b"a row\n" * 200, b"another\n" * 200])
    data = len(content.rstrip(b"\0"))  # what follows the manifest is padding

    with pytest.raises(OperatorError, match=r"file\.tar .*Nothing was changed"):
        check(ArchiveReader(io.BytesIO(content[: place % data]), "file.tar"))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_never_changes_a_row(place: int, change: int) -> None:
    pieces = [b"a row\n" * 200, b"another\n" * 200]
    content = bytearray(_written(pieces))
    content[place % len(content)] ^= change

    found = pieces  # of a change to a byte that carries nothing, such as a member's owner
    with suppress(OperatorError):
        found = _read(bytes(content))

    assert found == pieces


def test_a_member_that_is_left_out_is_missed() -> None:
    whole, without = _written([b"one\n", b"two\n"]), _written([b"one\n"])
    manifest = whole[whole.index(b"manifest.json") - 1536 :]  # with the header of its checksum
    cut = without.index(b"manifest.json") - 1536

    with pytest.raises(OperatorError, match="cannot be restored"):
        _read(without[:cut] + manifest)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["header", "b", "a", "manifest"], "in another order"),
        (["header", "a", "a", "b", "manifest"], "is in it twice"),
        (["header", "a", "manifest", "b"], "comes after its manifest"),
        (["header", "a", "b", "manifest", "manifest"], "comes after its manifest"),
        (["a", "header", "b", "manifest"], "does not begin with"),
        (["header", "a", "b"], "it has no manifest"),
        (["header", "a", "manifest"], "is not what was written"),
        (["manifest"], "is not what was written"),
        ([], "cut off|does not begin with"),
    ],
)
def test_members_that_are_not_as_they_were_written_are_refused(
    order: list[str], reason: str
) -> None:
    archive = ArchiveWriter(io.BytesIO())
    archive.add_document(HEADER, _HEADER)
    archive.add_piece("tables/a/000001.copy.gz", b"one\n")
    archive.add_piece("tables/b/000001.copy.gz", b"two\n")
    archive.finish({}, 0)
    assert isinstance(archive.stream, io.BytesIO)
    with tarfile.open(fileobj=io.BytesIO(archive.stream.getvalue())) as tar:
        found = {each.name: (each, tar.extractfile(each)) for each in tar}
    names = {
        "header": HEADER,
        "manifest": "manifest.json",
        **{name: f"tables/{name}/000001.copy.gz" for name in "ab"},
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        for name in order:
            member, file = found[names[name]]
            assert file is not None
            file.seek(0)
            tar.addfile(member, io.BytesIO(file.read()))

    with pytest.raises(OperatorError, match=rf"file\.tar .*({reason}).*Nothing was changed"):
        check(ArchiveReader(io.BytesIO(stream.getvalue()), "file.tar"))


@given(st.binary(max_size=1500))
def test_any_bytes_that_are_no_backup_are_refused_by_name(content: bytes) -> None:
    for read in (content, _written([b"one\n"])[:1024] + content):
        with pytest.raises(OperatorError, match=r"file\.tar"):
            check(ArchiveReader(io.BytesIO(read), "file.tar"))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"format": FORMAT + 1, "parts": 3}, "newer version"),
        ({"format": FORMAT}, "header.json cannot be read"),
        ({**msgspec.to_builtins(_HEADER), "key_check": "no digits"}, "header.json cannot be read"),
        ({**msgspec.to_builtins(_HEADER), "days": ["yesterday"]}, "header.json cannot be read"),
        (["format"], "header.json cannot be read"),
    ],
)
def test_a_header_of_another_version_is_named_so_whatever_else_it_has(
    header: object, reason: str
) -> None:
    archive = ArchiveWriter(io.BytesIO())
    archive.add_document(HEADER, header)
    archive.finish({}, 0)
    assert isinstance(archive.stream, io.BytesIO)

    with pytest.raises(OperatorError, match=reason):
        check(ArchiveReader(io.BytesIO(archive.stream.getvalue()), "file.tar"))


def test_a_file_of_something_else_is_refused_by_name() -> None:
    with pytest.raises(OperatorError, match=r"notes\.txt cannot be restored"):
        check(ArchiveReader(io.BytesIO(b"dear diary" * 100), "notes.txt"))


def test_a_backup_of_a_newer_version_is_refused_with_what_to_do() -> None:
    stream = io.BytesIO()
    archive = ArchiveWriter(stream)
    archive.add_document(HEADER, Header(FORMAT, "later", ["9999_unknown"], "00", []))
    archive.finish({}, 0)

    with pytest.raises(OperatorError, match="newer version"):
        check(ArchiveReader(io.BytesIO(stream.getvalue()), "file.tar"))
