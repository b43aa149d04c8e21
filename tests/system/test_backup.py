"""Tests the drill: a backup of a running installation, restored elsewhere, goes on as before."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.product import WAYBILL, Waybill
from tests.system.servers import until
from tests.system.traffic import get, send

EVENTS = 20
COUNTED_SECONDS_MAX = 60
ERASED = "user-7"


@dataclass(frozen=True)
class Drill:
    """A backup `file` of an installation that had `report`, and the folder restored from it."""

    file: Path
    key: Path
    token: str
    report: Any
    restored: Path
    erased_again: int


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    folder = tmp_path_factory.mktemp("drill")
    first = Waybill(folder / "first")
    first.wait_until_ready()
    first.json("app", "create", "--name", "Shop", "--app-token", "abc123def456")
    token = first.json("token", "create", "--app", "Shop", "--name", "backend")["secret"]
    _send(first.port, token, [f"user-{number}" for number in range(EVENTS)])
    report = _reported(first)
    saved = first.json("backup", str(folder))
    first.json("privacy", "erase", "--app", "Shop", "--user", ERASED, "--yes")

    def erased() -> bool:
        (record,) = first.json("privacy", "list", "--app", "Shop")["erasures"]
        return bool(record["state"] == "done")

    until(erased, COUNTED_SECONDS_MAX, "the erasure")
    first.stop()
    file, key = Path(saved["file"]), first.data / "secret"
    done = _restore(file, key, folder / "second", first.data / "erasures.log")
    assert done.returncode == 0, done.stdout + done.stderr
    again = json.loads(done.stdout)["erased_again"]
    return Drill(file, key, token, report, folder / "second", again)


@pytest.fixture(scope="module")
def second(drill: Drill) -> Iterator[Waybill]:
    waybill = Waybill(drill.restored)
    waybill.wait_until_ready()
    yield waybill
    waybill.stop()


def _send(port: int, token: str, users: list[str]) -> None:
    targets = [
        f"/postback?s2s_token={token}&user_id={user}&event_id=purchase"
        "&sale_amount=4.20&sale_amount_currency=EUR"
        for user in users
    ]
    answers = send(port, [get(target) for target in targets], connections=1).answers
    assert [answer.status for answer in answers] == [200] * len(users)


def _reported(waybill: Waybill, events: int = EVENTS) -> Any:
    """Waits until so many events are in the report, and returns its sums."""
    now, day = datetime.now(UTC), timedelta(days=1)
    days = ("--from", f"{now - day:%Y-%m-%d}", "--to", f"{now + day:%Y-%m-%d}")
    total: dict[str, Any] = {}

    def counted() -> bool:
        report = waybill.json("report", "--app", "Shop", "--by", "total", *days)["report"]
        total.update(report["total"])
        return bool(total["events"] == events and total["installs"] == events)

    until(counted, COUNTED_SECONDS_MAX, "the events being counted")
    return total


def _restore(
    file: Path, key: Path, data: Path, log: Path | None = None
) -> subprocess.CompletedProcess[str]:
    arguments = [WAYBILL, "--data", str(data), "restore", str(file), "--key-file", str(key)]
    if log:
        arguments += ["--erasure-log", str(log), "--json"]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120)


def test_a_restored_installation_reports_what_the_first_one_reported(
    drill: Drill, second: Waybill
) -> None:
    assert _reported(second) == drill.report


def test_whoever_was_erased_after_the_backup_is_erased_again(drill: Drill, second: Waybill) -> None:
    person = ("--app", "Shop", "--user", ERASED)

    assert drill.erased_again == 1
    assert "Nothing of this person" in second.run("privacy", "export", *person).stderr
    assert (drill.restored / "erasures.log").read_text().count('"erased"') >= 1


def test_without_the_log_the_restore_says_who_comes_back(drill: Drill, tmp_path: Path) -> None:
    done = _restore(drill.file, drill.key, tmp_path / "data")

    assert done.returncode == 0
    assert "whoever was erased after the backup" in done.stderr


def test_senders_go_on_with_the_tokens_that_they_have(drill: Drill, second: Waybill) -> None:
    _send(second.port, drill.token, ["user-of-later"])

    assert _reported(second, EVENTS + 1)["revenue"] != drill.report["revenue"]


def test_a_damaged_backup_is_refused_by_its_name_and_leaves_the_folder_usable(
    drill: Drill, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(drill.file.read_bytes()[:-20_000])

    refused = _restore(damaged, drill.key, tmp_path / "data")
    checked = subprocess.run(
        [WAYBILL, "restore", "--check", str(damaged)], capture_output=True, text=True, timeout=60
    )

    assert (refused.returncode, checked.returncode) == (1, 1)
    assert "damaged.tar cannot be restored" in refused.stderr
    assert "damaged.tar cannot be restored" in checked.stderr
    assert _restore(drill.file, drill.key, tmp_path / "data").returncode == 0


def test_without_the_key_nothing_is_restored_and_the_message_says_what_to_name(
    drill: Drill, tmp_path: Path
) -> None:
    arguments = [WAYBILL, "--data", str(tmp_path / "data"), "restore", str(drill.file)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "--key-file" in done.stderr


def test_the_file_of_a_backup_is_private(drill: Drill) -> None:
    assert drill.file.stat().st_mode & 0o777 == 0o600
    assert not list(drill.file.parent.glob("*.part"))


def test_a_backup_goes_through_a_pipe(second: Waybill) -> None:
    command = f"'{WAYBILL}' --data '{second.data}' backup - | '{WAYBILL}' restore --check -"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "is whole" in done.stdout
