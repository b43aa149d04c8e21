"""Fixtures: the console on real stores, and browsers of people with each role."""

from collections.abc import Callable, Iterator

import falcon
import pytest

from console.accounts.login_sessions import open_session
from console.accounts.people import create_person, set_password
from console.actor import Role
from console.web.app import create_app
from console.web.page_request import Services
from console.web.rq_dashboard import RqDashboard
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.redis import Redis
from shared.settings import Settings, read_settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.support.build import ADMIN

# Differences between servers are tested below the pages; these tests run on one pair.
ON_ONE_PAIR = pytest.mark.parametrize("stack", ["wheels"], indirect=True, scope="session")
PASSWORD = "correct horse battery staple"
App = falcon.App[falcon.Request, falcon.Response]


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str) -> Settings:
    return read_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
            "WAYBILL_CONSOLE_URL": "http://console.test",
            "WAYBILL_INGEST_URL": "https://events.test",
            "WAYBILL_HOSTS": "falconframework.org",  # that of Falcon's test client
        }
    )


@pytest.fixture
def console(settings: Settings, connection: Connection, redis: Redis) -> Iterator[App]:  # noqa: ARG001
    """Creates the console with empty tables and nobody signed in."""
    pool = open_pool(settings.database_url, "tests", 4)
    yield create_app(Services(settings, pool, redis, RqDashboard(redis), now_ms))
    pool.close()


@pytest.fixture
def stranger(console: App) -> Browser:
    """Returns a browser in which nobody is signed in."""
    return Browser(console)


@pytest.fixture
def browser_of(console: App, connection: Connection) -> Callable[[str, Role], Browser]:
    """Returns a function that signs a new person in, and returns their browser."""

    def make(name: str, role: Role) -> Browser:
        person = create_person(connection, ADMIN, name, role)
        set_password(connection, ADMIN, person, PASSWORD)
        return Browser(console, open_session(connection, SECRET_KEY, person))

    return make


@pytest.fixture
def ada(connection: Connection) -> None:
    """Creates the admin Ada, who is not signed in."""
    set_password(connection, ADMIN, create_person(connection, ADMIN, "Ada", Role.ADMIN), PASSWORD)


@pytest.fixture
def admin(browser_of: Callable[[str, Role], Browser]) -> Browser:
    return browser_of("Ada", Role.ADMIN)


@pytest.fixture
def viewer(browser_of: Callable[[str, Role], Browser]) -> Browser:
    return browser_of("Vera", Role.VIEWER)
