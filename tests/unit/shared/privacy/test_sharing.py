"""Sharing with third parties: which choice about which activity wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedField
from shared.privacy.sharing import (
    SharingChoice,
    read_partner_options,
    read_partner_settings,
    withholds,
)

GROUPED = (
    *("install", "rejected_install", "reinstall", "reattribution"),
    *("rejected_reattribution", "reattribution_reinstall"),
)


def _chosen(partners: dict[str, dict[str, bool]]) -> SharingChoice:
    return SharingChoice(partners=partners)


def test_whoever_has_chosen_nothing_is_shared() -> None:
    assert not withholds(None, "Acme", "event")
    assert not withholds(SharingChoice(), "Acme", "event")
    assert not withholds(SharingChoice(is_shared=True), "Acme", "event")


@given(st.text(), st.text())
def test_a_switch_that_is_off_withholds_everything_from_everybody(
    partner: str, activity: str
) -> None:
    choice = SharingChoice(is_shared=False, partners={partner: {activity: True}})

    assert withholds(choice, partner, activity)


@pytest.mark.parametrize(
    ("partners", "partner", "activity", "is_withheld"),
    [
        # The example of Adjust's page: events to PartnerA, and nothing else.
        ({"PartnerA": {"all": False, "event": True}}, "PartnerA", "event", False),
        ({"PartnerA": {"all": False, "event": True}}, "PartnerA", "session", True),
        ({"PartnerA": {"all": False, "event": True}}, "PartnerA", "install", True),
        ({"PartnerA": {"all": False, "event": True}}, "PartnerB", "session", False),
        ({"all": {"event": False}}, "PartnerB", "event", True),
        ({"all": {"event": False}}, "PartnerB", "install", False),
        ({"all": {"event": False}, "PartnerB": {"event": True}}, "PartnerB", "event", False),
        ({"all": {"event": True}, "PartnerB": {"all": False}}, "PartnerB", "event", True),
        ({"all": {"event": False}, "PartnerB": {"install": True}}, "PartnerB", "event", True),
        ({"PartnerA": {"install": False}}, "PartnerA", "rejected_install", True),
        ({"PartnerA": {"install": False}}, "PartnerA", "session", False),
        ({"PartnerA": {"all": False, "session": True}}, "PartnerA", "install", False),
    ],
)
def test_the_more_specific_choice_wins(
    partners: dict[str, dict[str, bool]], partner: str, activity: str, is_withheld: bool
) -> None:
    assert withholds(_chosen(partners), partner, activity) == is_withheld


@pytest.mark.parametrize("activity", GROUPED)
@pytest.mark.parametrize("own", [None, True, False])
def test_a_false_on_the_group_stops_everything_in_it(activity: str, own: bool | None) -> None:
    settings = {"session": False} | ({} if own is None else {activity: own})

    assert withholds(_chosen({"all": settings}), "Acme", activity)


@pytest.mark.parametrize(
    "text",
    ['{"PartnerA":', "[]", "7", '{"A": true}', '{"A": {"event": "yes"}}', "", "[" * 2_000],
)
def test_what_is_no_object_of_choices_is_refused(text: str) -> None:
    with pytest.raises(MalformedField):
        read_partner_settings("partner_sharing_settings", text)


@pytest.mark.parametrize(
    "text",
    [r'{"a\u0000b":{"all":false}}', r'{"a":{"all\u0000":false}}', r'{"a\n":{}}', '{"\x7f":{}}'],
)
def test_a_name_that_no_table_takes_is_refused(text: str) -> None:
    with pytest.raises(MalformedField, match="control character"):
        read_partner_settings("partner_sharing_settings", text)


@pytest.mark.parametrize("text", [r'{"a":{"k":"\u0000"}}', r'{"a":{"k\u0001":"v"}}'])
def test_an_option_that_no_table_takes_is_refused(text: str) -> None:
    with pytest.raises(MalformedField, match="control character"):
        read_partner_options("granular_third_party_sharing_options", text)


def test_so_many_partners_are_refused() -> None:
    text = "{" + ",".join(f'"{number}":{{}}' for number in range(101)) + "}"

    with pytest.raises(MalformedField, match="at most 100"):
        read_partner_settings("partner_sharing_settings", text)


def test_options_of_partners_own_making_are_texts() -> None:
    text = '{"google_dma":{"eea":"1","ad_personalization":"1","ad_user_data":"1"}}'

    options = read_partner_options("granular_third_party_sharing_options", text)

    assert options == {"google_dma": {"eea": "1", "ad_personalization": "1", "ad_user_data": "1"}}
