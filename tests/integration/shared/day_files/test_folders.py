"""The folder of day files: it is there and ours, or nothing is written, read or deleted in it."""

import os
from pathlib import Path

import pytest

from console.apps.apps import App
from console.backup.tables import find_tables
from console.event_records import find_record
from console.pipeline.day_files import adopt_files, verify_files
from shared.clock import now_ms
from shared.database import Connection
from shared.day_files.catalog import DayFile, delete_file, list_files
from shared.day_files.day_file_settings import DayFileSettings
from shared.day_files.faults import MARKER, DayFileFault, DayFilesUnreadable
from shared.day_files.folder import delete_orphans, delete_replaced
from shared.ids import new_receipt
from shared.partitions import day_of, make_days
from tests.integration.counted import store
from tests.integration.shared.day_files.conftest import (
    CLOSE_AFTER_DAYS,
    OLD_DAYS,
    Close,
    ago,
    received,
)
from tests.support.build import ADMIN
from workers.maintenance.close_days import DayCloser


def aged(path: Path, minutes: int = 61) -> Path:
    """Writes a file, as it was left behind by whoever died some time ago."""
    path.write_bytes(b"rows of a person")
    at = now_ms() / 1000 - minutes * 60
    os.utime(path, (at, at))
    return path


def claimed_long_ago(connection: Connection, file: DayFile) -> None:
    """Makes the folder of a file one that was first used a day ago."""
    id_ = new_receipt(now_ms() - 24 * 3_600_000)
    connection.execute("UPDATE day_file_folders SET id = %s", (id_,))
    (Path(file.folder) / MARKER).write_text(f"{id_}\n")


def store_again(connection: Connection, shop: App) -> None:
    """Stores an event of a day whose partition is gone."""
    make_days(connection, [day_of(ago(OLD_DAYS))])
    store(connection, received(shop, OLD_DAYS))


def stored(connection: Connection) -> int:
    [(count,)] = connection.execute(b"SELECT count(*) FROM events").fetchall()
    return int(count)


def test_nothing_is_written_where_a_volume_is_not_mounted(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    event = received(shop, OLD_DAYS)
    store(connection, event)
    close()
    folder, away = tmp_path / "files", tmp_path / "away"
    folder.rename(away)
    folder.mkdir()
    with pytest.raises(DayFileFault, match="mount its volume"):
        find_record(connection, event.receipt)
    store_again(connection, shop)

    with pytest.raises(DayFilesUnreadable, match="Mount its volume"):
        close()
    assert (list(folder.iterdir()), stored(connection)) == ([], 1)

    folder.rmdir()
    away.rename(folder)
    assert len(close()) == 2
    assert stored(connection) == 0


def test_a_folder_is_made_but_not_the_one_that_it_is_in(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS))
    settings = DayFileSettings(
        day_files=str(tmp_path / "volume" / "days"), close_after_days=CLOSE_AFTER_DAYS
    )

    with pytest.raises(DayFilesUnreadable, match="No such file"):
        DayCloser(connection, settings, now_ms).run(60)

    assert not (tmp_path / "volume").exists()
    assert close()


def test_a_folder_of_another_database_is_neither_written_to_nor_cleaned(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS))
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / MARKER).write_text("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81\n")
    theirs = aged(folder / "theirs_1.parquet")

    with pytest.raises(DayFilesUnreadable, match="another database"):
        close()
    assert (stored(connection), theirs.exists()) == (1, True)


def test_a_restored_database_takes_its_folder_over_by_a_command(
    connection: Connection, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    saved = {table.name for table in find_tables(connection)}
    assert saved & {"day_files", "replaced_day_files", "day_file_folders"} == {"day_files"}
    connection.execute(b"DELETE FROM day_file_folders")
    newer = file._replace(version=2).path
    file.path.rename(newer)
    os.utime(newer, (0, 0))
    store_again(connection, shop)

    with pytest.raises(DayFilesUnreadable, match="was restored"):
        close()
    assert newer.exists()
    assert adopt_files(connection, ADMIN).adopted == 1
    assert len(close()) == 2


def test_files_are_found_where_the_folder_is_now(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    event = received(shop, OLD_DAYS)
    store(connection, event)
    [file] = close()
    place = tmp_path / "elsewhere"
    (tmp_path / "files").rename(place)
    assert [each.fault for each in verify_files(connection, place=f"{place}/").faulty] == [
        "missing"
    ]

    report = adopt_files(connection, ADMIN, f"{place}/")

    assert (report.faulty, report.unknown, report.folders) == ([], [], [str(place)])
    assert [each.path for each in list_files(connection)] == [place / file.name]
    assert find_record(connection, event.receipt) is not None


def test_files_that_no_row_names_are_deleted_after_an_hour(
    connection: Connection, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    claimed_long_ago(connection, file)
    place = file.path.parent
    orphans = [
        aged(place / f"2026-01-01_app1_{name}")
        for name in ("x_1.parquet", ".x_2.parquet.part", f"{file.id}_2.parquet")
    ]
    orphans.append(aged(place / f".{file.path.name}.part"))
    recent = aged(place / "2026-01-01_app1_y_1.parquet", minutes=10)
    foreign = aged(place / "notes.txt")

    close()

    assert [path.exists() for path in orphans] == [False] * len(orphans)
    assert sorted(place.iterdir()) == sorted([file.path, recent, foreign])
    assert verify_files(connection).unknown[0].path == recent


def test_a_file_stays_when_its_folder_is_taken_over_by_another_path(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    at = now_ms() / 1000 - 61 * 60
    os.utime(file.path, (at, at))
    link = tmp_path / "zlink"  # taken over after "files", so this is the one that is claimed
    link.symlink_to(tmp_path / "files")
    adopt_files(connection, ADMIN, str(link))

    assert delete_orphans(connection, now_ms()) == 0
    assert delete_orphans(connection, now_ms() + 2 * 3_600_000) == 0

    assert file.path.exists()


def test_files_of_another_installation_stay_in_a_folder_that_was_taken_over(
    connection: Connection, tmp_path: Path
) -> None:
    day = tmp_path / "theirs" / "2026-01"
    day.mkdir(parents=True)
    (tmp_path / "theirs" / MARKER).write_text(f"{new_receipt(now_ms())}\n")
    theirs = aged(day / "2026-01-01_app1_x_1.parquet")

    adopt_files(connection, ADMIN, str(tmp_path / "theirs"))

    assert delete_orphans(connection, now_ms()) == 0
    assert theirs.exists()
    assert verify_files(connection, place=str(tmp_path / "theirs")).unknown[0].path == theirs


def test_a_newer_version_of_a_missing_file_stays(
    connection: Connection, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    claimed_long_ago(connection, file)
    newer = aged(file._replace(version=2).path)
    file.path.unlink()

    assert delete_orphans(connection, now_ms()) == 0

    file.path.write_bytes(b"")
    assert delete_orphans(connection, now_ms()) == 1
    assert not newer.exists()


def test_a_version_that_was_replaced_is_not_forgotten_before_its_folder_is_there(
    connection: Connection, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS))
    [file] = close()
    delete_file(connection, file)
    folder, away = tmp_path / "files", tmp_path / "away"
    folder.rename(away)

    assert not delete_replaced(connection)

    away.rename(folder)
    assert delete_replaced(connection)
    assert (file.path.exists(), list_files(connection)) == (False, [])
