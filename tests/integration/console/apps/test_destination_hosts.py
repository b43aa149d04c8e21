"""Where links of an app may lead: checked whenever a link is led somewhere."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from console.apps.apps import App, AppDescription, app_with_id, update_app
from console.apps.archive import Archivable, archive, restore, set_destination
from console.apps.links import Link, NewLink, create_link
from console.resources import Resources
from shared.database import connect, transaction
from shared.errors import BadValue, OperatorError
from shared.migrate import migrations
from tests.integration.console.conftest import Ask
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
HOME = "https://shop.example/welcome?id={click_id}"


def _link(resources: Resources, app: App, destination: str = HOME, name: str = "a") -> Link:
    return create_link(resources, ADMIN, app, NewLink("Acme", name, destination))


def _list(resources: Resources, app: App, *hosts: str) -> None:
    description = AppDescription(app.name, app.currency, destination_hosts=hosts)
    update_app(resources.connection, ADMIN, app, description)


def test_a_new_link_and_one_that_is_led_elsewhere_are_checked(
    resources: Resources, shop: App
) -> None:
    link = _link(resources, shop)
    _list(resources, shop, "shop.example")

    with pytest.raises(BadValue, match="not listed"):
        _link(resources, shop, "https://evil.example/", "b")
    with pytest.raises(BadValue, match="not listed"):
        set_destination(resources, ADMIN, link.id, "https://evil.example/")
    with pytest.raises(BadValue, match="ms-msdt"):
        _link(resources, shop, "ms-msdt://x", "b")
    set_destination(resources, ADMIN, link.id, "https://shop.example/other")
    _link(resources, shop, "https://shop.example/third", "b")


@pytest.mark.parametrize("kind", [Archivable.LINK, Archivable.PARTNER, Archivable.APP])
def test_what_is_restored_leads_to_what_is_listed_now(
    resources: Resources, shop: App, kind: Archivable
) -> None:
    link = _link(resources, shop)
    connection = resources.connection
    row = connection.execute("SELECT partner_id FROM links").fetchone()
    assert row is not None
    number = {Archivable.LINK: link.id, Archivable.PARTNER: row[0], Archivable.APP: shop.id}[kind]
    archive(resources, ADMIN, kind, number)
    connection.execute("UPDATE apps SET destination_hosts = '{other.example}'")

    with pytest.raises(OperatorError, match="link a leads to a host"):
        restore(resources, ADMIN, kind, number)
    connection.execute("UPDATE apps SET destination_hosts = '{}'")
    assert restore(resources, ADMIN, kind, number).archived_at is None


@pytest.mark.parametrize("step", ["create", "lead", "restore"])
def test_what_is_removed_from_the_list_meanwhile_leads_no_link(
    resources: Resources, shop: App, database_url: str, step: str
) -> None:
    link = _link(resources, shop)
    _list(resources, shop, "shop.example", "old.example")
    old = "https://old.example/"
    if step == "restore":
        set_destination(resources, ADMIN, link.id, old)
        archive(resources, ADMIN, Archivable.LINK, link.id)
    steps = {
        "create": lambda: _link(resources, shop, old, "b"),
        "lead": lambda: set_destination(resources, ADMIN, link.id, old),
        "restore": lambda: restore(resources, ADMIN, Archivable.LINK, link.id),
    }
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as threads, connect(database_url, "tests") as other:
        with transaction(other):
            _list(replace(resources, connection=other), shop, "shop.example")
            waiting = threads.submit(steps[step])
            ends_at = time.monotonic() + 4
            while other.execute(waits).fetchone() == (0,) and time.monotonic() < ends_at:
                time.sleep(0.01)
        with pytest.raises(OperatorError, match="not listed"):
            waiting.result()

    led = "SELECT count(*) FROM links WHERE archived_at IS NULL AND destination = %s"
    assert resources.connection.execute(led, (old,)).fetchone() == (0,)


def test_a_list_is_refused_that_the_links_in_use_do_not_fit(
    resources: Resources, shop: App
) -> None:
    link = _link(resources, shop)

    with pytest.raises(OperatorError, match="link a leads to a host that is not listed"):
        _list(resources, shop, "other.example")
    archive(resources, ADMIN, Archivable.LINK, link.id)
    _list(resources, shop, "other.example")
    changed = app_with_id(resources.connection, shop.id)
    assert changed is not None
    assert changed.destination_hosts == ["other.example"]


def test_the_default_destination_fits_the_list(resources: Resources, shop: App) -> None:
    description = AppDescription("Shop", "EUR", HOME, "", ["other.example"])

    with pytest.raises(BadValue, match="Destination leads"):
        update_app(resources.connection, ADMIN, shop, description)


def test_the_schemes_of_links_that_there_were_stay_allowed(resources: Resources, shop: App) -> None:
    connection = resources.connection
    for name, destination in (("a", HOME), ("b", "market://details?id=x")):
        _link(resources, shop, destination, name)
    connection.execute(
        "UPDATE links SET destination = 'Shop://welcome' WHERE name = 'a';"
        "UPDATE apps SET destination = 'shop2://x'"
    )
    [migration] = [each for each in migrations() if "destination_hosts" in each.name]
    connection.execute(migration.sql.partition(";")[2].encode())

    assert connection.execute("SELECT destination_hosts FROM apps").fetchall() == [
        (["shop2://", "shop://"],)
    ]


def test_the_list_is_set_by_command(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")

    for typed, listed in (
        ("shop.example, shop://", ["shop.example", "shop://"]),
        ("", []),
    ):
        app = ask("app", "set", "--app", "Shop", "--destination-hosts", typed)["app"]
        assert app["destination_hosts"] == listed
