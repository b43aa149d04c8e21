"""Tests that names of reports are recognized in every disguise, and ordinary names are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedField
from shared.fields import source_name
from shared.names.reserved_names import is_fully_visible, is_reserved, skeleton, visible_name

INVISIBLE = [
    *("\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u202e", "\u2066", "\u2069", "\u200f"),
    *("\ufe0f", "\u3164", "\u115f", "\U000e0041", "\u061c", "\u2028"),
]


@pytest.mark.parametrize(
    "name",
    [
        *("(organic)", "(Organic)", " (ORGANIC) ", "\uff08organic\uff09", "( organic )"),
        *("(unknown partner)", "(no campaign)", "(unmapped)", "(unknown link 7)"),
        *("Acme (source)", "Acme(source)", "ACME (SOURCE)", "Acme  \uff08source\uff09"),
        *("Acme (source) (partner)", "(organic) (link)"),
        *(f"(orga{character}nic)" for character in INVISIBLE),
        *(f"Acme (source){character}" for character in INVISIBLE),
    ],
)
def test_a_name_of_the_reports_is_reserved_in_every_disguise(name: str) -> None:
    assert is_reserved(name)
    with pytest.raises(MalformedField, match="reports use"):
        source_name("site", name)


@pytest.mark.parametrize(
    "name",
    ["Acme", "organic", "Acme (Europe)", "source", "(Acme) Ltd", "Müller & Söhne", "株式会社"],
)
def test_an_ordinary_name_is_not_reserved(name: str) -> None:
    assert not is_reserved(name)
    assert is_fully_visible(name)
    assert source_name("site", name) == visible_name(name) == name


@given(
    st.text(st.characters(categories=["L", "N"], codec="utf-8"), min_size=1),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(INVISIBLE))),
)
def test_characters_that_nobody_sees_make_no_other_name(
    name: str, places: list[tuple[int, str]]
) -> None:
    disguised = name
    for place, character in places:
        disguised = disguised[:place] + character + disguised[place:]

    assert skeleton(disguised) == skeleton(name)
    assert skeleton(skeleton(name)) == skeleton(name)
    if places:
        assert not is_fully_visible(disguised)


def test_names_that_differ_by_case_or_width_look_alike() -> None:
    names = ("Acme GmbH", "ACME gmbh", "\uff21cme  GmbH", "acme\u00a0GmbH")
    assert len(set(map(skeleton, names))) == 1
