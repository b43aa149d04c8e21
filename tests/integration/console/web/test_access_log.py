"""Tests that what happens at the door is in the log, the metrics and the audit log."""

import logging
from collections.abc import Callable

import pytest

from console.accounts.access_log import STRANGERS_ENTRIES_MAX, AccessLog, AccessNote
from console.accounts.api_keys import create_key
from console.actor import Role
from console.audit import list_changes
from console.web.app import create_app
from console.web.page_request import Services
from console.web.rq_dashboard import RqDashboard
from shared import metrics
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.published_counts import read_counts
from shared.redis import Redis
from shared.settings import Settings
from shared.vocabulary import AccessEvent
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
ADA = "console:Ada"


def entries(connection: Connection) -> list[tuple[str, str]]:
    """Returns actor and action of each entry about access, oldest first."""
    listed = reversed(list_changes(connection, None, 1_000))
    return [(entry.actor, entry.action) for entry in listed if entry.action.startswith("access.")]


def counted(redis: Redis) -> dict[str, float]:
    name = metrics.CONSOLE_ACCESS.name
    return {each.labels[0]: each.values[0] for each in read_counts(redis) if each.name == name}


def sign_in(browser: Browser, _: Connection) -> None:
    browser.sign_in("Ada", PASSWORD)


def fail(browser: Browser, _: Connection) -> None:
    browser.sign_in("ada", "a guess")


def type_a_password_as_name(browser: Browser, _: Connection) -> None:
    browser.sign_in("my secret password", "a guess")


def hammer(browser: Browser, _: Connection) -> None:
    for _attempt in range(11):
        browser.sign_in("Ada", "a guess")


def forge(browser: Browser, _: Connection) -> None:
    browser.post("/sign-in", {"name": "Ada"}, {"Origin": "http://evil.example"})


def use_key(browser: Browser, connection: Connection) -> None:
    secret = create_key(connection, SECRET_KEY, ADMIN, "export", Role.VIEWER).secret
    for method in ("GET", "GET", "POST"):
        browser.ask(method, "/api/v1/apps", headers={"Authorization": f"Bearer {secret}"})


def guess_key(browser: Browser, _: Connection) -> None:
    browser.ask("GET", "/api/v1/apps", headers={"Authorization": "Bearer wbk_guess"})


CASES: dict[str, tuple[Callable[[Browser, Connection], None], list[tuple[str, str, int]]]] = {
    "a sign-in": (sign_in, [(ADA, "sign_in", 1)]),
    "a wrong password": (fail, [(ADA, "wrong_password", 1)]),
    "an unknown name": (type_a_password_as_name, [("stranger", "wrong_password", 1)]),
    "a lock-out": (hammer, [(ADA, "wrong_password", 8), (ADA, "lock_out", 3)]),
    "a forged form": (forge, [("stranger", "form_refused", 1)]),
    "a key": (use_key, [("key:export", "key_use", 2), ("key:export", "key_refused", 1)]),
    "a guessed key": (guess_key, [("stranger", "key_refused", 1)]),
}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("case", CASES)
def test_what_happens_at_the_door_is_in_log_metrics_and_audit(
    settings: Settings,
    connection: Connection,
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    happen, expected = CASES[case]
    pool = open_pool(settings.database_url, "tests", 4)
    services = Services(settings, pool, redis, RqDashboard(redis), now_ms)

    with caplog.at_level(logging.INFO, "console.accounts.access_log"):
        happen(Browser(create_app(services)), connection)
    services.access.publish()
    pool.close()

    assert entries(connection) == [(who, f"access.{event}") for who, event, _ in expected]
    assert {event: n for event, n in counted(redis).items() if n} == {
        event: times for _, event, times in expected
    }
    logged = [r.getMessage() for r in caplog.records if r.name == "console.accounts.access_log"]
    assert sorted(logged) == sorted(
        f"console access: {event}" for _, event, times in expected for _ in range(times)
    )
    audit = str(list_changes(connection, None, 1_000)) + caplog.text
    assert "guess" not in audit
    assert "my secret password" not in audit


def test_strangers_cannot_fill_the_audit_log_and_hide_no_sign_in(
    connection: Connection, redis: Redis
) -> None:
    access = AccessLog(redis)
    for number in range(STRANGERS_ENTRIES_MAX + 50):
        address = f"203.0.113.{number}"
        access.note(connection, AccessNote(AccessEvent.WRONG_PASSWORD, "stranger", address))
    access.note(connection, AccessNote(AccessEvent.SIGN_IN, ADA, "198.51.100.1", 1))
    access.publish()

    assert len(entries(connection)) == STRANGERS_ENTRIES_MAX + 1
    assert entries(connection)[-1] == (ADA, "access.sign_in")
    assert counted(redis)["wrong_password"] == STRANGERS_ENTRIES_MAX + 50
