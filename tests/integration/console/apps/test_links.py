"""Links in the tables and in the snapshot, from the command line as well."""

from threading import Barrier, Thread

import pytest

from console.apps.apps import App, create_app
from console.apps.links import Link, NewLink, create_link, list_links
from console.reports.names import read_names
from console.resources import Resources
from shared.database import connect
from shared.errors import OperatorError
from shared.publishing import refresh_snapshot
from shared.redis import Redis
from shared.snapshot import KnownLink as Published
from shared.snapshot import LinkKey, decode_snapshot
from tests.integration.console.conftest import Ask
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

DESTINATION = "https://shop.example/welcome?from={pub_click_id}"


def make(resources: Resources, app: App, name: str = "Spring", **given: str | None) -> Link:
    new = {"partner": "Acme", "name": name, "destination": DESTINATION, **given}
    return create_link(resources, ADMIN, app, NewLink(**new))  # type: ignore[arg-type]


def published(resources: Resources) -> dict[LinkKey, Published]:
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data).links


def test_a_link_is_published_with_its_app_and_destination(resources: Resources, shop: App) -> None:
    made = make(resources, shop, offer_id="115189", pub_id="20916")

    assert published(resources) == {
        LinkKey("115189", "20916"): Published(made.id, shop.id, DESTINATION, "Spring")
    }
    assert (made.app, made.partner, made.name) == ("Shop", "Acme", "Spring")
    assert list_links(resources.connection) == [made]


def test_numbers_are_found_where_none_are_given(resources: Resources, shop: App) -> None:
    make(resources, shop, "taken", partner="Other", offer_id="2", pub_id="1")

    made = [make(resources, shop, name) for name in ("a", "b", "c")]
    third = make(resources, shop, "d", partner="Third")

    assert [(link.offer_id, link.pub_id) for link in made] == [("1", "2"), ("3", "2"), ("4", "2")]
    assert (third.offer_id, third.pub_id) == ("5", "3")


def test_a_partner_keeps_the_number_it_was_given(resources: Resources, shop: App) -> None:
    make(resources, shop, "a", pub_id="acme-7")

    assert make(resources, shop, "b").pub_id == "acme-7"


def test_a_partner_is_made_once(resources: Resources, shop: App) -> None:
    make(resources, shop, "a", partner=" Acme ")
    make(resources, shop, "b")

    names = resources.connection.execute("SELECT name FROM partners").fetchall()
    assert names == [("Acme",)]


def test_links_of_one_app_or_of_all_are_listed(resources: Resources, shop: App) -> None:
    other = create_app(resources, ADMIN, "Other")
    first, second = make(resources, shop, "a"), make(resources, other, "a")

    assert list_links(resources.connection) == [first, second]
    assert list_links(resources.connection, other) == [second]


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        ({"name": "Spring", "offer_id": "8"}, "link with this name"),
        ({"name": "Autumn", "offer_id": "7", "pub_id": "9"}, "this offer ID"),
    ],
)
def test_a_name_and_a_pair_of_numbers_are_given_once(
    resources: Resources, shop: App, again: dict[str, str], reason: str
) -> None:
    made = make(resources, shop, offer_id="7", pub_id="9")

    with pytest.raises(OperatorError, match=reason):
        make(resources, shop, **again)

    assert list_links(resources.connection) == [made]
    assert len(published(resources)) == 1


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": " "}, "Name"),
        ({"partner": "x" * 101}, "Partner"),
        ({"destination": "http://shop.example"}, "Destination"),
        ({"offer_id": "1&2"}, "Offer id"),
        ({"pub_id": "x" * 65}, "Pub id"),
    ],
)
def test_a_malformed_value_makes_nothing(
    resources: Resources, shop: App, given: dict[str, str], option: str
) -> None:
    with pytest.raises(OperatorError, match=option):
        make(resources, shop, **given)

    assert list_links(resources.connection) == []
    assert resources.connection.execute("SELECT FROM partners").fetchall() == []


def test_a_link_that_cannot_be_published_is_not_made(
    resources: Resources, shop: App, broken_redis: Redis
) -> None:
    cut_off = Resources(resources.connection, broken_redis, resources.secret_key)

    with pytest.raises(OperatorError, match="nothing was changed"):
        make(cut_off, shop)

    assert list_links(resources.connection) == []


def test_two_commands_at_once_find_two_numbers(
    resources: Resources, shop: App, database_url: str
) -> None:
    together = Barrier(8)

    def make_beside(name: str) -> None:
        with connect(database_url, "tests") as connection:
            together.wait()
            beside = Resources(connection, resources.redis, resources.secret_key)
            make(beside, shop, name, partner=name)

    threads = [Thread(target=make_beside, args=(f"link {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made = list_links(resources.connection)
    assert {link.offer_id for link in made} == {str(n) for n in range(1, 9)}
    assert len(published(resources)) == 8


def test_upkeep_publishes_links_that_redis_has_lost_and_leaves_those_that_it_has(
    resources: Resources, shop: App
) -> None:
    make(resources, shop)
    connection, redis, key = resources.connection, resources.redis, resources.secret_key
    with connection.transaction():
        assert refresh_snapshot(connection, redis, key) is None

    redis.delete(NAMES.snapshot, NAMES.snapshot_version)

    with connection.transaction():
        assert refresh_snapshot(connection, redis, key) is not None
    assert len(published(resources)) == 1


def test_a_link_is_made_and_listed_from_the_command_line(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop", "--app-token", "abc123def456")
    arguments = ("--partner", "Acme", "--name", "Spring", "--destination", DESTINATION)

    made = ask("link", "create", "--app", "abc123def456", *arguments)
    listed = ask("link", "list")

    url = "https://YOUR-HOST/click?offer_id=1&pub_id=1"
    assert made["tracking_url"] == url
    assert made["link"]["destination"] == DESTINATION
    assert listed == {"links": [{**made["link"], "tracking_url": url}]}
    assert ask("link", "list", "--app", "Shop") == listed


def test_a_destination_that_may_not_be_is_one_json_error(ask: Ask) -> None:
    ask("app", "create", "--name", "Shop")
    arguments = ("--app", "Shop", "--partner", "Acme", "--name", "Spring")

    refused = ask("link", "create", *arguments, "--destination", "//evil.example", status=1)

    assert refused["error"]["message"].startswith("--destination must be an address")


@pytest.mark.parametrize("name", ["(organic)", "Bolt (source)", "ACME", "Ac\u200bme"])
def test_a_partner_is_not_named_like_another_row_of_a_report(
    resources: Resources, shop: App, name: str
) -> None:
    make(resources, shop, "first")

    with pytest.raises(OperatorError, match="Partner"):
        make(resources, shop, "second", partner=name)
    with pytest.raises(OperatorError, match="Name"):
        make(resources, shop, {"ACME": "FIRST"}.get(name, name))

    assert [link.name for link in list_links(resources.connection)] == ["first"]


def test_a_reserved_name_from_before_keeps_its_own_row_in_reports(
    resources: Resources, shop: App
) -> None:
    made = make(resources, shop, "first")
    resources.connection.execute("UPDATE partners SET name = '(organic)'")
    names = read_names(resources.connection, shop)

    assert names.partner(made.id, "") == "(organic) (partner)" != names.partner(0, "")
    assert names.partner_filter("(organic) (partner)").link_ids == (made.id,)
    assert make(resources, shop, "second", partner="(organic)").partner == "(organic)"
