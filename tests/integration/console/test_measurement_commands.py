"""Tests the commands about users and metrics, as a program uses them."""

import json
from pathlib import Path

import pytest

from console.main import run_command
from shared.clock import now_ms
from shared.database import Connection
from tests.integration.console.conftest import Ask
from tests.integration.counted import count_all
from tests.integration.workers.conftest import Bench

DAY_MS = 86_400_000
Variables = dict[str, str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Writes a click, its open and an invalid line of yesterday, and another user's open of the day
    before."""
    at_ms = now_ms() - DAY_MS
    lines = [
        {"type": "click", "time": at_ms, "click_id": "c", "parameters": {"site": "blog"}},
        {"type": "open", "time": at_ms + 1, "user_id": "u", "click_id": "c"},
        {"type": "open", "time": "never", "user_id": "u"},
        {"type": "open", "time": at_ms - DAY_MS, "user_id": "v"},
    ]
    path = tmp_path / "shop.ndjson"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture
def _drained(ask: Ask, file: Path, bench: Bench) -> None:
    """Imports the file, stores it and rolls it up."""
    ask("app", "create", "--name", "Shop")
    ask("import", str(file), "--app", "Shop", status=1)
    bench.drain()
    count_all(bench.connection)


def test_an_import_counts_what_it_took_and_names_the_lines_that_it_did_not(
    ask: Ask, file: Path
) -> None:
    ask("app", "create", "--name", "Shop")

    done = ask("import", str(file), "--app", "Shop", "--batch", "1", status=1)

    assert (done["lines"], done["events"], done["clicks"], done["bad"]) == (4, 2, 1, 1)
    ((bad),) = done["bad_lines"]
    assert (bad["number"], bad["field"]) == (3, "time")
    assert ask("status")["backlog_events"] == 3


def test_an_import_tells_people_which_lines_it_did_not_take(
    ask: Ask, file: Path, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("app", "create", "--name", "Shop")
    file.write_text("{\n{\n{\n")

    command = ["import", str(file), "--app", "Shop", "--bad-lines", "2"]
    assert run_command(command, variables) == 1

    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("line 1: The line is not one JSON object")
    assert errors[1].startswith("line 2: ")
    assert errors[2].startswith("… and 1 more")


def test_a_file_without_bad_lines_ends_well(ask: Ask, file: Path) -> None:
    ask("app", "create", "--name", "Shop")
    file.write_text("")

    assert ask("import", str(file), "--app", "Shop")["lines"] == 0


@pytest.mark.usefixtures("_drained")
def test_a_user_is_shown_whole(
    ask: Ask, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    user = ask("user", "Shop", "u")
    assert run_command(["user", "Shop", "u"], variables) == 0
    printed = capsys.readouterr().out

    assert user["attributions"][0]["origin"] == "blog"
    assert (len(user["clicks"]), len(user["events"]), len(user["sessions"])) == (1, 1, 1)
    assert "attributed to blog, click c" in printed
    assert " UTC" in printed
    error = ask("user", "Shop", "nobody", status=1)["error"]
    assert "nobody" not in error["message"]


@pytest.mark.usefixtures("_drained")
def test_activity_and_retention_show_four_weeks_with_today(
    ask: Ask, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ask("activity", "--app", "Shop")["activity"]
    cohorts = ask("retention", "--app", "Shop")["retention"]
    assert run_command(["activity", "--app", "Shop"], variables) == 0
    assert run_command(["retention", "--app", "Shop"], variables) == 0
    printed = capsys.readouterr().out

    assert [(day["dau"], day["mau"], day["stickiness"]) for day in days[-3:]] == [
        (1, 1, 1.0),
        (1, 2, 0.5),
        (0, 2, 0.0),
    ]
    assert (len(days), len(cohorts)) == (28, 28)
    assert [day["so_far"] for day in days[-2:]] == [False, True]
    assert [(cohort["users"], cohort["retained"][:2]) for cohort in cohorts[-3:]] == [
        (1, [0, None]),
        (1, [None, None]),
        (0, [None, None]),
    ]
    assert "50%" in printed
    sandbox = ask("retention", "--app", "Shop", "--environment", "sandbox")["retention"]
    assert {cohort["users"] for cohort in sandbox} == {0}
    week = ("--period", "7d", "--compare", "previous")
    report = ask("report", "--app", "Shop", *week)["report"]
    assert len(report["rows"]) == 7
    assert report["comparison"]["earlier"]["events"] == 0


@pytest.mark.usefixtures("_drained")
def test_a_report_is_the_same_in_every_form(
    ask: Ask, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["report", "--app", "Shop", "--split", "partner", "--by", "total"]
    rows = ask(*command)["report"]["rows"]
    assert run_command([*command, "--csv"], variables) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert run_command(command, variables) == 0
    printed = capsys.readouterr().out

    assert {row["name"]: row["figures"]["installs"] for row in rows} == {
        "blog (source)": 1,
        "(organic)": 1,
    }
    assert heading.startswith("partner,events,new users,attributed installs,organic share")
    assert {line.partition(",")[0] for line in lines} == {"blog (source)", "(organic)", "total"}
    assert lines[-1].startswith("total,2,2,1,0.500")
    assert "50.0%" in printed
    assert "Last updated 20" in printed


@pytest.mark.usefixtures("_drained")
def test_raw_events_are_exported_in_order_of_time_with_whom_they_belong_to(
    variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["export", "--app", "Shop"], variables) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [event["user_id"] for event in events] == ["v", "u"]
    assert [event["attributed_to"] for event in events] == [None, "blog"]
    assert [event["attributed_by"] for event in events] == [None, "source"]  # organic: null
    assert events[0]["attributed_click_id"] is None
    assert run_command(["export", "--app", "Shop", "--environment", "sandbox"], variables) == 0
    assert capsys.readouterr().out == ""


def test_a_period_that_ends_before_it_begins_is_refused(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    dates = ("--from", "2026-02-01", "--to", "2026-01-01")

    assert "--from" in ask("activity", "--app", "Shop", *dates, status=1)["error"]["message"]


def test_rules_are_set_and_shown(
    ask: Ask, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("app", "create", "--name", "Shop")

    changed = ask("app", "set", "--app", "Shop", "--click-window-days", "14")["rules"]
    assert run_command(["app", "show", "--app", "Shop"], variables) == 0
    printed = capsys.readouterr().out

    assert (changed["version"], changed["click_deterministic_ms"]) == (2, 14 * DAY_MS)
    assert ask("app", "show", "--app", "Shop")["rules"] == changed
    assert "14 days" in printed
    assert "30 minutes" in printed
    refused = ask("app", "set", "--app", "Shop", "--click-window-days", "31", status=1)
    assert "between 1 and 30 days" in refused["error"]["message"]
    assert "--help" in ask("app", "set", "--app", "Shop", status=1)["error"]["message"]


def test_an_app_is_renamed_and_told_its_currency_and_destination_all_or_nothing(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    at = "https://shop.example/"

    settings = ("--name", "Store", "--currency", "usd", "--destination", at)
    changed = ask("app", "set", "--app", "Shop", *settings)["app"]
    assert (changed["name"], changed["currency"], changed["destination"]) == ("Store", "USD", at)

    for unusable, reason in (("UAH", "no current exchange rates"), ("XXX", "--currency")):
        refused = ask("app", "set", "--app", "Store", "--currency", unusable, status=1)
        assert reason in refused["error"]["message"]
    wrong = ("--currency", "EUR", "--inactivity-days", "999")
    refused = ask("app", "set", "--app", "Store", *wrong, status=1)
    assert "--inactivity-days" in refused["error"]["message"]
    assert ask("app", "show", "--app", "Store")["app"] == changed

    emptied = ask("app", "set", "--app", "Store", "--destination", "")["app"]
    assert (emptied["currency"], emptied["destination"]) == ("USD", None)


def test_a_report_is_scheduled_changed_tested_and_deleted(ask: Ask, connection: Connection) -> None:
    ask("app", "create", "--name", "Shop")
    ask("admin", "create", "Ada")
    connection.execute(
        "INSERT INTO saved_views (person_id, app_id, name, query)"
        " SELECT people.id, apps.id, 'Partners', 'split=partner' FROM people, apps"
    )
    mail = ("--channel", "mail", "--target", "ada@example.com")
    at = ("--app", "Shop")
    made = ask(
        *("schedule", "create", *at, "--name", "Weekly", *mail, "--every", "week", "--on", "1"),
        *("--query", "https://console.example/apps/1/reports?by=total&country%21=DE"),
    )
    viewed = ask(
        *("schedule", "create", *at, "--name", "Mine", "--channel", "webhook"),
        *("--target", "https://receiver.invalid/", "--view", "Partners", "--person", "Ada"),
    )

    assert made["schedule"]["query"] == "by=total&country%21=DE"
    assert made["secret"] is None
    assert (viewed["schedule"]["query"], viewed["secret"][:6]) == ("split=partner", "whsec_")
    changed = ask("schedule", "edit", *at, "Weekly", "--every", "day", "--hour", "6")["schedule"]
    assert (changed["every"], changed["on"], changed["hour"]) == ("day", None, 6)
    for step in ("pause", "resume"):
        assert ask("schedule", step, *at, "Weekly") == {"schedule": "Weekly", "done": step}
    listed = ask("schedule", "list", *at)["schedules"]
    assert [(each["name"], each["state"]) for each in listed] == [
        ("Weekly", "active"),
        ("Mine", "active"),
    ]
    assert ask("schedule", "log", *at, "Weekly") == {"deliveries": []}
    assert ask("schedule", "delete", *at, "Mine")["done"] == "delete"
    assert "did not" not in str(ask("schedule", "list", *at))
