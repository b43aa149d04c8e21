"""Tests that scheduled reports are sent once, at their time, and again if they did not arrive."""

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.audit import list_changes
from console.reports.schedules import report_sending
from console.reports.schedules.due_reports import (
    CLAIM_SECONDS,
    LOG_MAX,
    RETRY_SECONDS,
    claim_report,
    list_deliveries,
    note_due,
    send_due,
)
from console.reports.schedules.report_message import shown_schedule_secret
from console.reports.schedules.report_schedules import (
    create_schedule,
    delete_schedule,
    edit_schedule,
    pause_schedule,
    resume_schedule,
    schedule_with_id,
)
from console.reports.schedules.report_sending import send_report_test
from console.reports.schedules.schedule import ReportChannel, ReportSchedule, ScheduleForm
from console.reports.schedules.timing import Every
from console.resources import Resources
from shared.callbacks.attempts import AttemptResult
from shared.callbacks.requests import signature
from shared.database import Connection, connect, run
from shared.errors import OperatorError
from shared.events import Kind
from shared.redis import connect as connect_redis
from shared.settings import Settings, read_settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.integration.workers.alerts.test_sender import Webhook
from tests.integration.workers.rollups.staged_worlds import move
from tests.support.build import ADMIN, VIEWER
from tests.support.redis_names import NAMES
from tests.system.smtp_receiver import SmtpReceiver

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)  # a Monday
MAIL = ScheduleForm(
    name="Mornings",
    query="period=yesterday&split=event&by=total&column=events",
    channel=ReportChannel.MAIL,
    target="ada@example.com",
)


class Clock:
    """A clock that tests move on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return int(self.now.timestamp() * 1000)

    def pass_until(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)


class Sending:
    """A console with a mail server and a webhook, and a clock."""

    def __init__(
        self, resources: Resources, settings: Settings, app: App, hook: Webhook, smtp: SmtpReceiver
    ) -> None:
        self.resources, self.app, self.hook, self.smtp = resources, app, hook, smtp
        self.clock = Clock()
        self.settings = replace(
            settings,
            smtp_url=f"smtp://127.0.0.1:{smtp.port}",
            mail_from="waybill@example.com",
            callback_networks="127.0.0.0/8,::1/128",
            callback_ports=str(hook.port),
        )
        self.hook_form = replace(
            MAIL,
            name="Hook",
            channel=ReportChannel.WEBHOOK,
            target=f"http://localhost:{hook.port}/reports?key=secret",
        )

    def create(self, form: ScheduleForm) -> ReportSchedule:
        return create_schedule(self.resources, ADMIN, self.app, form, self.clock)

    def send(self) -> int:
        return send_due(self.resources, self.settings, self.clock)

    def states(self, schedule: ReportSchedule) -> list[tuple[str, str, int]]:
        found = list_deliveries(self.resources.connection, schedule, LOG_MAX)
        return [(each.state, each.outcome, each.attempts) for each in found]


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return read_settings({
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
        "WAYBILL_CONSOLE_URL": "https://console.example",
    })  # fmt: skip


@pytest.fixture
def hook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def smtp() -> Iterator[SmtpReceiver]:
    receiver = SmtpReceiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def sending(
    resources: Resources, settings: Settings, shop: App, hook: Webhook, smtp: SmtpReceiver
) -> Sending:
    """Stores an event a day, so that each day's report has a table of its own."""
    for days in range(3):
        at_ms = int((START - timedelta(days=days, hours=3)).timestamp() * 1000)
        events = [
            fresh(
                app_id=shop.id,
                user_id=f"user {number}",
                kind=Kind.OPEN,
                event_id="__open",
                event_time_ms=at_ms,
            )
            for number in range(days + 1)
        ]
        store(resources.connection, *events)
    count_all(resources.connection)
    return Sending(resources, settings, shop, hook, smtp)


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def attached(mail: Any) -> tuple[str, list[list[str]]]:
    (attachment,) = mail.iter_attachments()
    return attachment.get_filename(), table(attachment.get_content())


