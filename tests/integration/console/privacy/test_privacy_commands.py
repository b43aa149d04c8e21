"""`waybill privacy`: what goes is shown first, and nothing is done without a yes."""

import pytest

from console.apps.apps import App
from shared.database import Connection
from tests.integration.console.conftest import Ask
from tests.integration.counted import store
from tests.integration.fresh import fresh

USER = "erika-mustermann"
WHO = ("--app", "Shop", "--user", USER)


@pytest.fixture(autouse=True)
def erika(shop: App, connection: Connection) -> None:
    store(connection, fresh(app_id=shop.id, user_id=USER, device_ids={"gaid": "ab" * 16}))


def test_a_dry_run_shows_what_would_go_and_requests_nothing(ask: Ask) -> None:
    preview = ask("privacy", "erase", *WHO, "--dry-run")["preview"]

    assert preview["users"] == [f"production: {USER}"]
    assert (preview["counts"]["users"], preview["counts"]["events"]) == (1, 1)
    assert ask("privacy", "list", "--app", "Shop")["erasures"] == []


def test_an_erasure_needs_a_yes_and_is_listed_without_a_name(ask: Ask) -> None:
    refused = ask("privacy", "erase", *WHO, status=1)
    assert "Confirm with --yes" in refused["error"]["message"]

    asked = ask("privacy", "erase", *WHO, "--yes")["erasure"]

    (listed,) = ask("privacy", "list", "--app", "Shop")["erasures"]
    assert (listed["id"], listed["state"], listed["action"]) == (asked["id"], "received", "erase")
    assert USER not in str(listed)
    (entry,) = (e for e in ask("audit")["changes"] if e["action"] == "user.erase")
    assert entry["after"] == {"proof": listed["proof"]}


def test_a_person_is_exported_as_one_document(ask: Ask) -> None:
    exported = ask("privacy", "export", "--app", "Shop", "--device", "AB" * 16)

    assert [user["user_id"] for user in exported["users"]] == [USER]
    assert [event["user_id"] for event in exported["users"][0]["events"]] == [USER]
    assert "Nothing of this person" in str(
        ask("privacy", "export", "--app", "Shop", "--user", "nobody", status=1)
    )


def test_a_test_device_is_reset_and_nobody_is_named_by_nothing(ask: Ask) -> None:
    assert ask("privacy", "reset", *WHO)["erasure"]["action"] == "reset"
    assert "Name the person" in str(ask("privacy", "erase", "--app", "Shop", status=1))
    assert "Nobody with this ID" in str(ask("privacy", "allow", *WHO, status=1))
