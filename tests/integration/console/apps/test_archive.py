"""Tests archiving and renaming: what ingest is told, what is recorded, and that it is undone."""

import pytest

from console.apps.apps import App, app_with_id, create_app
from console.apps.archive import (
    Archivable,
    archive,
    rename,
    restore,
    set_destination,
)
from console.apps.event_types import NewEventType, create_event_type, list_event_types
from console.apps.links import Link, NewLink, create_link, find_partner, list_links
from console.audit import list_changes
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token
from console.security.token_table import find_token
from console.security.tokens import rename_token
from shared.errors import NotAllowed, OperatorError
from shared.snapshot import Snapshot, decode_snapshot
from tests.integration.console.conftest import Ask
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN, VIEWER
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR


@pytest.fixture
def links(resources: Resources, shop: App) -> list[Link]:
    """Creates two links of Acme, in two apps, and one of another partner."""
    other = create_app(resources, ADMIN, "Other", "other0000000")
    return [
        create_link(resources, ADMIN, app, NewLink(partner, name, "https://shop.example/"))
        for app, partner, name in ((shop, "Acme", "a"), (other, "Acme", "b"), (shop, "Zenit", "c"))
    ]


def published(resources: Resources) -> Snapshot:
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data)


def archived_links(resources: Resources) -> set[str]:
    return {link.name for link in published(resources).links.values() if link.is_archived}


def test_an_archived_link_is_published_as_one_until_it_is_restored(
    resources: Resources, links: list[Link]
) -> None:
    archive(resources, ADMIN, Archivable.LINK, links[0].id)
    archive(resources, ADMIN, Archivable.LINK, links[0].id)
    assert archived_links(resources) == {"a"}

    restore(resources, ADMIN, Archivable.LINK, links[0].id)

    assert archived_links(resources) == set()
    changes = [
        (entry.action, entry.subject) for entry in list_changes(resources.connection, None, 2)
    ]
    assert changes == [("link.restore", "a"), ("link.archive", "a")]


def test_a_paused_partner_takes_its_links_in_all_apps_and_gives_them_back_as_they_were(
    resources: Resources, links: list[Link]
) -> None:
    archive(resources, ADMIN, Archivable.LINK, links[1].id)
    acme = find_partner(resources.connection, "Acme")

    archive(resources, ADMIN, Archivable.PARTNER, acme.id)
    assert archived_links(resources) == {"a", "b"}
    shown = {link.name for link in list_links(resources.connection) if link.archived_at}
    assert shown == {"a", "b"}

    restore(resources, ADMIN, Archivable.PARTNER, acme.id)
    assert archived_links(resources) == {"b"}


@pytest.mark.usefixtures("links")
def test_an_archived_app_lets_nobody_in_until_it_is_restored(
    resources: Resources, shop: App
) -> None:
    create_token(resources, ADMIN, shop, NewToken("backend"))
    before = published(resources)

    archive(resources, ADMIN, Archivable.APP, shop.id)

    held = published(resources)
    assert held.grants == {}
    assert held.inactive == before.grants
    assert set(held.apps) == {"other0000000"}
    assert archived_links(resources) == {"a", "c"}
    stored = app_with_id(resources.connection, shop.id)
    assert stored is not None
    assert stored.archived_at is not None

    restore(resources, ADMIN, Archivable.APP, shop.id)
    after = published(resources)
    assert (after.grants, after.apps, after.links) == (before.grants, before.apps, before.links)


def test_an_archived_event_type_counts_on(resources: Resources, shop: App) -> None:
    kind = create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    before = published(resources).apps

    archive(resources, ADMIN, Archivable.EVENT_TYPE, kind.id)

    assert published(resources).apps == before
    (archived,) = list_event_types(resources.connection, shop)
    assert archived.archived_at is not None


