"""The list of hosts and schemes: what it means, and how it is typed."""

import pytest

from console.apps.destination_hosts import HOSTS_MAX, clean_hosts, place_fault, split_hosts
from shared.errors import BadValue


@pytest.mark.parametrize(
    ("destination", "listed", "is_allowed"),
    [
        ("https://anything.example/", [], True),
        ("https://anything.example/", ["shop://"], True),
        ("https://shop.example:8443/x", ["shop.example"], True),
        ("https://SHOP.example/", ["shop.example"], True),
        ("https://evil-shop.example/", ["shop.example"], False),
        ("https://shop.example.evil.test/", ["shop.example"], False),
        ("https://www.shop.example/", ["shop.example"], False),
        ("https://www.shop.example/", ["*.shop.example"], True),
        ("https://a.b.shop.example/", ["*.shop.example"], True),
        ("https://shop.example/", ["*.shop.example"], False),
        ("https://evilshop.example/", ["*.shop.example"], False),
        ("market://details?id=com.shop", [], True),
        ("itms-apps://apps.apple.com/app/id1", [], True),
        ("market://details?id=com.shop", ["shop.example"], False),
        ("market://details?id=com.shop", ["shop.example", "market://"], True),
        ("shop://welcome", [], False),
        ("shop://welcome", ["shop://"], True),
        ("Shop://welcome", ["shop://"], True),
        ("ms-msdt://x", [], False),
        ("search-ms://x", ["shop://"], False),
        ("mailto://x", [], False),
    ],
)
def test_a_destination_leads_to_what_is_listed(
    destination: str, listed: list[str], is_allowed: bool
) -> None:
    assert (place_fault(destination, listed) is None) is is_allowed


def test_a_list_is_typed_in_any_way_and_kept_in_one() -> None:
    assert clean_hosts(split_hosts(" Shop.example,\n*.shop.example  SHOP:// shop.example ")) == [
        *("*.shop.example", "shop.example", "shop://")
    ]
    assert clean_hosts([]) == clean_hosts(["", " "]) == []


@pytest.mark.parametrize(
    "entry",
    [
        *("https://shop.example", "javascript://", "file://", "intent://", "http://"),
        *("shop.example/x", "shop.example:443", "*", "*.", "*shop.example", "a..b/", "-a.example"),
        *("ä.example", "shop:", "x" * 300),
    ],
)
def test_what_is_no_host_and_no_apps_scheme_is_refused(entry: str) -> None:
    with pytest.raises(BadValue):
        clean_hosts([entry])


def test_a_list_is_bounded() -> None:
    with pytest.raises(BadValue, match="at most"):
        clean_hosts(f"h{number}.example" for number in range(HOSTS_MAX + 1))
