"""Tests the command line as a program uses it: exit status, one JSON document, no secrets."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from console.main import run_command
from shared.database import Connection
from shared.events import Event
from shared.inbox import measure
from shared.redis import Redis
from shared.rejections import bad_token_commands
from shared.snapshot import decode_snapshot
from shared.tokens import is_own_form
from tests.integration.console.conftest import Ask, store_event
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.shared.access.conftest import remove_logins
from tests.support.redis_names import NAMES

WAYBILL = (sys.executable, "-c", "from console.main import main; main()")


def test_an_app_with_its_token_and_event_types_is_made_from_the_command_line(ask: Ask) -> None:
    app = ask("app", "create", "--name", "Shop", "--app-token", "abc123def456")["app"]
    token = ask("token", "create", "--app", "abc123def456", "--name", "backend")
    event_type = ask(
        *("event-type", "create", "--app", "Shop"),
        *("--mapping-id", "purchase", "--name", "Purchase", "--event-token", "g3mfiw"),
    )["event_type"]

    assert is_own_form(token["secret"])
    assert token["token"]["masked"] == token["secret"][:3] + "…" + token["secret"][-4:]
    assert event_type["event_token"] == "g3mfiw"
    assert ask("app", "list") == {"apps": [app]}
    assert ask("token", "list", "--app", "Shop") == {"tokens": [token["token"]]}
    assert ask("event-type", "list", "--app", "Shop") == {"event_types": [event_type]}


def test_multiple_postbacks_of_an_event_type_are_set_from_the_command_line(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    here = ("--app", "Shop", "--mapping-id")
    create = ("create", *here, "purchase", "--name", "Purchase", "--multiple-postbacks")
    assert ask("event-type", *create)["event_type"]["multiple_postbacks"]

    changed = ask("event-type", "set", *here, "purchase", "--no-multiple-postbacks")

    assert not changed["event_type"]["multiple_postbacks"]
    unknown = ask("event-type", "set", *here, "buy", "--multiple-postbacks", status=1)
    assert "waybill event-type list" in unknown["error"]["message"]


def test_a_token_is_shown_once_and_never_again(
    ask: Ask, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ask("app", "create", "--name", "Shop")

    assert run_command(["token", "create", "--app", "Shop", "--name", "backend"], variables) == 0
    secret, sentence = capsys.readouterr().out.splitlines()
    assert run_command(["token", "list", "--app", "Shop"], variables) == 0
    assert run_command(["token", "revoke", "--app", "Shop", "backend"], variables) == 0
    later = capsys.readouterr()

    assert is_own_form(secret)
    assert "only time" in sentence
    assert secret not in later.out + later.err
    assert "revoked" in later.out


@pytest.mark.parametrize(
    ("secret", "warned"), [(b"s2sTokenForTheStoreApp", False), (b"hunter2", True)]
)
def test_a_token_is_imported_from_standard_input_with_a_warning_when_it_is_weak(
    ask: Ask, variables: dict[str, str], secret: bytes, warned: bool
) -> None:
    ask("app", "create", "--name", "Shop")

    done = subprocess.run(
        [*WAYBILL, "token", "import", "--app", "Shop", "--name", "old", "--test"],
        input=secret + b"\n",
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert secret not in done.stdout + done.stderr
    assert (b"found by guessing" in done.stderr) is warned
    (token,) = ask("token", "list", "--app", "Shop")["tokens"]
    assert token["test"] is True


def test_revoking_an_unknown_token_is_one_json_error(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")

    error = ask("token", "revoke", "--app", "Shop", "backend", status=1)

    assert set(error) == {"error"}
    assert error["error"]["code"] == "operator_error"
    assert "no token" in error["error"]["message"]


def test_a_recorded_event_is_traced(
    ask: Ask,
    event: Event,
    connection: Connection,
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_event(connection, event)

    document = ask("trace", str(event.receipt))
    assert run_command(["trace", str(event.receipt)], variables) == 0

    assert (document["state"], document["event"]["user_id"]) == ("recorded", event.user_id)
    assert document["event"]["sale_amount"] == "42.5"
    printed = capsys.readouterr().out
    assert f"{event.receipt} recorded" in printed
    assert "unmapped" in printed


def test_status_says_how_many_users_are_set_aside_and_works_without_postgresql(
    ask: Ask, connection: Connection, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute("INSERT INTO set_aside_users (user_ref, fault) VALUES (7, 'Bug')")
    away = {**variables, "DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    rows = []
    for here in (variables, away):
        assert run_command(["status"], here) == 0
        (row,) = [it for it in capsys.readouterr().out.splitlines() if "set aside" in it]
        rows.append(row.split("users set aside")[1].strip())

    assert rows == ["1", "not known"]
    assert ask("status")["set_aside_users"] == 1


def test_quarantine_is_listed_shown_and_replayed(
    ask: Ask, event: Event, connection: Connection, redis: Redis
) -> None:
    put_aside(connection, event)

    (entry,) = ask("quarantine", "list")["quarantine"]
    shown = ask("quarantine", "show", entry["receipt"])
    replayed = ask("quarantine", "replay", "--all")

    assert UUID(entry["receipt"]) == event.receipt
    assert shown["events"][0]["user_id"] == event.user_id
    assert replayed == {"replayed": [str(event.receipt)]}
    assert measure(redis).events == 1
    assert ask("quarantine", "replay", "--all") == {"replayed": []}
    assert ask("trace", str(event.receipt))["quarantine"]["replayed_at"]


def test_replay_wants_receipts_or_all(ask: Ask) -> None:
    assert "--all" in ask("quarantine", "replay", status=1)["error"]["message"]


def test_rejections_status_and_migrate_answer_on_an_empty_installation(ask: Ask) -> None:
    assert ask("rejections", "--count", "5") == {"counts": {}, "recent": [], "bad_tokens": {}}
    assert ask("status")["backlog_events"] == 0
    assert ask("migrate") == {"migrations": [], "partitions": [], "waiting": []}


def test_what_came_from_outside_cannot_move_the_cursor(
    ask: Ask, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ask("app", "create", "--name", "[bold]Shop\u202e")

    assert run_command(["app", "list"], variables) == 0

    assert "[bold]Shop\\u202e" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "url", "word"),
    [
        ("DATABASE_URL", "postgresql://waybill:hush@127.0.0.1:1/waybill", "PostgreSQL"),
        ("REDIS_URL", "redis://:hush@127.0.0.1:1/0", "Redis"),
    ],
)
def test_a_store_that_is_away_is_one_sentence_without_its_password(
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    variable: str,
    url: str,
    word: str,
) -> None:
    assert run_command(["rejections"], variables | {variable: url}) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert word in printed.err
    assert "hush" not in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
def test_a_url_that_is_none_is_a_fault_of_its_setting_that_does_not_repeat_it(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    assert run_command(["rejections"], variables | {variable: "no url at all: hush"}) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{variable} must start with" in printed.err
    assert "hush" not in printed.err


def test_s2s_security_is_set_up_from_the_command_line(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    here = ("--app", "Shop")
    ask("token", "create", *here, "--name", "one", "--scope", "events", "--scope", "sessions")
    refused = ask("s2s-security", "enable", *here, status=1)["error"]["message"]
    uncovered = ask("s2s-security", "enable", *here, "--yes", status=1)["error"]["message"]
    enabled = ask("s2s-security", "enable", *here, "--yes", "--scope", "events")

    assert "Google Tag Manager" in refused
    assert "ad_revenue" in uncovered
    assert enabled == ask("s2s-security", "status", *here)
    assert [scope["enforced"] for scope in enabled["scopes"]] == [True, False, False]
    assert enabled["scopes"][1]["tokens"] == ["one"]

    edited = ask("token", "edit", *here, "one", "--scope", "sessions")
    assert "Authentication is on for events" in edited["warnings"][0]
    second = ask("token", "rotate", *here, "one", "--name", "two")
    assert second["token"]["scopes"] == edited["token"]["scopes"] == ["sessions"]
    assert ask("token", "deactivate", *here, "one")["token"]["state"] == "inactive"
    assert ask("token", "activate", *here, "one")["token"]["state"] == "active"
    ask("token", "revoke", *here, "one")
    assert "turned off" in ask("token", "revoke", *here, "two")["warnings"][0]

    changes = ask("audit", *here, "--count", "3")["changes"]
    assert [change["action"] for change in changes] == [
        *("enforcement", "token.revoke", "token.revoke")
    ]
    assert changes[0]["after"] == {"scopes": []}


def test_the_audit_log_is_exported_and_verified(
    ask: Ask, connection: Connection, capsys: pytest.CaptureFixture[str], variables: dict[str, str]
) -> None:
    ask("app", "create", "--name", "Shop")
    ask("app", "set", "--app", "Shop", "--currency", "USD")
    chain = ask("audit", "verify")["chain"]
    assert chain["entries"] == 2
    assert ask("audit", "verify", "--head", chain["head"])["chain"] == chain
    assert run_command(["audit", "export", "--action", "app.create"], variables) == 0
    assert json.loads(capsys.readouterr().out)["subject"] == "Shop"
    assert run_command(["audit", "export", "--format", "csv"], variables) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3

    connection.execute("UPDATE audit_log SET actor = 'cli:eve' WHERE action = 'app.create'")
    assert run_command(["audit", "verify"], variables) == 1
    assert "entry 1 (app.create" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "enforced"), [("y\n", True), ("n\n", False), ("", False)])
def test_enforcement_is_switched_on_only_by_who_was_told_and_agreed(
    ask: Ask, variables: dict[str, str], answer: str, enforced: bool
) -> None:
    ask("app", "create", "--name", "Shop")
    ask("token", "create", "--app", "Shop", "--name", "backend")

    done = subprocess.run(
        [*WAYBILL, "s2s-security", "enable", "--app", "Shop"],
        input=answer,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert "only requests with a configured token will work" in done.stderr
    status = ask("s2s-security", "status", "--app", "Shop")
    assert all(scope["enforced"] is enforced for scope in status["scopes"])
    assert (done.returncode == 0) is enforced


def test_a_token_may_have_an_end(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    make = ("token", "create", "--app", "Shop", "--name")

    day = ask(*make, "day", "--expires", "2100-01-31")["token"]
    moment = ask(*make, "moment", "--expires", "2100-01-31T12:30:00Z")["token"]
    past = ask(*make, "past", "--expires", "2020-01-31", status=1)["error"]["message"]

    assert day["expires_at"] == "2100-01-31T00:00:00Z"
    assert moment["expires_at"] == "2100-01-31T12:30:00Z"
    assert "future" in past


def test_what_a_token_is_edited_to_has_to_be_said(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    ask("token", "create", "--app", "Shop", "--name", "backend", "--scope", "events")
    edit = ("token", "edit", "--app", "Shop", "backend")

    assert "--all-scopes" in ask(*edit, status=1)["error"]["message"]
    assert ask(*edit, "--all-scopes")["token"]["scopes"] == []


def test_the_refusals_of_adjust_are_a_switch_of_the_app(ask: Ask, redis: Redis) -> None:
    app = ask("app", "create", "--name", "Shop")["app"]

    def published() -> bool:
        data = redis.get(NAMES.snapshot)
        assert isinstance(data, bytes)
        return decode_snapshot(data).apps[app["app_token"]].adjust_refusals

    assert ask("app", "show", "--app", "Shop")["adjust_refusals"] is published() is False
    switched = ask("app", "set", "--app", "Shop", "--adjust-refusals", "--inactivity-days", "3")
    assert switched["adjust_refusals"] is published() is True
    assert switched["rules"]["version"] == 2
    assert ask("app", "set", "--app", "Shop", "--no-adjust-refusals")["rules"]["version"] == 2
    limited = ask("app", "set", "--app", "Shop", "--bytes-per-day-max", "1000000")["limits"]
    assert ask("app", "show", "--app", "Shop")["limits"] == limited
    assert limited["bytes_per_day_max"] == 1_000_000
    assert published() is False


def test_the_time_zone_of_an_app_is_set_and_decides_what_today_is(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")

    changed = ask("app", "set", "--app", "Shop", "--time-zone", "Pacific/Kiritimati")["app"]

    assert changed["time_zone"] == "Pacific/Kiritimati"
    report = ask("report", "--app", "Shop", "--period", "today")["report"]
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    assert report["question"]["period"] == {"first": str(today), "last": str(today)}
    assert report["question"]["time_zone"] == "Pacific/Kiritimati"
    assert report["rows"][0]["start"] == f"{today}T00:00:00+14:00"
    assert ask("activity", "--app", "Shop")["time_zone"] == "Pacific/Kiritimati"


def test_rejections_show_who_keeps_sending_bad_tokens(
    ask: Ask, redis: Redis, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with redis.pipeline() as pipeline:
        bad_token_commands(pipeline, NAMES, {"192.0.2.1": 3, "2001:db8::7": 12})
        pipeline.execute()

    assert ask("rejections")["bad_tokens"] == {"2001:db8::7": 12, "192.0.2.1": 3}
    assert run_command(["rejections"], variables) == 0
    assert "2001:db8::7" in capsys.readouterr().out


def test_each_program_gets_a_login_of_its_own_by_a_command(
    ask: Ask, connection: Connection, redis: Redis, tmp_path: Path
) -> None:
    assert ask("access", "check")["logins"] == []
    folder = str(tmp_path / "access")

    made = ask("access", "create", "--folder", folder)
    assert ask("access", "create", "--folder", folder) == made
    assert len(made["logins"]) == 7
    assert ask("access", "check")["discrepancies"] == []

    connection.execute(b"GRANT SELECT ON people TO waybill_workers")
    differs = ask("access", "check", status=1)
    assert differs["discrepancies"] == [
        {
            "store": "postgresql",
            "name": "waybill_workers",
            "right": "SELECT on table people",
            "is_missing": False,
        }
    ]
    remove_logins(connection, redis)


def test_the_rights_of_each_program_are_shown_by_a_command(ask: Ask) -> None:
    shown = ask("access", "show")

    # Workers delete what is too old to keep, behind the anchor of the chain; the console cannot.
    audit_log = {"workers": "read, add, delete", "console": "read, add", "metrics": ""}
    assert {"table": "audit_log", **audit_log} in shown["postgresql"]
    assert shown["redis"][0] == {
        "key": "waybill:inbox",
        "ingest": "write",
        "workers": "read, write",
        "console": "read, write",
        "metrics": "read",
    }