def test_a_report_is_mailed_at_its_hour_with_the_days_that_are_meant(sending: Sending) -> None:
    schedule = sending.create(MAIL)
    assert schedule.next_at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert sending.send() == 0

    sending.clock.pass_until("2026-12-01T08:00:05")
    assert (sending.send(), sending.send()) == (1, 0)

    [(recipients, mail)] = sending.smtp.mails
    assert recipients == ["ada@example.com"]
    assert mail["Subject"] == "[Waybill] Shop: Mornings, 2026-11-30"
    body = mail.get_body()
    assert body
    text = body.get_content()
    assert f"https://console.example/apps/{sending.app.id}/reports?{schedule.query}" in text
    name, rows = attached(mail)
    assert name == f"report-{sending.app.id}-2026-11-30-2026-11-30.csv"
    assert rows == [["event", "events"], ["open", "1"], ["total", "1"]]
    assert sending.states(schedule) == [("delivered", "delivered", 1)]
    moved = schedule_with_id(sending.resources.connection, sending.app, schedule.id)
    assert moved
    assert moved.next_at == datetime(2026, 12, 2, 8, tzinfo=UTC)


def test_a_report_follows_the_clock_of_its_app_also_when_that_changes(sending: Sending) -> None:
    connection, app_id = sending.resources.connection, sending.app.id
    following = sending.create(MAIL)
    own = sending.create(replace(MAIL, name="Own", zone="Europe/Berlin"))
    assert (following.zone, following.next_at) == ("UTC", START.replace(day=1, month=12, hour=8))
    move(connection, app_id, "Asia/Kolkata")
    count_all(connection)

    sending.clock.pass_until("2026-11-30T09:00:15")
    assert sending.send() == 0

    moved = schedule_with_id(connection, sending.app, following.id)
    kept = schedule_with_id(connection, sending.app, own.id)
    assert moved is not None
    assert kept is not None
    assert (moved.zone, kept.zone) == ("Asia/Kolkata", "Europe/Berlin")
    assert moved.next_at == datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
    assert kept.next_at == own.next_at

    sending.clock.pass_until("2026-12-01T02:30:00")
    assert sending.send() == 1
    [(_, mail)] = sending.smtp.mails
    body = mail.get_body()
    assert body
    assert "2026-11-30 (Asia/Kolkata)" in body.get_content()


def test_a_report_that_is_due_by_the_clock_before_is_sent_and_then_follows(
    sending: Sending,
) -> None:
    following = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:05")
    move(sending.resources.connection, sending.app.id, "Asia/Kolkata")

    assert sending.send() == 1
    sending.clock.pass_until("2026-12-01T08:01:00")
    assert sending.send() == 0
    moved = schedule_with_id(sending.resources.connection, sending.app, following.id)
    assert moved is not None
    assert (moved.zone, moved.next_at) == ("Asia/Kolkata", datetime(2026, 12, 2, 2, 30, tzinfo=UTC))


def test_a_webhook_gets_the_table_signed(sending: Sending) -> None:
    schedule = sending.create(sending.hook_form)
    sending.clock.pass_until("2026-12-01T08:00:00")

    sending.send()

    (body,), (headers,) = sending.hook.bodies, sending.hook.headers
    assert table(body.decode()) == [["event", "events"], ["open", "1"], ["total", "1"]]
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"].endswith('2026-11-30.csv"')
    secret = shown_schedule_secret(sending.resources, schedule)
    assert secret
    number, stamp = headers["webhook-id"], int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signature(secret, number, stamp, body)


def test_what_does_not_arrive_is_sent_again_under_the_same_id_and_of_the_same_days(
    sending: Sending,
) -> None:
    schedule = sending.create(sending.hook_form)
    sending.hook.statuses = [503, 500, 200]
    sending.clock.pass_until("2026-12-01T08:00:00")
    assert (sending.send(), sending.send()) == (1, 0)
    for seconds in RETRY_SECONDS[:2]:
        assert sending.states(schedule)[0][0] == "waiting"
        sending.clock.now += timedelta(seconds=seconds)
        assert sending.send() == 1

    assert len(sending.hook.bodies) == 3
    assert len({headers["webhook-id"] for headers in sending.hook.headers}) == 1
    assert sending.states(schedule) == [("delivered", "delivered", 3)]


def test_a_report_that_never_arrives_fails_and_the_next_is_sent_all_the_same(
    sending: Sending,
) -> None:
    schedule = sending.create(MAIL)
    sending.smtp.answers["RCPT"] = "450 later"
    sending.clock.pass_until("2026-12-01T08:00:00")
    sending.send()
    for seconds in RETRY_SECONDS:
        sending.clock.now += timedelta(seconds=seconds)
        sending.send()
    assert sending.states(schedule) == [
        ("failed", "the mail server refuses the recipient (450)", len(RETRY_SECONDS) + 1)
    ]

    sending.smtp.answers.clear()
    sending.clock.pass_until("2026-12-02T08:00:00")
    assert sending.send() == 1
    assert [state for state, *_ in sending.states(schedule)] == ["delivered", "failed"]


