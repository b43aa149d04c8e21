"""Tests the settings of the embedded Valkey, and which data it may open."""

import pytest

from deploy import valkey
from deploy.valkey import Version


def test_an_answered_write_is_on_disk_and_nothing_is_evicted() -> None:
    assert valkey.SETTINGS["appendonly"] == "yes"
    assert valkey.SETTINGS["appendfsync"] == "always"
    assert valkey.SETTINGS["no-appendfsync-on-rewrite"] == "no"
    assert valkey.SETTINGS["maxmemory-policy"] == "noeviction"
    assert valkey.SETTINGS["port"] == "0"


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64", Version("Valkey", 9, 1)),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", Version("Redis", 7, 0)),
    ],
)
def test_a_version_survives_being_noted(printed: str, version: Version) -> None:
    assert Version.parse(printed) == version
    assert Version.parse(str(version)) == version


@pytest.mark.parametrize("printed", ["", "Valkey", "true (GNU coreutils) 9.1"])
def test_a_program_that_is_no_server_has_no_version(printed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Version.parse(printed)


def test_only_the_same_product_of_the_same_age_or_newer_reads_the_data() -> None:
    written_by = Version("Valkey", 9, 1)
    readers = [Version("Valkey", 9, 1), Version("Valkey", 9, 2), Version("Valkey", 10, 0)]
    others = [Version("Valkey", 9, 0), Version("Valkey", 8, 2), Version("Redis", 9, 1)]
    assert all(reader.reads(written_by) for reader in readers)
    assert not any(other.reads(written_by) for other in others)


def test_the_program_of_the_wheel_is_found_without_importing_it() -> None:
    assert valkey.find_program().name == "valkey-server"
