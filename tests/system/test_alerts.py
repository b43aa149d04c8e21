"""What is wrong with an app reaches people through the real programs: by webhook and by mail."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.system.product import Waybill
from tests.system.servers import until
from tests.system.smtp_receiver import SmtpReceiver

LOOK_SECONDS_MAX = 60  # workers look every 30 s


class Hook:
    """A webhook on loopback, which keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.told.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/alert"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def mail() -> Iterator[SmtpReceiver]:
    receiver = SmtpReceiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def waybill(tmp_path: Path, hook: Hook, mail: SmtpReceiver) -> Iterator[Waybill]:
    variables = {
        "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
        "WAYBILL_CALLBACK_PORTS": str(hook.server.server_address[1]),
        "WAYBILL_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
        "WAYBILL_MAIL_FROM": "waybill@example.com",
    }
    with Waybill(tmp_path / "data", variables, patient=False) as waybill:
        yield waybill


def test_people_hear_once_of_a_token_that_is_about_to_expire(
    waybill: Waybill, hook: Hook, mail: SmtpReceiver
) -> None:
    waybill.json("app", "create", "--name", "Shop")
    for name, channel, target in (
        ("hook", "webhook", hook.url), ("Slack", "slack", hook.url), ("Ada", "mail", "ada@x.org"),
    ):  # fmt: skip
        waybill.json(
            *("alert", "create", "--app", "Shop", "--name", name, "--channel", channel),
            *("--target", target, "--kind", "token_expiring"),
        )
    test = waybill.json("alert", "test", "--app", "Shop", "hook", "--kind", "token_expiring")
    assert test["test"]["delivered"]
    assert waybill.json("alert", "test", "--app", "Shop", "Ada")["test"]["delivered"]
    assert [each["type"] for each in hook.told] == ["alert.test"]
    assert mail.subjects == ["[Waybill] Test: Shop: No events, though usual"]

    expires = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")
    waybill.json("token", "create", "--app", "Shop", "--name", "backend", "--expires", expires)
    until(lambda: len(hook.told) == 3, LOOK_SECONDS_MAX, "the webhook and Slack")
    until(lambda: len(mail.mails) == 2, LOOK_SECONDS_MAX, "the mail")
    waybill.json("token", "revoke", "--app", "Shop", "backend")

    told = [each["data"]["title"] for each in hook.told[1:] if "data" in each]
    assert told == ["Token backend is about to expire"]
    [text] = [each["text"] for each in hook.told if "text" in each]
    assert "*Shop: Token backend is about to expire*" in text
    assert mail.subjects[1:] == ["[Waybill] Shop: Token backend is about to expire"]

    (alert,) = waybill.json("alert", "log", "--app", "Shop")["alerts"]
    assert sorted(each["state"] for each in alert["messages"]) == ["delivered"] * 3
    assert {each["attempts"] for each in alert["messages"]} == {1}