def test_two_consoles_send_a_report_once(sending: Sending, database_url: str) -> None:
    schedule = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")
    with connect(database_url, "tests") as other:
        assert note_due(sending.resources.connection, sending.clock.now) == 1
        assert note_due(other, sending.clock.now) == 0
        claims = [claim_report(each, sending.clock.now) for each in (other, other)]

    assert [claim is not None for claim in claims] == [True, False]
    assert sending.send() == 0
    assert sending.states(schedule) == [("waiting", "", 1)]


def _die(database_url: str, redis_url: str, settings: Settings, now: datetime) -> None:
    """Claims what is due and dies with it, as a console that is killed."""
    connection, redis = connect(database_url, "tests"), connect_redis(redis_url, NAMES)
    resources = Resources(connection, redis, SECRET_KEY)
    send_due(
        resources,
        settings,
        lambda: int(now.timestamp() * 1000),
        lambda *_: os._exit(9),
    )


def test_a_console_that_is_killed_while_it_sends_loses_nothing(
    sending: Sending, database_url: str, redis_url: str
) -> None:
    schedule = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")
    process = get_context("spawn").Process(
        target=_die, args=(database_url, redis_url, sending.settings, sending.clock.now)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 9

    assert sending.send() == 0  # the claim is in force
    sending.clock.now += timedelta(seconds=CLAIM_SECONDS)
    assert (sending.send(), sending.send()) == (1, 0)

    assert len(sending.smtp.mails) == 1
    assert sending.states(schedule) == [("delivered", "delivered", 2)]


def test_a_report_that_kills_every_console_is_given_up(sending: Sending) -> None:
    schedule = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")
    note_due(sending.resources.connection, sending.clock.now)
    for _ in range(len(RETRY_SECONDS) + 1):
        assert claim_report(sending.resources.connection, sending.clock.now)
        sending.clock.now += timedelta(seconds=CLAIM_SECONDS)

    sending.send()

    assert sending.states(schedule)[0][:2] == ("failed", "the console stopped at every attempt")
    assert sending.smtp.mails == []


def test_of_the_times_that_passed_unnoticed_the_last_is_made_up_for(sending: Sending) -> None:
    schedule = sending.create(MAIL)
    sending.clock.pass_until("2026-12-04T20:00:00")

    assert sending.send() == 1

    assert sending.smtp.subjects == ["[Waybill] Shop: Mornings, 2026-12-03"]
    (delivery,) = list_deliveries(sending.resources.connection, schedule, 10)
    assert delivery.due_at == datetime(2026, 12, 4, 8, tzinfo=UTC)


def test_a_paused_or_deleted_schedule_sends_nothing_and_makes_up_for_nothing(
    sending: Sending,
) -> None:
    resources, app = sending.resources, sending.app
    paused, deleted = sending.create(MAIL), sending.create(replace(MAIL, name="Gone"))
    pause_schedule(resources, ADMIN, app, paused)
    delete_schedule(resources, ADMIN, app, deleted)
    sending.clock.pass_until("2026-12-02T20:00:00")
    assert sending.send() == 0

    changed = resume_schedule(resources, ADMIN, app, paused, sending.clock)

    assert changed.next_at == datetime(2026, 12, 3, 8, tzinfo=UTC)
    assert (sending.send(), sending.smtp.mails) == (0, [])
    sending.clock.pass_until("2026-12-03T08:00:00")
    note_due(resources.connection, sending.clock.now)
    delete_schedule(resources, ADMIN, app, changed)
    assert sending.send() == 1
    assert [state for state, *_ in sending.states(changed)] == ["withheld"]
    assert sending.smtp.mails == []


def test_an_archived_app_sends_nothing(sending: Sending) -> None:
    sending.create(MAIL)
    sending.resources.connection.execute("UPDATE apps SET archived_at = now()")
    sending.clock.pass_until("2026-12-01T08:00:00")

    assert (sending.send(), sending.smtp.mails) == (0, [])


def test_a_webhook_leads_to_no_address_that_callbacks_may_not_lead_to(sending: Sending) -> None:
    schedule = sending.create(sending.hook_form)
    sending.settings = replace(sending.settings, callback_networks="")
    sending.clock.pass_until("2026-12-01T08:00:00")

    sending.send()

    [(state, outcome, attempts)] = sending.states(schedule)
    assert (state, attempts) == ("failed", 1)
    assert outcome.startswith("refused: ")
    assert sending.hook.bodies == []


def test_a_report_whose_names_are_gone_fails_with_the_reason(
    sending: Sending, connection: Connection
) -> None:
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token)"
        " VALUES (%s, 'Purchase', 'buy', 'abc123')",
        (sending.app.id,),
    )
    schedule = sending.create(replace(MAIL, query="event=Purchase"))
    connection.execute("DELETE FROM event_types")
    sending.clock.pass_until("2026-12-01T08:00:00")

    sending.send()

    assert sending.states(schedule) == [("failed", "The app has no event type with this name.", 1)]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("campaign=%00", "Query must be printable text without control characters."),
        ("compare=year&from=0001-01-01&to=0001-01-02", "from must be from 1970"),
    ],
)
def test_a_report_that_cannot_be_answered_keeps_no_other_from_being_sent(
    sending: Sending, connection: Connection, query: str, reason: str
) -> None:
    broken = sending.create(replace(MAIL, name="Broken"))
    # By a version that did not refuse it.
    connection.execute("UPDATE report_schedules SET query = %s", (query,))
    whole = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")

    assert sending.send() == 2
    [(state, outcome, attempts)] = sending.states(broken)
    assert (state, attempts) == ("failed", 1)
    assert reason.lower() in outcome.lower()
    assert sending.states(whole) == [("delivered", "delivered", 1)]


