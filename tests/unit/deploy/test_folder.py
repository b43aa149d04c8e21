"""Tests the data folder: created once, private, and never among other files."""

from pathlib import Path
from stat import S_IMODE

import pytest

from deploy.folder import BadFolder, DataFolder, write_private


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path / "deep" / ".waybill")
    folder.open()
    return folder


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_private_with_all_in_it(folder: DataFolder) -> None:
    assert mode(folder.path) == 0o700
    assert {mode(path) for path in folder.path.iterdir() if path.is_dir()} == {0o700}
    assert mode(folder.lock) == 0o600


def test_a_folder_is_opened_again_as_it_is(folder: DataFolder) -> None:
    (folder.path / "postgres").mkdir()
    folder.open()
    assert (folder.path / "postgres").is_dir()


def test_an_empty_folder_is_adopted(tmp_path: Path) -> None:
    DataFolder.at(tmp_path).open()
    assert (tmp_path / "lock").exists()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadFolder, match="holds other files"):
        DataFolder.at(tmp_path).open()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_its_place_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadFolder, match="cannot be used: File exists"):
        DataFolder.at(tmp_path / "file").open()


def test_the_secret_key_is_made_once_and_is_private(folder: DataFolder) -> None:
    key = folder.secret_key()
    assert len(bytes.fromhex(key)) == 32
    assert folder.secret_key() == key
    assert mode(folder.path / "secret") == 0o600
    assert [path.name for path in folder.path.glob("secret*")] == ["secret"]


def test_two_folders_have_two_keys(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder.at(tmp_path / "other")
    other.open()
    assert other.secret_key() != folder.secret_key()


def test_a_damaged_key_is_never_replaced(folder: DataFolder) -> None:
    (folder.path / "secret").write_text("")
    with pytest.raises(BadFolder, match="is damaged"):
        folder.secret_key()
    assert (folder.path / "secret").read_text() == ""


def test_a_server_of_another_user_can_pass_but_not_look(folder: DataFolder) -> None:
    folder.allow_traversal()
    assert (mode(folder.path), mode(folder.path / "run")) == (0o711, 0o711)
    folder.make_private()
    assert (mode(folder.path), mode(folder.path / "run")) == (0o700, 0o700)


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("a longer text than the next")
    note.chmod(0o644)
    write_private(note, "short")
    assert (note.read_text(), mode(note)) == ("short", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_rotation_keeps_the_key_before_until_it_is_finished(folder: DataFolder) -> None:
    first = folder.secret_key()
    folder.prepare_rotation()
    second = folder.secret_key()

    assert (folder.previous_key(), mode(folder.previous_secret)) == (first, 0o600)
    assert second != first
    with pytest.raises(BadFolder, match="under way"):
        folder.prepare_rotation()
    folder.forget_previous_key()
    assert (folder.secret_key(), folder.previous_key()) == (second, "")


def test_a_rotation_that_a_crash_cut_off_is_prepared_again(folder: DataFolder) -> None:
    first = folder.secret_key()
    write_private(folder.previous_secret, first)

    folder.prepare_rotation()

    assert folder.previous_key() == first
    assert folder.secret_key() != first
