"""What the console and the metrics answer over HTTP: slashes inside IDs, and probes by HEAD.

Imports nothing of the product.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest

from tests.system.conftest import Running, make_token
from tests.system.product import Waybill
from tests.system.traffic import get, send


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("shown")
    with Waybill(folder / "data", workers=1, console=True, metrics=True) as waybill:
        yield Running(waybill, make_token(waybill))


def ask(port: int, path: str, method: str = "GET", key: str = "") -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def port_of_console(shown: Running) -> int:
    port = urlsplit(shown.waybill.console_url).port
    assert port is not None
    return port


def test_a_slash_inside_a_user_id_leads_to_that_user_and_to_no_other(shown: Running) -> None:
    key = shown.waybill.json("key", "create", "reader", "--role", "viewer")["secret"]
    users = ("a/b", "trail", "trail/", "/lead", "a//b", "a%2Fb")
    for user in users:
        target = f"/postback?s2s_token={shown.token}&event_id=purchase&user_id={quote(user, '')}"
        (answer,) = send(shown.port, [get(target)], connections=1).answers
        assert shown.waybill.recorded_event(answer.headers["waybill-receipt"])["user_id"] == user

    for user in users:
        path = f"/api/v1/apps/1/users/{quote(user, '')}"
        status, body = ask(port_of_console(shown), path, key=key)
        assert (status, json.loads(body)["user_id"]) == (200, user)
    status, _ = ask(port_of_console(shown), "/api/v1/apps/1/users/nobody%2F", key=key)
    assert status == 422  # nothing of this user is stored


@pytest.mark.parametrize("path", ["/sign-in", "/health/live"])
def test_a_probe_of_the_console_with_head_is_answered_without_a_body(
    shown: Running, path: str
) -> None:
    assert ask(port_of_console(shown), path, "HEAD") == (200, b"")


@pytest.mark.parametrize("path", ["/metrics", "/health/live"])
def test_a_probe_of_the_metrics_with_head_is_answered_without_a_body(
    shown: Running, path: str
) -> None:
    assert ask(shown.waybill.metrics_port, path, "HEAD") == (200, b"")