def test_whatever_fails_is_settled_with_its_report_alone(sending: Sending) -> None:
    schedules = [sending.create(replace(MAIL, name=name)) for name in ("a", "b", "c")]
    errors = {"a": ZeroDivisionError("a secret"), "b": RecursionError(), "c": KeyError("x")}
    sending.clock.pass_until("2026-12-01T08:00:00")

    def send(_: Resources, __: Settings, places: tuple[App, ReportSchedule], *___: Any) -> Any:
        raise errors[places[1].name]

    assert send_due(sending.resources, sending.settings, sending.clock, send) == 3
    for schedule in schedules:
        [(state, outcome, attempts)] = sending.states(schedule)
        assert (state, attempts) == ("waiting", 1)
        assert outcome == "an internal error; see the log of the console"


def test_a_report_that_takes_postgresql_too_long_is_tried_again(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        report_sending, "_BOUND", "SELECT set_config('statement_timeout', '1ms', true)"
    )
    monkeypatch.setattr(
        report_sending, "write_report", lambda connection, *_: run(connection, "SELECT pg_sleep(9)")
    )
    schedule = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")
    sending.send()
    monkeypatch.undo()
    [(state, outcome, _)] = sending.states(schedule)
    assert (state, "took too long" in outcome) == ("waiting", True)
    sending.clock.now += timedelta(seconds=RETRY_SECONDS[0])
    sending.send()

    assert sending.states(schedule)[0][0] == "delivered"


def test_a_schedule_whose_zone_is_gone_fails_and_the_others_are_sent(
    sending: Sending, connection: Connection
) -> None:
    gone = sending.create(replace(MAIL, name="Gone", zone="UTC"))
    connection.execute("UPDATE report_schedules SET zone = 'Mars/Olympus'")
    whole = sending.create(MAIL)
    sending.clock.pass_until("2026-12-01T08:00:00")

    sending.send()
    sending.send()

    [(state, outcome, _)] = sending.states(gone)
    assert (state, "must be a time zone" in outcome) == ("failed", True)
    assert sending.states(whole)[0][0] == "delivered"


def test_the_slow_reports_of_one_app_let_those_of_others_pass(
    sending: Sending, resources: Resources
) -> None:
    slow = [sending.create(replace(MAIL, name=f"slow {number}")) for number in range(12)]
    other = create_app(resources, ADMIN, "Other")
    quick = [
        create_schedule(resources, ADMIN, other, replace(MAIL, name=f"q {number}"), sending.clock)
        for number in range(2)
    ]
    sending.clock.pass_until("2026-12-01T08:00:00")
    order: list[str] = []

    def send(_: Resources, __: Settings, places: tuple[App, ReportSchedule], *___: Any) -> Any:
        order.append(places[0].name)
        sending.clock.now += timedelta(seconds=25 if places[0] == sending.app else 1)
        return AttemptResult("taken", is_delivered=True)

    tried = send_due(sending.resources, sending.settings, sending.clock, send)
    # The first of a pass may be anybody's; then whoever has used least is next.
    assert order.index("Other") <= 1
    assert order[:4].count("Other") == 2
    assert order.count("Shop") == 3  # 75 seconds; the rest waits for the next pass
    assert tried == 5
    while send_due(sending.resources, sending.settings, sending.clock, send):
        pass
    assert order.count("Shop") == len(slow)
    assert order.count("Other") == len(quick)


