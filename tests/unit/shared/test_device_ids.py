"""Tests which device ids identify a device, and which of them names a user."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.device_ids import (
    PRIMARY_ORDER,
    adid_bytes,
    adid_of,
    as_user_id,
    identifying,
    user_id_of,
)

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "  ",
        "undefined",
        "NULL",
        "00000000-0000-0000-0000-000000000000",
        "0",
        "000000000000000",
        "00:00:00:00:00:00",
        "11111111-1111-1111-1111-111111111111",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "9774d56d682e549c",
        "02:00:00:00:00:00",
        "{gaid}",
        "#{gaid}",
        "[IDFA]",
        "$$AAID$$",
        "%7Bidfa%7D",
        "__IDFA__",
    ],
)
def test_junk_is_no_id(junk: str) -> None:
    assert identifying([junk]) == frozenset()


@pytest.mark.parametrize(
    "device_id", [GAID, "1", "web-17", "9774d56d682e549d", "357210000000001", "0a0a0a0a0a0a0a0a"]
)
def test_anything_else_is_one(device_id: str) -> None:
    assert identifying([device_id]) == {device_id}


def test_ids_are_compared_without_case_and_surrounding_space() -> None:
    assert identifying([GAID.upper(), f" {GAID}\n", "null"]) == {GAID}


@pytest.mark.parametrize(("kind", "later"), [*pairwise(PRIMARY_ORDER)])
def test_the_first_in_the_documented_order_names_the_user(kind: str, later: str) -> None:
    assert user_id_of({later: "b1", kind: "a1"}) == "a1"


@pytest.mark.parametrize("junk", ["undefined", "00000000-0000-0000-0000-000000000000", "null", "0"])
def test_junk_names_nobody_and_gives_way_to_the_next(junk: str) -> None:
    assert user_id_of({"idfv": junk}) is None
    assert user_id_of({"idfv": junk, "idfa": GAID}) == GAID


@pytest.mark.parametrize(
    ("kind", "sent", "named"),
    [
        ("idfv", GAID.upper(), GAID),
        ("gps_adid", f" {GAID} ", GAID),
        ("android_id", "ABCD-1234-EF56-7890", "abcd1234ef567890"),
        ("external_device_id", "Player-1", "Player-1"),
    ],
)
def test_a_user_id_has_one_form_whoever_wrote_it(kind: str, sent: str, named: str) -> None:
    assert user_id_of({kind: sent}) == named


@given(st.text())
def test_only_uuids_lose_their_case(text: str) -> None:
    assert as_user_id(GAID.upper()) == GAID
    assert as_user_id(text) in {text, text.lower()}
    assert as_user_id(as_user_id(text)) == as_user_id(text)


def test_an_adid_is_stable_and_differs_by_app_and_user() -> None:
    assert adid_of(1, GAID) == adid_of(1, GAID) != adid_of(2, GAID)
    assert adid_of(1, GAID) != adid_of(1, "other")
    assert len(adid_of(1, GAID)) == 32


@pytest.mark.parametrize("text", ["", "f" * 31, "g" * 32, "F" * 32, "f" * 33, "٣" * 32])
def test_what_is_no_adid_has_no_place_among_them(text: str) -> None:
    assert adid_bytes(text) is None
    assert adid_bytes("f" * 32) == b"\xff" * 16
