from pathlib import Path

import pytest

from console.connections import CommandContext, load_settings
from deploy.addresses import Addresses, write_addresses
from deploy.folder import DataFolder
from deploy.lock import lock_as_launcher
from shared.errors import OperatorError

GIVEN = {
    "DATABASE_URL": "postgresql://given",
    "REDIS_URL": "redis://given",
    "WAYBILL_SECRET_KEY": "k" * 32,
}
FOUND = Addresses("postgresql://found", "redis://found", None, 1)


def test_nothing_running_and_nothing_set_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as refusal:
        load_settings(
            CommandContext(tmp_path / "none", {"DATABASE_URL": "", "REDIS_URL": "redis://x"})
        )

    assert refusal.value.message == (
        "Waybill is not running here. Start `waybill up`, or set DATABASE_URL and REDIS_URL."
    )
    assert not (tmp_path / "none").exists()


def test_the_environment_is_enough(tmp_path: Path) -> None:
    settings = load_settings(CommandContext(tmp_path, GIVEN))

    assert settings.database_url == "postgresql://given"
    assert settings.secret_key == b"k" * 32


def test_a_running_stack_fills_in_what_is_not_set(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    folder.open()
    with lock_as_launcher(folder.lock, None):
        write_addresses(folder, FOUND)

        settings = load_settings(CommandContext(tmp_path, {}))
        mixed = load_settings(CommandContext(tmp_path, {"DATABASE_URL": "postgresql://given"}))

    assert (settings.database_url, settings.redis_url) == ("postgresql://found", "redis://found")
    assert settings.secret_key == folder.secret_key().encode()
    assert (mixed.database_url, mixed.redis_url) == ("postgresql://given", "redis://found")


def test_a_store_that_is_named_by_a_file_is_set(tmp_path: Path) -> None:
    named = tmp_path / "url"
    named.write_text("postgresql://from-a-file\n")
    folder = DataFolder.at(tmp_path / "data")
    folder.open()
    with lock_as_launcher(folder.lock, None):
        write_addresses(folder, FOUND)

        settings = load_settings(CommandContext(folder.path, {"DATABASE_URL_FILE": str(named)}))

    assert settings.database_url == "postgresql://from-a-file"
