"""`waybill days`: what it lists, verifies and has workers do."""

import json
from pathlib import Path
from typing import Any

import pytest

from console.apps.apps import App
from console.main import run_command
from shared.clock import now_ms
from shared.database import Connection
from shared.day_files.catalog import list_files
from shared.day_files.day_file_settings import DayFileSettings
from shared.partitions import day_of
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from tests.integration.conftest import SECRET_KEY
from tests.integration.counted import store
from tests.integration.shared.day_files.conftest import OLD_DAYS, Close, ago, received
from workers.maintenance.close_days import DayCloser


def test_day_files_are_listed_verified_closed_and_restored_from_the_command_line(
    connection: Connection,
    redis: Redis,
    shop: App,
    close: Close,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
    }

    def ask(*arguments: str, status: int = 0) -> Any:
        assert run_command(["days", *arguments, "--json"], variables) == status
        return json.loads(capsys.readouterr().out)

    store(connection, received(shop, OLD_DAYS))
    [file] = close()

    [row] = ask("list", "--app", "Shop")
    assert (row["events"], row["bytes"], row["file"]) == (1, file.size_bytes, file.name)
    assert (row["sha256"], row["fault"]) == (file.sha256.hex(), None)
    assert ask("verify")["faulty"] == []
    assert "WAYBILL_DAY_FILES" in ask("close", status=1)["error"]["message"]
    variables |= {"WAYBILL_DAY_FILES": str(tmp_path), "WAYBILL_CLOSE_AFTER_DAYS": "90"}
    ask("close")
    assert waiting_jobs(redis) == 1
    content = file.path.read_bytes()
    file.path.unlink()
    assert [each["fault"] for each in ask("verify", status=1)["faulty"]] == ["missing"]
    file.path.write_bytes(content)

    day = day_of(ago(OLD_DAYS)).isoformat()
    assert (
        "waybill days list"
        in ask("restore", "--from", "2020-01-01", "--to", "2020-01-02", status=1)["error"][
            "message"
        ]
    )
    assert ask("restore", "--app", "Shop", "--from", day, "--to", day) == {"files": 1}
    DayCloser(connection, DayFileSettings(day_files="", close_after_days=0), now_ms).run(60)
    assert list_files(connection) == []
    ask("verify", "--adopt")
    entries = connection.execute(
        b"SELECT action, app_id, after FROM audit_log WHERE action LIKE 'day_files.%' ORDER BY id"
    ).fetchall()
    assert entries == [
        ("day_files.close", None, {}),
        ("day_files.restore", shop.id, {"first": day, "last": day, "files": 1}),
        ("day_files.adopt", None, {"files": 0, "folders": []}),
    ]
    assert not file.path.exists()
    assert connection.execute(b"SELECT count(*) FROM events").fetchone() == (1,)
