"""A network that moved by changing the host name: its postbacks are recorded and credited.

Imports nothing of the product.
"""

import json
from collections.abc import Iterator

import pytest

from tests.system.conftest import Running
from tests.system.traffic import Answer, get, send

LINK = "/click?offer_id=1&pub_id=1"


def ask(running: Running, target: str) -> Answer:
    (answer,) = send(running.port, [get(target)], connections=1).answers
    return answer


@pytest.fixture
def opened(running: Running) -> Iterator[Running]:
    """Opens the app to networks for a test, and closes it again."""
    switches = ("click-id-postbacks", "security-token-postbacks")
    running.waybill.json("app", "set", "--app", "Shop", *(f"--{name}" for name in switches))
    yield running
    running.waybill.json("app", "set", "--app", "Shop", *(f"--no-{name}" for name in switches))


def test_a_postback_by_click_id_is_credited_to_the_link_of_its_click(opened: Running) -> None:
    clicked = ask(opened, LINK)
    click_id = clicked.headers["location"].partition("clkid=")[2]

    install = ask(opened, f"/postback?click_id={click_id}")
    purchase = ask(opened, f"/postback?click_id={click_id}&event_id=purchase&sale_amount=42.5")

    assert (install.status, purchase.status) == (200, 200)
    event = opened.waybill.recorded_event(purchase.headers["waybill-receipt"])
    assert (event["user_id"], event["sale_amount"]) == (click_id, "42.5")
    user = opened.waybill.json("user", "Shop", click_id)
    (attribution,) = user["attributions"]
    assert (attribution["rule"], attribution["click_id"]) == ("click_id", click_id)


def test_a_security_token_is_a_token_and_is_stored_nowhere(opened: Running) -> None:
    answer = ask(opened, f"/postback?user_id=n&event_id=purchase&security_token={opened.token}")
    wrong = ask(opened, "/postback?user_id=n&event_id=purchase&security_token=wrong")

    event = opened.waybill.recorded_event(answer.headers["waybill-receipt"])
    assert (event["user_id"], event["parameters"]) == ("n", {})
    assert (wrong.status, json.loads(wrong.body)["error"]["code"]) == (401, "unauthorized")


def test_without_the_switches_a_click_id_is_no_token(running: Running) -> None:
    click_id = ask(running, LINK).headers["location"].partition("clkid=")[2]

    for query in (f"click_id={click_id}", f"click_id={click_id}&security_token={running.token}"):
        assert ask(running, f"/postback?{query}").status == 401
