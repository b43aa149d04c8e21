"""What people read of an alert, in each of its forms."""

import json
from email.policy import SMTP
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.kinds import AlertChannel, AlertKind
from shared.alerts.mail import alert_mail, is_mail_address, mail_server
from shared.alerts.messages import AlertMessage, AlertPhase, sample_message
from shared.alerts.requests import AlertTarget, alert_request, alert_secret
from shared.callbacks.requests import signature

KEY = b"k" * 32
MESSAGE = AlertMessage(
    id=UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"),
    phase=AlertPhase.OPENED,
    kind=AlertKind.CALLBACKS_FAILING,
    app_id=7,
    app_name="Shop <b> & Söhne",
    title="Callbacks to Acme fail",
    detail="10 attempts in a row have failed.",
    opened_at_ms=1_761_649_200_000,
    url="https://console.example/apps/7/alerts",
)


def test_a_webhook_gets_signed_json_in_the_form_of_standard_webhooks() -> None:
    target = AlertTarget(id=3, channel=AlertChannel.WEBHOOK, target="https://hook.example/a")

    request = alert_request(KEY, target, MESSAGE, 1_761_649_205_000)
    headers = dict(request.headers)

    assert (request.method, request.url) == ("POST", "https://hook.example/a")
    assert headers["webhook-id"] == str(MESSAGE.id)
    assert headers["webhook-signature"] == signature(
        alert_secret(KEY, 3), str(MESSAGE.id), 1_761_649_205, request.body
    )
    assert json.loads(request.body) == {
        "type": "alert.opened",
        "timestamp": "2025-10-28T11:00:00.000Z",
        "data": {
            "app_id": 7,
            "app": "Shop <b> & Söhne",
            "kind": "callbacks_failing",
            "title": "Callbacks to Acme fail",
            "detail": "10 attempts in a row have failed.",
            "url": "https://console.example/apps/7/alerts",
        },
    }


def test_slack_gets_its_text_and_no_markup_of_a_name() -> None:
    target = AlertTarget(id=3, channel=AlertChannel.SLACK, target="https://hooks.example/T/B/s")

    body = json.loads(alert_request(KEY, target, MESSAGE, 0).body)

    assert body == {
        "text": "*Shop &lt;b&gt; &amp; Söhne: Callbacks to Acme fail*\n"
        "10 attempts in a row have failed.\nhttps://console.example/apps/7/alerts"
    }


def test_two_destinations_sign_with_different_secrets() -> None:
    assert alert_secret(KEY, 1) != alert_secret(KEY, 2)


def test_a_mail_says_everything_in_its_subject() -> None:
    server = mail_server("smtp://mail.example", "")
    assert server is not None

    mail = alert_mail(server, "ada@example.com", MESSAGE)

    assert mail["Subject"] == "[Waybill] Shop <b> & Söhne: Callbacks to Acme fail"
    assert (mail["From"], mail["To"]) == ("waybill@mail.example", "ada@example.com")
    assert "Since 2025-10-28T11:00:00.000Z" in mail.get_content()
    assert mail.as_bytes(policy=SMTP).isascii()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=100))
def test_no_name_adds_a_header_to_a_mail(name: str) -> None:
    server = mail_server("smtp://mail.example", "")
    assert server is not None
    mail = alert_mail(server, "ada@example.com", msgspec.structs.replace(MESSAGE, app_name=name))

    head = mail.as_bytes(policy=SMTP).partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]

    assert sorted(names) == sorted(name.encode() for name in mail.keys())  # noqa: SIM118
    assert b"Bcc" not in names


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, False, "", "")),
        ("smtps://mail.example", ("mail.example", 465, True, "", "")),
        ("smtp://u%40x:p%3A%2F@[::1]:587", ("::1", 587, False, "u@x", "p:/")),
    ],
)
def test_the_url_of_a_mail_server_is_read(url: str, expected: tuple[object, ...]) -> None:
    server = mail_server(url, "from@example.com")

    assert server is not None
    assert (server.host, server.port, server.is_tls, server.user, server.password) == expected
    assert "p:/" not in repr(server)


def test_without_a_url_there_is_no_mail_server() -> None:
    assert mail_server("", "") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.com", True),
        ("ada+shop@localhost", True),
        ("ada@example.com,bob@example.com", False),
        ("Ada <ada@example.com>", False),
        ("ada@example.com\nBcc: eve@example.com", False),
        ("ada", False),
        ("@example.com", False),
        ("a" * 65 + "@example.com", False),
        ("ada@" + "a." * 125 + "com", False),
    ],
)
def test_a_recipient_is_one_plain_address(text: str, expected: bool) -> None:
    assert is_mail_address(text) is expected


@pytest.mark.parametrize("kind", AlertKind)
def test_a_test_says_of_each_alert_what_it_means(kind: AlertKind) -> None:
    message = sample_message(MESSAGE.id, kind, (7, "Shop"), "https://console.example", 0)

    assert message.subject.startswith("Test: Shop: ")
    assert "The alert means: " in message.text
    assert message.url == "https://console.example/apps/7/alerts"