def test_the_log_of_a_schedule_is_bounded(sending: Sending) -> None:
    schedule = sending.create(MAIL)
    for days in range(LOG_MAX + 3):
        sending.clock.now = datetime(2026, 12, 1, 8, tzinfo=UTC) + timedelta(days=days)
        send_due(sending.resources, replace(sending.settings, smtp_url=""), sending.clock)

    [(kept, waiting)] = sending.resources.connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE state = 'waiting') FROM report_deliveries"
    ).fetchall()
    assert kept - waiting <= LOG_MAX
    assert len(sending.states(schedule)) == LOG_MAX


def test_a_test_sends_at_once_and_changes_nothing(sending: Sending) -> None:
    schedule = sending.create(sending.hook_form)
    settings = sending.settings
    places = (sending.app, schedule)

    result = send_report_test(sending.resources, ADMIN, settings, places, sending.clock)

    assert (result.delivered, result.status) == (True, 200)
    assert result.subject == "Shop: Hook, 2026-11-29"
    assert result.size_bytes == len(sending.hook.bodies[0])
    assert sending.states(schedule) == []
    without = replace(settings, smtp_url="")
    mail = (sending.app, sending.create(MAIL))
    refused = send_report_test(sending.resources, ADMIN, without, mail, sending.clock)
    assert (refused.delivered, refused.outcome) == (
        False,
        "no mail server is set: WAYBILL_SMTP_URL",
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target": "nobody"}, "one address of mail"),
        ({"channel": ReportChannel.WEBHOOK}, "Target must"),
        ({"channel": ReportChannel.WEBHOOK, "target": "https://x.example/{click_id}"}, "macros"),
        ({"name": "Other"}, "of this name"),
        ({"name": " "}, "1 to 100 characters"),
        ({"query": "split=colour"}, "is not one of"),
        ({"query": "partner=Nobody"}, "no partner with this name"),
        ({"query": "column=colour"}, "must be one of"),
        ({"query": "campaign=%00"}, "control characters"),
        ({"query": "sub_id=a%00b"}, "control characters"),
        ({"query": "partner=%1b (source)"}, "control characters"),
        ({"query": "%00=1"}, "control characters"),
        ({"query": "compare=year&from=0001-01-01&to=0001-01-02"}, "from 1970-01-01 to 2199"),
        ({"query": "a=" + "b" * 4_000}, "at most 4000"),
        ({"every": Every.WEEK}, "day of the week"),
        ({"hour": 24}, "from 0 to 23"),
        ({"zone": "Nowhere"}, "must be a time zone"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    sending: Sending, change: dict[str, Any], sentence: str
) -> None:
    sending.create(replace(MAIL, name="Other"))
    known = sending.create(MAIL)

    form = replace(MAIL, **change)

    with pytest.raises(OperatorError, match=sentence):
        sending.create(replace(form, name="New") if form.name == MAIL.name else form)
    with pytest.raises(OperatorError, match=sentence):
        edit_schedule(sending.resources, ADMIN, sending.app, known, form, sending.clock)


def test_a_change_is_in_the_audit_log_without_the_address(sending: Sending) -> None:
    known = sending.create(sending.hook_form)
    form = replace(sending.hook_form, every=Every.WEEK, on=2)
    edit_schedule(sending.resources, ADMIN, sending.app, known, form, sending.clock)

    edited, created = list_changes(sending.resources.connection, sending.app.id, 2)

    assert (created.action, edited.action) == ("schedule.create", "schedule.edit")
    assert edited.after
    assert edited.after["when"] == "every Tuesday at 08:00 (UTC)"
    assert "secret" not in str((created, edited))


def test_a_viewer_changes_and_sends_nothing(sending: Sending) -> None:
    known = sending.create(MAIL)
    app, here = sending.app, sending.resources
    for act in (
        lambda: create_schedule(here, VIEWER, app, replace(MAIL, name="n"), sending.clock),
        lambda: edit_schedule(here, VIEWER, app, known, MAIL, sending.clock),
        lambda: pause_schedule(here, VIEWER, app, known),
        lambda: resume_schedule(here, VIEWER, app, known, sending.clock),
        lambda: delete_schedule(here, VIEWER, app, known),
        lambda: send_report_test(here, VIEWER, sending.settings, (app, known), sending.clock),
    ):
        with pytest.raises(OperatorError, match="admin"):
            act()
    assert sending.smtp.mails == []
