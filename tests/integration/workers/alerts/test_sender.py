"""Messages reach webhooks and mail servers, and are tried again where they do not."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread

import pytest

from shared.alerts.kinds import AlertKind
from shared.alerts.mail import mail_server
from shared.alerts.requests import alert_secret
from shared.alerts.sending import NO_MAIL_SERVER, AlertTools
from shared.callbacks.addresses import AddressGuard, Network
from shared.callbacks.http_client import HttpClient
from shared.callbacks.requests import signature
from shared.clock import now_ms
from shared.database import Connection
from tests.integration.conftest import SECRET_KEY
from tests.system.smtp_receiver import SmtpReceiver
from workers.alerts.message_claims import RETRY_SECONDS, has_due_messages
from workers.alerts.sender import AlertSender
from workers.patient_database import Database


class Webhook:
    """A receiver of webhooks on loopback; `statuses` are the answers, the last one for good."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.statuses = [200]
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                hook.headers.append({name.lower(): value for name, value in self.headers.items()})
                status = hook.statuses.pop(0) if len(hook.statuses) > 1 else hook.statuses[0]
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://receiver.example:{self.port}/alert"


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


class Post:
    """Makes alerts due and sends them."""

    def __init__(self, connection: Connection, database: Database, port: int) -> None:
        self.connection, self.database, self.port = connection, database, port
        self.smtp_url = ""
        self.networks: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
        [(self.app_id,)] = connection.execute(
            "INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id"
        ).fetchall()
        [(self.alert_id,)] = connection.execute(
            "INSERT INTO alerts (app_id, kind, subject, title, detail) VALUES"
            " (%s, 'quarantine', '', 'Events are in quarantine', 'Replay them.') RETURNING id",
            (self.app_id,),
        ).fetchall()

    def destination(self, channel: str, target: str) -> int:
        [(number,)] = self.connection.execute(
            "INSERT INTO alert_destinations (app_id, name, channel, target, kinds)"
            " VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (self.app_id, target, channel, target, list(AlertKind)),
        ).fetchall()
        self.due(number)
        return int(number)

    def due(self, destination_id: int, phase: str = "opened") -> None:
        self.connection.execute(
            "INSERT INTO alert_messages (alert_id, destination_id, phase, state)"
            " VALUES (%s, %s, %s, 'waiting')",
            (self.alert_id, destination_id, phase),
        )

    def send(self) -> int:
        async def work() -> int:
            client = HttpClient(AddressGuard(self.networks, frozenset({self.port})), _loopback)
            mail = mail_server(self.smtp_url, "waybill@example.com")
            tools = AlertTools(SECRET_KEY, client, mail)
            sender = AlertSender(
                self.database.connection, self.database.close, tools, "https://console", now_ms
            )
            try:
                return await sender.send_due()
            finally:
                client.close()

        return asyncio.run(work())

    def states(self) -> list[tuple[str, str, int]]:
        rows = self.connection.execute(
            "SELECT state, outcome, attempts FROM alert_messages ORDER BY destination_id, phase"
        )
        return [(state, outcome, attempts) for state, outcome, attempts in rows]

    def make_due(self) -> None:
        self.connection.execute("UPDATE alert_messages SET due_at = now()")


async def _loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def post(connection: Connection, database_url: str, hook: Webhook) -> Iterator[Post]:
    database = Database(database_url)
    yield Post(connection, database, hook.port)
    database.close()


def test_each_channel_gets_the_message_in_its_form(
    post: Post, hook: Webhook, smtp: SmtpReceiver
) -> None:
    post.smtp_url = f"smtp://127.0.0.1:{smtp.port}"
    webhook = post.destination("webhook", hook.url)
    post.send()
    post.destination("slack", hook.url + "/slack")
    post.destination("mail", "ada@example.com")
    post.send()

    assert [state for state, _, _ in post.states()] == ["delivered"] * 3
    document = json.loads(hook.bodies[0])
    assert (document["type"], document["data"]["title"]) == (
        "alert.opened", "Events are in quarantine",
    )  # fmt: skip
    assert json.loads(hook.bodies[1])["text"].startswith("*Shop: Events are in quarantine*")
    assert [recipients for recipients, _ in smtp.mails] == [["ada@example.com"]]
    assert smtp.subjects == ["[Waybill] Shop: Events are in quarantine"]
    headers = hook.headers[0]
    assert headers["webhook-signature"] == signature(
        alert_secret(SECRET_KEY, webhook), headers["webhook-id"],
        int(headers["webhook-timestamp"]), hook.bodies[0],
    )  # fmt: skip


