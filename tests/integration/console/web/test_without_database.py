"""Tests the console while PostgreSQL is unavailable: Redis is shown, all other pages say so."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from console.accounts.login_sessions import close_sessions, open_session
from console.accounts.people import create_person, find_person, set_password
from console.actor import Role
from console.web.app import create_app
from console.web.page_request import Services
from console.web.rq_dashboard import RqDashboard
from shared import database
from shared.clock import now_ms
from shared.database import DatabaseError, connect, open_pool
from shared.events import encode_event, join_events
from shared.inbox import append
from shared.migrate import migrate
from shared.redis import Redis
from shared.settings import Settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App
from tests.support.build import ADMIN, event
from tests.system.servers import START_SECONDS_MAX, Postgres, until

pytestmark = ON_ONE_PAIR


def start(postgres: Postgres) -> None:
    def answers() -> bool:
        with suppress(DatabaseError):
            connect(postgres.url, "tests").close()
            return True
        return False

    postgres.start()
    until(answers, START_SECONDS_MAX, "PostgreSQL answering")


def stop(postgres: Postgres) -> None:
    """Stops the server without waiting for its connections."""
    postgres.stop(signal.SIGINT)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Starts a server that tests may stop, with an admin in it."""
    with TemporaryDirectory(prefix="waybill-postgres-") as folder:
        postgres = Postgres(Path(folder))
        postgres.make()
        start(postgres)
        with connect(postgres.url, "tests") as connection:
            migrate(connection, finish=True)
            person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
            set_password(connection, ADMIN, person, PASSWORD)
        yield postgres
        stop(postgres)


@pytest.fixture
def fragile(
    settings: Settings, postgres: Postgres, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    """Creates the console on that PostgreSQL, started if a test stopped it."""
    if postgres.process is None:
        start(postgres)
    monkeypatch.setattr(database, "_POOL_WAIT_SECONDS_MAX", 0.5)
    pool = open_pool(postgres.url, "tests", 2)
    yield create_app(Services(settings, pool, redis, RqDashboard(redis), now_ms))
    pool.close()


@pytest.fixture
def ada(fragile: App, postgres: Postgres) -> Browser:
    """Signs in Ada, and lets the console see her session."""
    with connect(postgres.url, "tests") as connection:
        session = open_session(connection, SECRET_KEY, find_person(connection, "Ada"))
    browser = Browser(fragile, session)
    browser.get("/operations")
    assert "PostgreSQL available" in browser.text
    return browser


def test_operations_shows_what_redis_knows(postgres: Postgres, redis: Redis, ada: Browser) -> None:
    append(redis, join_events([encode_event(event())]), 1)
    stop(postgres)

    result = ada.get("/operations")

    assert result.status_code == 200
    assert "Waiting in the inbox 1" in ada.text
    assert "No worker has reported" in ada.text
    assert "Redis available" in ada.text
    assert "PostgreSQL unavailable" in ada.text
    assert "No data is lost" in ada.text


def test_a_probe_keeps_sending_people_to_the_console(postgres: Postgres, ada: Browser) -> None:
    stop(postgres)

    assert ada.get("/health/live").status_code == 200


def test_a_member_sees_nothing_of_operations_then_either(postgres: Postgres, fragile: App) -> None:
    with connect(postgres.url, "tests") as connection:
        person = create_person(connection, ADMIN, "Mia", Role.MEMBER)
        browser = Browser(fragile, open_session(connection, SECRET_KEY, person))
    assert browser.get("/operations").status_code == 404
    stop(postgres)

    assert browser.get("/operations").status_code == 503
    assert "Redis available" not in browser.text


def test_while_redis_is_away_too_both_are_said_to_be(
    settings: Settings, postgres: Postgres, broken_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgres.process is None:
        start(postgres)
    monkeypatch.setattr(database, "_POOL_WAIT_SECONDS_MAX", 0.5)
    with open_pool(postgres.url, "tests", 1) as pool:
        services = Services(settings, pool, broken_redis, RqDashboard(broken_redis), now_ms)
        with connect(postgres.url, "tests") as connection:
            session = open_session(connection, SECRET_KEY, find_person(connection, "Ada"))
        lonely = Browser(create_app(services), session)
        lonely.get("/operations")
        stop(postgres)

        result = lonely.get("/operations")

    assert result.status_code == 200
    assert "Redis unavailable" in lonely.text
    assert "PostgreSQL unavailable" in lonely.text


@pytest.mark.parametrize("path", ["/", "/apps", "/apps/1/reports", "/people", "/nowhere"])
def test_every_other_page_says_that_nothing_is_lost(
    postgres: Postgres, ada: Browser, path: str
) -> None:
    stop(postgres)

    result = ada.get(path)

    assert (result.status_code, result.headers["retry-after"]) == (503, "5")
    assert "PostgreSQL is unavailable" in ada.text
    assert "No data is lost" in ada.text
    assert "See the events waiting in the inbox" in ada.text


def test_once_it_is_back_everything_is(postgres: Postgres, ada: Browser) -> None:
    stop(postgres)
    ada.get("/apps")
    start(postgres)

    assert ada.get("/apps").status_code == 200


@pytest.mark.parametrize("path", ["/operations", "/apps", "/sign-in"])
def test_who_was_not_signed_in_sees_no_figures(
    postgres: Postgres, redis: Redis, fragile: App, path: str
) -> None:
    append(redis, join_events([encode_event(event())]), 1)
    stop(postgres)
    for stranger in (Browser(fragile), Browser(fragile, "A" * 43)):
        result = stranger.get(path)

        assert result.status_code == 503
        assert "No data is lost" in stranger.text
        assert "Waiting" not in stranger.text


def test_who_signed_out_is_a_stranger(postgres: Postgres, fragile: App, ada: Browser) -> None:
    held = ada.cookies["waybill"]
    ada.send("/sign-out")
    stop(postgres)

    assert Browser(fragile, held).get("/operations").status_code == 503


def test_who_was_found_to_be_signed_out_is_a_stranger(
    postgres: Postgres, fragile: App, ada: Browser
) -> None:
    with connect(postgres.url, "tests") as connection:
        close_sessions(connection, find_person(connection, "Ada"))
    held = ada.cookies["waybill"]
    ada.get("/operations")
    stop(postgres)

    assert Browser(fragile, held).get("/operations").status_code == 503
