"""Links as values: what a partner is given, and what an operator may type."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.apps.destinations import read_destination
from console.apps.links import Link, tracking_url
from shared.errors import BadValue

LINK = Link(
    id=7,
    app="Shop",
    partner="Acme",
    name="Spring",
    offer_id="12",
    pub_id="34",
    destination="https://shop.example/welcome",
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def test_a_partner_is_given_one_address() -> None:
    url = tracking_url("https://track.shop.example", LINK)

    assert url == "https://track.shop.example/click?offer_id=12&pub_id=34"


def test_numbers_of_elsewhere_are_encoded_as_they_have_to_be() -> None:
    odd = replace(LINK, offer_id="a&b", pub_id="ü")

    assert tracking_url("https://t", odd) == "https://t/click?offer_id=a%26b&pub_id=%C3%BC"


def test_a_destination_is_taken_without_the_spaces_around_it() -> None:
    assert read_destination(" https://shop.example/{pub_id} ") == "https://shop.example/{pub_id}"


@pytest.mark.parametrize(
    ("destination", "rule"),
    [
        ("", "1 to 2048 characters"),
        ("https://shop.example/" + "x" * 2048, "1 to 2048 characters"),
        ("https://shop.example/\x07a", "control characters"),
        ("http://shop.example/", "https://"),
        ("https://{pub_id}.example/", "no macro"),
        ("https://me@shop.example/", "no user name"),
        ("https://shop.example/{nobody}", "{nobody}"),
        ("https://shop.example/a b", "Percent-encode"),
    ],
)
def test_a_destination_that_breaks_a_rule_is_refused_with_the_rule(
    destination: str, rule: str
) -> None:
    with pytest.raises(BadValue) as caught:
        read_destination(destination)

    assert caught.value.at_terminal.startswith("--destination ")
    assert rule in caught.value.message
