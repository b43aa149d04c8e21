"""Tests how the stores of a running stack are found."""

import os
from pathlib import Path
from stat import S_IMODE

import pytest

from deploy.addresses import Addresses, find_addresses, remove_addresses, write_addresses
from deploy.folder import DataFolder
from deploy.lock import lock_as_launcher

ADDRESSES = Addresses("postgresql:///waybill", "unix:///valkey.sock?db=0", "127.0.0.1:8080", 42)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path)
    folder.open()
    return folder


def test_a_running_stack_is_found_and_a_stopped_one_is_not(folder: DataFolder) -> None:
    with lock_as_launcher(folder.lock, None):
        write_addresses(folder, ADDRESSES)
        assert find_addresses(folder.path) == ADDRESSES
        remove_addresses(folder)
        assert find_addresses(folder.path) is None


def test_what_a_killed_launcher_left_is_not_believed(folder: DataFolder) -> None:
    write_addresses(folder, Addresses("postgresql:///waybill", "unix:///s", None, os.getpid()))
    assert find_addresses(folder.path) is None


def test_where_nothing_ever_ran_nothing_is_found_or_made(tmp_path: Path) -> None:
    assert find_addresses(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()


def test_addresses_may_hold_passwords_and_are_private(folder: DataFolder) -> None:
    write_addresses(folder, ADDRESSES)
    assert S_IMODE(folder.addresses.stat().st_mode) == 0o600
