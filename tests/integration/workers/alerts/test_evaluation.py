"""What people hear of: each condition once when it begins and once when it is over."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.alerts.kinds import AlertKind
from shared.clock import now_ms
from shared.database import Connection, connect, transaction
from shared.redis import Redis
from shared.rejections import CLICK_LOST, Rejection, encode_rejection
from tests.support.redis_names import NAMES
from workers.alerts.evaluation import MESSAGES_PER_HOUR_MAX, evaluate_alerts
from workers.alerts.rejection_hours import count_rejections

HOUR_MS = 3_600_000
Columns = dict[str, datetime]


class Watch:
    """An app, whoever wants to hear of it, and what they were told."""

    def __init__(self, connection: Connection, redis: Redis) -> None:
        self.connection, self.redis = connection, redis
        [(self.app_id,)] = connection.execute(
            "INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id"
        ).fetchall()

    def destination(
        self, *kinds: AlertKind, name: str = "Ada", silence_minutes: int = 60, app_id: int = 0
    ) -> int:
        [(number,)] = self.connection.execute(
            "INSERT INTO alert_destinations (app_id, name, channel, target, kinds,"
            " silence_minutes) VALUES (%s, %s, 'mail', 'ada@example.com', %s, %s) RETURNING id",
            (app_id or self.app_id, name, list(kinds or AlertKind), silence_minutes),
        ).fetchall()
        return int(number)

    def look(self) -> None:
        evaluate_alerts(self.connection, self.redis, now_ms)

    def pass_time(self, minutes: int) -> None:
        """Makes what is clear be so for longer."""
        self.connection.execute(
            "UPDATE alerts SET clear_since = clear_since - %s * interval '1 minute'", (minutes,)
        )

    def alerts(self) -> list[tuple[str, str, bool]]:
        rows = self.connection.execute(
            "SELECT kind, title, resolved_at IS NOT NULL FROM alerts ORDER BY id"
        )
        return [(kind, title, over) for kind, title, over in rows]

    def messages(self) -> list[tuple[str, str, str]]:
        rows = self.connection.execute(
            "SELECT name, phase, state FROM alert_messages"
            " JOIN alert_destinations ON alert_destinations.id = destination_id"
            " ORDER BY alert_id, alert_messages.created_at, destination_id"
        )
        return [(name, phase, state) for name, phase, state in rows]

    def token(self, days: float, name: str = "backend", columns: Columns | None = None) -> None:
        values = {
            "app_id": self.app_id, "name": name, "digest": name.encode(), "masked": "m",
            "test": False, "expires_at": datetime.now(UTC) + timedelta(days=days),
        }  # fmt: skip
        self._insert("tokens", {**values, **(columns or {})})

    def endpoint(self, name: str, **columns: object) -> int:
        values = {"app_id": self.app_id, "name": name, "activities": ["event"], "method": "GET",
                  "url": "https://partner.invalid/", **columns}  # fmt: skip
        return self._insert("callback_endpoints", values, "RETURNING id")

    def event(self, minutes_ago: float, app_id: int = 0, unmapped: bool = False) -> None:
        values = {
            "receipt": self._receipt(), "app_id": app_id or self.app_id, "token_id": 1,
            "environment": "production", "kind": "event", "endpoint": "/postback",
            "user_id": "ann", "event_id": "buy", "unmapped": unmapped,
            "event_time": datetime.now(UTC) - timedelta(minutes=minutes_ago),
            "received_at": datetime.now(UTC), "device_ids": "{}", "parameters": "{}",
        }  # fmt: skip
        self._insert("events", values)

    def reject(self, count: int, at_ms: int, app_id: int | None, code: str = "malformed") -> None:
        rejection = Rejection(
            at_ms=at_ms, endpoint="/postback", method="GET", status=400, code=code, field=None,
            app_id=app_id, parameters={},
        )  # fmt: skip
        for _ in range(count):
            self.redis.xadd(NAMES.rejections, {"r": encode_rejection(rejection)})

    def _receipt(self) -> str:
        [(receipt,)] = self.connection.execute("SELECT gen_random_uuid()::text").fetchall()
        return str(receipt)

    def _insert(self, table: str, values: dict[str, object], end: str = "") -> int:
        marks = ", ".join(["%s"] * len(values))
        cursor = self.connection.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks}) {end}".encode(),
            list(values.values()),
        )
        return int(cursor.fetchall()[0][0]) if end else 0


@pytest.fixture
def watch(connection: Connection, redis: Redis) -> Watch:
    return Watch(connection, redis)


def test_a_condition_is_told_once_and_once_more_when_it_is_over(watch: Watch) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    watch.token(days=3)
    for _ in range(3):
        watch.look()
    assert watch.messages() == [("Ada", "opened", "waiting")]

    watch.connection.execute("UPDATE tokens SET revoked_at = now()")
    watch.connection.execute("UPDATE alert_messages SET state = 'delivered'")
    watch.look()
    assert watch.alerts() == [("token_expiring", "Token backend is about to expire", False)]
    watch.pass_time(minutes=6)
    watch.look()
    watch.look()

    assert watch.alerts() == [("token_expiring", "Token backend is about to expire", True)]
    assert watch.messages() == [("Ada", "opened", "delivered"), ("Ada", "resolved", "waiting")]


def test_what_comes_and_goes_is_one_alert(watch: Watch) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    watch.token(days=3)
    watch.look()
    for _ in range(3):
        watch.connection.execute("UPDATE tokens SET deactivated_at = now()")
        watch.look()
        watch.pass_time(minutes=3)
        watch.connection.execute("UPDATE tokens SET deactivated_at = NULL")
        watch.look()

    assert watch.messages() == [("Ada", "opened", "waiting")]


def test_a_condition_that_returns_later_is_another_alert(watch: Watch) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    watch.token(days=3)
    watch.look()
    watch.connection.execute("UPDATE tokens SET deactivated_at = now()")
    watch.look()
    watch.pass_time(minutes=6)
    watch.look()
    watch.connection.execute("UPDATE tokens SET deactivated_at = NULL")
    watch.look()

    assert [over for _, _, over in watch.alerts()] == [True, False]
    assert [phase for _, phase, _ in watch.messages()] == ["opened", "resolved", "opened"]


def test_each_destination_hears_of_what_it_wants(watch: Watch) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING, name="tokens")
    watch.destination(AlertKind.QUARANTINE, name="quarantine")
    paused = watch.destination(name="paused")
    watch.connection.execute(
        "UPDATE alert_destinations SET paused_at = now() WHERE id = %s", (paused,)
    )
    watch.token(days=3)
    watch.look()

    assert watch.messages() == [("tokens", "opened", "waiting")]

    watch.destination(AlertKind.TOKEN_EXPIRING, name="new")
    watch.look()

    assert watch.messages() == [("tokens", "opened", "waiting"), ("new", "opened", "waiting")]


def test_nobody_is_told_that_something_ended_because_they_stopped_listening(watch: Watch) -> None:
    number = watch.destination(AlertKind.TOKEN_EXPIRING, AlertKind.QUARANTINE)
    watch.token(days=3)
    watch.look()
    watch.connection.execute(
        "UPDATE alert_destinations SET kinds = '{quarantine}' WHERE id = %s", (number,)
    )
    watch.look()
    watch.pass_time(minutes=6)
    watch.look()

    assert [phase for _, phase, _ in watch.messages()] == ["opened"]


def test_without_a_destination_nothing_is_looked_at(watch: Watch) -> None:
    watch.token(days=3)
    watch.look()

    assert watch.alerts() == []


def test_an_hour_has_an_end_to_its_messages(watch: Watch) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    for number in range(MESSAGES_PER_HOUR_MAX + 5):
        watch.token(days=3, name=f"token {number}")
    watch.look()

    states = [state for _, _, state in watch.messages()]
    assert (states.count("waiting"), states.count("withheld")) == (MESSAGES_PER_HOUR_MAX, 5)
    assert len(watch.alerts()) == MESSAGES_PER_HOUR_MAX + 5


@pytest.mark.parametrize(
    ("days", "columns", "expected"),
    [
        (6.9, {}, 1),
        (7.1, {}, 0),
        (-0.1, {}, 0),
        (3, {"revoked_at": datetime.now(UTC)}, 0),
        (3, {"deactivated_at": datetime.now(UTC)}, 0),
    ],
)
def test_a_token_counts_in_the_week_before_it_expires(
    watch: Watch, days: float, columns: Columns, expected: int
) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    watch.token(days, columns=columns)
    watch.look()

    assert len(watch.alerts()) == expected


def test_endpoints_that_fail_or_are_disabled_are_named(watch: Watch) -> None:
    watch.destination(AlertKind.CALLBACKS_FAILING, AlertKind.ENDPOINT_DISABLED)
    now = datetime.now(UTC)
    watch.endpoint("well", failures=9)
    watch.endpoint("failing", failures=10)
    watch.endpoint("gone", failures=30, disabled_at=now, disabled_reason="gone")
    watch.endpoint("deleted", failures=30, disabled_at=now, deleted_at=now)
    refusing = watch.endpoint("refusing")
    for number in range(10):
        watch.connection.execute(
            "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
            " event_time, state, attempted_at) VALUES (gen_random_uuid(), %s, %s, 'production',"
            " 'event', gen_random_uuid(), now(), 'failed', now() - %s * interval '1 minute')",
            (refusing, watch.app_id, number),
        )
    watch.look()

    assert sorted(title for _, title, _ in watch.alerts()) == [
        "Callback endpoint gone is disabled",
        "Callbacks to failing fail",
        "Callbacks to refusing fail",
    ]


def test_quarantine_is_told_until_everything_was_replayed(watch: Watch) -> None:
    watch.destination(AlertKind.QUARANTINE)
    watch.connection.execute(
        "INSERT INTO quarantine (receipt, app_id, reason, detail, events, event_count,"
        " wire_version) VALUES (gen_random_uuid(), %s, 'refused_by_database', '22003', '', 3, 1)",
        (watch.app_id,),
    )
    watch.look()
    [(detail,)] = watch.connection.execute("SELECT detail FROM alerts").fetchall()
    assert detail.startswith("3 events")

    watch.connection.execute("UPDATE quarantine SET replayed_at = now()")
    watch.look()
    watch.pass_time(minutes=6)
    watch.look()

    assert watch.alerts() == [("quarantine", "Events are in quarantine", True)]


def test_a_batch_that_nobody_can_read_is_told_to_every_app(watch: Watch) -> None:
    watch.destination(AlertKind.QUARANTINE)
    watch.connection.execute(
        "INSERT INTO quarantine (receipt, app_id, reason, detail, events, event_count,"
        " wire_version) VALUES (gen_random_uuid(), NULL, 'unreadable', 'version 9', '', 0, 9)"
    )
    watch.look()
    rows = watch.connection.execute("SELECT subject, title, detail FROM alerts").fetchall()
    assert [row[:2] for row in rows] == [("unreadable", "Batches in quarantine are unreadable")]
    assert rows[0][2].startswith("1 batches of events could not be read")

    watch.connection.execute("UPDATE quarantine SET replayed_at = now()")
    watch.look()
    watch.pass_time(minutes=6)
    watch.look()

    assert watch.alerts() == [("quarantine", "Batches in quarantine are unreadable", True)]


@pytest.mark.parametrize(
    ("usual_days", "last_minutes", "expected"),
    [(7, 61, 1), (7, 59, 0), (4, 61, 1), (3, 61, 0), (0, 61, 0)],
)
def test_a_silence_is_told_where_there_usually_are_events(
    watch: Watch, usual_days: int, last_minutes: int, expected: int
) -> None:
    watch.destination(AlertKind.SILENCE)
    for day in range(1, usual_days + 1):
        watch.event(minutes_ago=day * 1440 + 30)
    watch.event(last_minutes)
    watch.look()

    assert len(watch.alerts()) == expected


def test_a_young_app_is_judged_by_its_last_hours(watch: Watch) -> None:
    watch.destination(AlertKind.SILENCE, silence_minutes=10)
    for window in range(1, 13):
        watch.event(minutes_ago=window * 10 + 5)
    watch.look()

    assert watch.alerts() == [("silence", "No events for 10 minutes", False)]


def test_events_of_another_app_break_no_silence(watch: Watch) -> None:
    watch.destination(AlertKind.SILENCE)
    for day in range(1, 8):
        watch.event(minutes_ago=day * 1440 + 30)
    watch.event(1, app_id=watch.app_id + 1)
    watch.look()

    assert len(watch.alerts()) == 1


def test_a_sender_whose_events_are_late_is_not_silent(watch: Watch) -> None:
    watch.destination(AlertKind.SILENCE)
    for day in range(1, 8):
        watch.event(minutes_ago=day * 1440 + 30)
    watch.token(days=300, columns={"last_used_at": datetime.now(UTC)})
    watch.look()

    assert watch.alerts() == []


def test_each_destination_has_its_own_minutes_of_silence(watch: Watch) -> None:
    watch.destination(AlertKind.SILENCE, name="quick", silence_minutes=30)
    watch.destination(AlertKind.SILENCE, name="slow", silence_minutes=120)
    for day in range(1, 8):
        watch.event(minutes_ago=day * 1440 + 15)
    watch.event(minutes_ago=45)
    watch.look()

    assert watch.messages() == [("quick", "opened", "waiting")]


def test_refused_requests_are_told_when_they_are_far_more_than_usual(watch: Watch) -> None:
    watch.destination(AlertKind.REJECTIONS)
    now = now_ms()
    hours = [
        (datetime.fromtimestamp((now // HOUR_MS - each) * HOUR_MS / 1000, UTC), 10)
        for each in range(2, 60)
    ]
    for hour, rejected in hours:
        watch.connection.execute(
            "INSERT INTO rejection_hours VALUES (%s, %s, %s)", (watch.app_id, hour, rejected)
        )
    watch.reject(5, now, watch.app_id)
    watch.reject(100, now, watch.app_id + 1)
    watch.reject(100, now, watch.app_id, CLICK_LOST)
    watch.look()
    assert watch.alerts() == []

    watch.reject(30, now, watch.app_id)
    watch.look()

    assert watch.alerts() == [("rejections", "Rejected requests are up", False)]


def test_an_hour_keeps_what_the_capped_log_has_lost(watch: Watch) -> None:
    now = now_ms()
    watch.reject(30, now, watch.app_id)
    count_rejections(watch.connection, watch.redis, {watch.app_id}, now)
    watch.redis.delete(NAMES.rejections)
    count_rejections(watch.connection, watch.redis, {watch.app_id}, now)

    rows = watch.connection.execute("SELECT rejected FROM rejection_hours").fetchall()
    assert rows == [(30,)]


def test_unmapped_events_are_told_when_they_are_far_more_than_usual(watch: Watch) -> None:
    watch.destination(AlertKind.UNMAPPED)
    for _ in range(19):
        watch.event(1, unmapped=True)
    watch.look()
    assert watch.alerts() == []

    watch.event(1, unmapped=True)
    watch.look()

    assert watch.alerts() == [("unmapped", "Unmapped events are up", False)]


def test_two_workers_that_look_at_once_open_one_alert(watch: Watch, database_url: str) -> None:
    watch.destination(AlertKind.TOKEN_EXPIRING)
    watch.token(days=3)
    other = connect(database_url, "worker")
    with transaction(other):
        evaluate_alerts(other, watch.redis, now_ms)
        watch.look()
    other.close()

    assert watch.messages() == [("Ada", "opened", "waiting")]
