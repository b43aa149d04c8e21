"""Tracking URLs of links."""

from dataclasses import replace
from datetime import UTC, datetime

from console.apps.links import Link, tracking_url

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
