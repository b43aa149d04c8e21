"""The file of links: what a process knows that starts while Redis is away."""

import asyncio
import logging
from pathlib import Path

import pytest

from ingest.credential_store import CredentialStore
from ingest.link_file import LinkFile
from shared.errors import NotReady
from tests.support.build import LINK_KEY, SECRET_KEY, TOKEN, linked, now
from tests.unit.loop import ended, in_loop, until

OTHER_KEY = b"another installation key, 32 chr"


def holding(key: bytes = SECRET_KEY) -> CredentialStore:
    store = CredentialStore(key, now)
    store.use(linked())
    return store


async def written(path: Path, store: CredentialStore | None = None) -> None:
    await LinkFile(str(path), store or holding()).write()


@in_loop
async def test_a_later_process_finds_the_links_and_nothing_else(tmp_path: Path) -> None:
    await written(tmp_path / "links")

    store = CredentialStore(SECRET_KEY, now)
    LinkFile(str(tmp_path / "links"), store).load()

    assert store.find_link(LINK_KEY) == holding().find_link(LINK_KEY)
    assert store.version is None
    with pytest.raises(NotReady):
        store.find({TOKEN.encode()})


def test_the_file_holds_no_token_and_is_its_owners_alone(tmp_path: Path) -> None:
    store = holding()
    assert store.snapshot is not None
    asyncio.run(written(tmp_path / "links", store))

    content = (tmp_path / "links").read_bytes()
    assert not [digest for digest in store.snapshot.grants if digest in content]
    assert (tmp_path / "links").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["links"]


@in_loop
async def test_links_of_another_installation_are_not_used(tmp_path: Path) -> None:
    await written(tmp_path / "links")

    store = CredentialStore(OTHER_KEY, now)
    LinkFile(str(tmp_path / "links"), store).load()

    with pytest.raises(NotReady):
        store.find_link(LINK_KEY)


def test_a_snapshot_of_another_installation_is_not_written(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path / "links", holding(OTHER_KEY)))

    assert not (tmp_path / "links").exists()


@in_loop
async def test_each_new_snapshot_is_written(tmp_path: Path) -> None:
    store = CredentialStore(SECRET_KEY, now)
    task = asyncio.create_task(LinkFile(str(tmp_path / "links"), store).run())
    await asyncio.sleep(0)
    assert not (tmp_path / "links").exists()

    store.use(linked())

    await until((tmp_path / "links").exists)
    await ended(task)


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x80"])
def test_a_file_that_is_none_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "links").write_bytes(content)
    store = CredentialStore(SECRET_KEY, now)

    LinkFile(str(tmp_path / "links"), store).load()

    assert "cannot be read" in caplog.text
    with pytest.raises(NotReady):
        store.find_link(LINK_KEY)


@in_loop
async def test_a_file_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    links = LinkFile(str(tmp_path / "missing" / "links"), holding())

    await links.write()
    await links.write()

    assert caplog.text.count("cannot be written") == 1


def test_without_a_path_nothing_is_read_or_written(tmp_path: Path) -> None:
    links = LinkFile("", holding())
    links.load()
    asyncio.run(links.write())

    assert list(tmp_path.iterdir()) == []