def test_a_message_is_tried_again_under_its_id_and_given_up_in_the_end(
    post: Post, hook: Webhook
) -> None:
    hook.statuses = [500]
    post.destination("webhook", hook.url)
    for _ in range(len(RETRY_SECONDS) + 3):
        post.send()
        post.make_due()

    assert post.states() == [("failed", "status 500", len(RETRY_SECONDS) + 1)]
    assert len({each["webhook-id"] for each in hook.headers}) == 1


def test_what_was_delivered_is_not_sent_again(post: Post, hook: Webhook) -> None:
    post.destination("webhook", hook.url)
    post.send()
    post.make_due()

    assert (post.send(), len(hook.bodies)) == (0, 1)
    assert not has_due_messages(post.connection)


def test_what_is_over_is_told_after_what_it_was(post: Post, hook: Webhook) -> None:
    hook.statuses = [500, 200]
    number = post.destination("webhook", hook.url)
    post.due(number, "resolved")
    post.send()
    assert [json.loads(body)["type"] for body in hook.bodies] == ["alert.opened"]

    post.make_due()
    post.send()
    post.send()

    kinds = [json.loads(body)["type"] for body in hook.bodies]
    assert kinds == ["alert.opened", "alert.opened", "alert.resolved"]


def test_a_paused_destination_is_sent_nothing_that_waited(post: Post, hook: Webhook) -> None:
    post.destination("webhook", hook.url)
    post.connection.execute("UPDATE alert_destinations SET paused_at = now()")
    post.send()

    assert (hook.bodies, [state for state, _, _ in post.states()]) == ([], ["withheld"])


def test_no_alert_reaches_an_address_that_is_not_allowed(post: Post, hook: Webhook) -> None:
    post.networks = ()
    post.destination("webhook", hook.url)
    post.destination("slack", hook.url + "/slack")
    post.send()

    assert hook.bodies == []
    assert {state for state, _, _ in post.states()} == {"failed"}


@pytest.mark.parametrize(
    ("answers", "state", "outcome"),
    [
        ({"RCPT": "550 no such user"}, "failed", "the mail server refuses the recipient (550)"),
        ({"RCPT": "450 later"}, "waiting", "the mail server refuses the recipient (450)"),
        ({"DATA": "554 spam"}, "failed", "the mail server answered 554"),
        ({"MAIL": "451 busy"}, "waiting", "the mail server answered 451"),
    ],
)
def test_a_mail_server_decides_whether_a_mail_is_tried_again(
    post: Post, smtp: SmtpReceiver, answers: dict[str, str], state: str, outcome: str
) -> None:
    smtp.answers = answers
    post.smtp_url = f"smtp://127.0.0.1:{smtp.port}"
    post.destination("mail", "ada@example.com")
    post.send()

    assert post.states() == [(state, outcome, 1)]
    assert smtp.mails == []


def test_no_password_is_sent_without_tls(post: Post, smtp: SmtpReceiver) -> None:
    post.smtp_url = f"smtp://ada:hunter2@127.0.0.1:{smtp.port}"
    post.destination("mail", "ada@example.com")
    post.send()

    [(state, outcome, _)] = post.states()
    assert (state, "no password" in outcome) == ("waiting", True)
    assert "hunter2" not in outcome


def test_without_a_mail_server_a_mail_waits_and_says_what_is_missing(post: Post) -> None:
    post.destination("mail", "ada@example.com")
    post.send()

    assert post.states() == [("waiting", NO_MAIL_SERVER, 1)]
