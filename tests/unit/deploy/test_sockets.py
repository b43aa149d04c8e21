"""Tests the folders of sockets: short, plain and private."""

import os
from pathlib import Path

import pytest

from deploy import sockets

TEMPORARY = Path("/tmp")
SOCKET = ".s.PGSQL.5432"


def place(data: str, *temporaries: Path) -> Path:
    return sockets.socket_folder(Path(data), "postgres", SOCKET, temporaries or (TEMPORARY,))


def test_sockets_are_in_the_data_folder_where_they_fit() -> None:
    assert place("/srv/waybill") == Path("/srv/waybill/run/postgres")


@pytest.mark.parametrize("data", ["/srv/" + "long" * 30, "/srv/a, b", "/srv/ü", "/srv/100%"])
def test_other_paths_get_a_short_place_of_their_own(data: str) -> None:
    folder = place(data)
    assert folder.parent == TEMPORARY
    assert folder.name.startswith(f"waybill-{os.geteuid()}-")
    assert folder == place(data)
    assert folder != place(data + "x")
    assert folder != sockets.socket_folder(Path(data), "valkey", SOCKET, [TEMPORARY])


def test_every_place_fits_the_narrowest_system() -> None:
    for length in range(1, 200):
        path = place("/" + "d" * length) / SOCKET
        assert len(os.fsencode(path)) <= 103


def test_a_temporary_folder_that_is_too_long_itself_is_passed_over() -> None:
    assert place("/srv/" + "long" * 30, Path("/var/" + "t" * 90), TEMPORARY).parent == TEMPORARY


def test_where_nothing_fits_the_person_is_told_what_to_do() -> None:
    with pytest.raises(sockets.NoSocketFolder, match="Choose a shorter folder with --data"):
        place("/srv/" + "long" * 30, Path("/var/" + "t" * 90))


def test_a_claimed_folder_is_private_and_can_be_claimed_again(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    sockets.create_private(folder, os.geteuid())
    sockets.create_private(folder, os.geteuid())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_open_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(sockets.NoSocketFolder, match="belongs to another user"):
        sockets.create_private(folder, os.geteuid())


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "sockets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(sockets.NoSocketFolder):
        sockets.create_private(tmp_path / "sockets", os.geteuid())


def test_what_dead_servers_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / SOCKET).touch()
    (tmp_path / f"{SOCKET}.lock").touch()
    sockets.empty(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_answers_nothing(tmp_path: Path) -> None:
    assert sockets.request(tmp_path / "none.sock", b"PING\r\n") == b""
