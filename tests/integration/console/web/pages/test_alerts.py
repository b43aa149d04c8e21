"""Alerts in the console: destinations are made, changed and tested; viewers see what is wrong."""

import pytest

from console.alerts.destinations import list_destinations
from console.apps.apps import App
from console.resources import Resources
from shared.alerts.kinds import LABELS, AlertKind
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR
ONLY: dict[str, str | list[str]] = {f"kind_{kind}": [] for kind in AlertKind}  # ticked: none
TARGET = "https://hooks.invalid/services/T000/B000/abcDEF123456789012345678"


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/alerts"


@pytest.fixture
def made(admin: Browser, at: str) -> str:
    admin.get(f"{at}/new")
    admin.send(
        f"{at}/new", name="Slack", channel="slack", target=TARGET, silence_minutes="15",
        **{**ONLY, "kind_silence": "1", "kind_quarantine": "1"},
    )  # fmt: skip
    return admin.path


def test_a_destination_is_made_with_what_was_ticked_and_its_secret_is_masked(
    admin: Browser, made: str, at: str, connection: Connection, shop: App
) -> None:
    (found,) = list_destinations(connection, shop)

    assert (made, found.target, found.silence_minutes) == (f"{at}/{found.id}", TARGET, 15)
    assert found.kinds == [AlertKind.SILENCE, AlertKind.QUARANTINE]
    assert "whsec_" in admin.text
    assert "abcDEF" not in admin.text
    assert "abcDEF" not in admin.get(at).text


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"target": "https://10.0.0.1/"}, "no IP address"),
        ({"target": "https://user:pw@hooks.invalid/"}, "no user name"),
        ({"target": "https://hooks.invalid/{user_id}"}, "without macros"),
        ({"channel": "mail", "target": "Ada <ada@example.com>"}, "one address of mail"),
        ({"channel": "pager"}, "one of webhook, slack, mail"),
        ({"name": ""}, "Name"),
        ({"silence_minutes": "4"}, "from 5 to 1440"),
        ({"silence_minutes": "many"}, "whole number"),
        (ONLY, "at least one of"),
    ],
)
def test_what_could_not_be_sent_is_refused(
    admin: Browser, at: str, values: dict[str, str | list[str]], reason: str, connection: Connection
) -> None:
    admin.get(f"{at}/new")
    form = {"name": "Slack", "channel": "slack", "target": TARGET, "silence_minutes": "15"}
    result = admin.send(f"{at}/new", **{**form, **values})

    assert result.status_code in {400, 422}
    assert reason in admin.text
    assert list_destinations(connection) == []


def test_a_destination_is_changed_paused_resumed_and_deleted(
    admin: Browser, made: str, connection: Connection, shop: App
) -> None:
    admin.get(f"{made}/edit")
    admin.send(f"{made}/edit", name="Ada", channel="mail", target="ada@example.com")
    (changed,) = list_destinations(connection, shop)
    assert (changed.name, changed.channel, changed.target) == ("Ada", "mail", "ada@example.com")

    admin.get(made)
    assert "WAYBILL_SMTP_URL" in admin.text
    admin.send(f"{made}/pause")
    assert list_destinations(connection, shop)[0].state == "paused"
    admin.send(f"{made}/resume")
    assert list_destinations(connection, shop)[0].state == "active"
    admin.send(f"{made}/delete")
    assert list_destinations(connection, shop) == []
    actions = connection.execute(
        "SELECT action FROM audit_log WHERE action LIKE 'alert.%' ORDER BY id"
    ).fetchall()
    assert [action for (action,) in actions] == [
        "alert.create", "alert.edit", "alert.pause", "alert.resume", "alert.delete",
    ]  # fmt: skip


def test_two_destinations_of_an_app_have_different_names(
    admin: Browser, made: str, at: str, connection: Connection
) -> None:
    assert made
    admin.get(f"{at}/new")
    result = admin.send(f"{at}/new", name="Slack", channel="slack", target=TARGET)

    assert result.status_code == 422
    assert len(list_destinations(connection)) == 1


def test_each_alert_has_a_test_that_says_what_came_back(admin: Browser, made: str) -> None:
    admin.get(made)
    for kind in (AlertKind.SILENCE, AlertKind.QUARANTINE):
        admin.send(f"{made}/test", kind=str(kind))

        assert f"Test: Shop: {LABELS[kind]}" in admin.text
        assert "the host name does not resolve" in admin.text


def test_a_viewer_sees_what_is_wrong_and_who_was_told_and_may_change_nothing(
    viewer: Browser, made: str, at: str, resources: Resources, shop: App
) -> None:
    connection = resources.connection
    (destination,) = list_destinations(connection, shop)
    [(alert_id,)] = connection.execute(
        "INSERT INTO alerts (app_id, kind, subject, title, detail) VALUES"
        " (%s, 'quarantine', '', 'Events are in quarantine', 'Replay <them>.') RETURNING id",
        (shop.id,),
    ).fetchall()
    connection.execute(
        "INSERT INTO alert_messages (alert_id, destination_id, phase, state, outcome)"
        " VALUES (%s, %s, 'opened', 'failed', 'status 404')",
        (alert_id, destination.id),
    )

    page = viewer.get(at).text
    assert "Events are in quarantine" in page
    assert "Replay &lt;them&gt;." in page
    assert "status 404" in page
    assert "New destination" not in page
    page = viewer.get(made).text
    assert "whsec_" not in page
    assert "Send test" not in page