def test_new_names_are_shown_and_recorded_with_the_old_ones(
    resources: Resources, shop: App, links: list[Link]
) -> None:
    kind = create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    acme = find_partner(resources.connection, "Acme")

    rename(resources, ADMIN, Archivable.EVENT_TYPE, kind.id, "Order")
    rename(resources, ADMIN, Archivable.LINK, links[0].id, "Spring")
    rename(resources, ADMIN, Archivable.PARTNER, acme.id, "Acme Ads")

    (renamed,) = list_event_types(resources.connection, shop)
    assert renamed.name == "Order"
    first = list_links(resources.connection)[0]
    assert (first.name, first.partner) == ("Spring", "Acme Ads")
    assert "Spring" in {link.name for link in published(resources).links.values()}
    (last, *_) = list_changes(resources.connection, None, 1)
    assert (last.action, last.before, last.after) == (
        "partner.rename",
        {"name": "Acme"},
        {"name": "Acme Ads"},
    )


@pytest.mark.parametrize("name", ["c", "C", "(organic)", "x (source)", "", "a\u200bb", "y" * 101])
def test_a_name_that_could_be_mistaken_is_refused(
    resources: Resources, links: list[Link], name: str
) -> None:
    with pytest.raises(OperatorError):
        rename(resources, ADMIN, Archivable.LINK, links[0].id, name)

    assert [link.name for link in list_links(resources.connection)] == ["a", "b", "c"]


def test_a_link_leads_elsewhere_under_the_same_numbers(
    resources: Resources, links: list[Link]
) -> None:
    set_destination(resources, ADMIN, links[0].id, "https://new.example/?c={click_id}")

    link = list_links(resources.connection)[0]
    assert link.destination == "https://new.example/?c={click_id}"
    assert (link.offer_id, link.pub_id) == (links[0].offer_id, links[0].pub_id)
    with pytest.raises(OperatorError):
        set_destination(resources, ADMIN, links[0].id, "javascript:alert(1)")


def test_a_token_gets_another_name_unless_it_is_taken(resources: Resources, shop: App) -> None:
    for name in ("backend", "other"):
        create_token(resources, ADMIN, shop, NewToken(name))
    before = published(resources).grants

    rename_token(resources, ADMIN, shop, "backend", "server")

    assert find_token(resources.connection, shop, "server").active
    assert published(resources).grants == before
    with pytest.raises(OperatorError, match="already has a token"):
        rename_token(resources, ADMIN, shop, "server", "other")


def test_a_viewer_changes_nothing_and_nothing_is_changed_that_does_not_exist(
    resources: Resources, links: list[Link]
) -> None:
    for kind in Archivable:
        with pytest.raises(NotAllowed):
            archive(resources, VIEWER, kind, links[0].id)
        with pytest.raises(NotAllowed):
            rename(resources, VIEWER, kind, links[0].id, "new")
        with pytest.raises(OperatorError, match=f"There is no such {kind}"):
            archive(resources, ADMIN, kind, 10**6)
    with pytest.raises(NotAllowed):
        set_destination(resources, VIEWER, links[0].id, "https://new.example/")
    assert archived_links(resources) == set()


@pytest.mark.usefixtures("links")
def test_the_commands_do_the_same(ask: Ask) -> None:
    assert ask("link", "archive", "--app", "Shop", "a")["subject"]["archived_at"]
    assert ask("link", "restore", "--app", "Shop", "a")["subject"]["archived_at"] is None
    assert ask("link", "rename", "--app", "Shop", "a", "--to", "z")["subject"]["name"] == "z"
    ask("link", "point", "--app", "Shop", "z", "--destination", "https://new.example/")
    ask("partner", "archive", "Acme")
    assert [each["archived_at"] is None for each in ask("partner", "list")["partners"]] == [
        False,
        True,
    ]
    ask("event-type", "create", "--app", "Shop", "--mapping-id", "m", "--name", "M")
    ask("event-type", "archive", "--app", "Shop", "--mapping-id", "m")
    ask("token", "create", "--app", "Shop", "--name", "t")
    assert ask("token", "rename", "--app", "Shop", "t", "--to", "u")["token"]["name"] == "u"
    ask("app", "archive", "--app", "Shop", "--confirm", "Other", status=1)
    assert ask("app", "archive", "--app", "Shop", "--confirm", "Shop")["subject"]["archived_at"]
    assert ask("app", "restore", "--app", "Shop")["subject"]["archived_at"] is None
