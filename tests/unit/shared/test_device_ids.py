"""Tests which device ids identify a device, and which of them names a user."""

from hashlib import md5, sha1, sha256
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
    identifying_of,
    is_unfilled,
    usable,
    user_id_of,
)
from tests.support.build import device_id

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
ZEROS = "00000000-0000-0000-0000-000000000000"


def hashes(text: str) -> list[str]:
    return [hashed(text.encode()).hexdigest() for hashed in (md5, sha1, sha256)]


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
        "a-a-a-a:a:a:a-a",
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


@pytest.mark.parametrize(
    "junk",
    [
        *("", ZEROS, "0" * 16, "0" * 15, "undefined", "null", "{gaid}", "#idfa#", "%%AAID%%"),
        *("02:00:00:00:00:00", "00:00:00:00:00:00", "9774d56d682e549c", "f" * 16),
    ],
)
def test_a_hash_of_junk_is_junk_in_either_case(junk: str) -> None:
    for text in {junk, junk.lower(), junk.upper()}:
        for digest in hashes(text):
            assert identifying([digest, digest.upper()]) == frozenset()


def test_what_cannot_be_seen_around_an_id_is_no_part_of_it() -> None:
    assert usable({"idfv": f"\u200b{GAID}", "gaid": f"\ufeff{ZEROS}"}) == (f"\u200b{GAID}",)
    assert identifying([f"{GAID}\u200b", f"\ufeff{GAID.upper()}", "\u200b", "\ufeffnull"]) == {GAID}
    assert user_id_of({"gaid": f"\u2060{GAID.upper()}\u200b", "idfv": "\u200b"}) == GAID


@pytest.mark.parametrize("digit", "0123456789abcdef")
def test_a_device_id_of_one_digit_is_nobodys_under_any_name(digit: str) -> None:
    grouped = "-".join(digit * length for length in (8, 4, 4, 4, 12))
    pairs = [digit * 2] * 6
    junk = [grouped, f"{{{grouped}}}", *(digit * length for length in (16, 32, 40, 64))]
    for text in (*junk, ":".join(pairs), "-".join(pairs)):
        assert is_unfilled(text)
        assert is_unfilled(f" {text.upper()}\u200b")


@pytest.mark.parametrize("shared", ["9774d56d682e549c", "02:00:00:00:00:00", "020000000000"])
def test_what_many_devices_share_is_nobodys_under_any_name(shared: str) -> None:
    assert is_unfilled(shared)
    assert is_unfilled(shared.upper())


@pytest.mark.parametrize(
    "text", ["11111111", "aaaaaaaa", "9999999999", GAID, f"{{{GAID}}}", "ff:ff"]
)
def test_a_number_of_one_digit_may_well_be_a_customers(text: str) -> None:
    assert not is_unfilled(text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("gaid", value) for value in ("G-1", "abc", "x" * 36, GAID[:-1], GAID + "0")),
        *(("idfa", value) for value in ("12345", "idfa", "null-idfa", GAID.replace("-", "_"))),
        *(("mac_md5", "a" * 31), ("mac_sha1", GAID), ("mac", "12:34"), ("oaid", "a-b")),
    ],
)
def test_an_id_that_is_not_in_the_form_of_its_kind_names_nobody(kind: str, value: str) -> None:
    assert usable({kind: value}) == ()
    assert user_id_of({kind: value}) is None


@pytest.mark.parametrize("kind", PRIMARY_ORDER)
def test_an_id_in_the_form_of_its_kind_is_used_in_either_case(kind: str) -> None:
    value = device_id(kind)

    assert usable({"mac": "undefined", kind: value}) == (value,)
    assert usable({kind: f" {value.upper()} "}) == (f" {value.upper()} ",)


def test_ids_are_compared_without_case_and_surrounding_space() -> None:
    assert identifying([GAID.upper(), f" {GAID}\n", "null"]) == {GAID}


@pytest.mark.parametrize(("kind", "later"), [*pairwise(PRIMARY_ORDER)])
def test_the_first_in_the_documented_order_names_the_user(kind: str, later: str) -> None:
    ids = {later: device_id(later), kind: device_id(kind)}

    assert user_id_of(ids) == user_id_of({kind: ids[kind]}) != user_id_of({later: ids[later]})


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


@pytest.mark.parametrize("text", ["", "\n", " ", "null\n", f"{ZEROS}\n", "{aid}"])
def test_hashes_of_junk_are_junk_also_with_the_end_of_a_line(text: str) -> None:
    for digest in hashes(text):
        assert identifying([digest]) == frozenset()
        assert is_unfilled(digest.upper())


@pytest.mark.parametrize(
    "text",
    ["xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", '"ffffffffffffffff"', f"'{ZEROS}'", f"%7B{ZEROS}%7D",
     f'Optional("{ZEROS}")', "YOUR_GAID"],
)  # fmt: skip
def test_junk_is_junk_in_quotes_and_in_what_languages_print_around_it(text: str) -> None:
    assert is_unfilled(text)
    assert is_unfilled(text.upper())


WRITTEN = [
    written
    for kind in PRIMARY_ORDER
    for value in (
        device_id(kind),
        "0" * 32,
        md5(b"null", usedforsecurity=False).hexdigest(),
        "null",
    )
    for written in (value, value.upper(), f" {value} ", value.replace("-", ""))
]


@given(st.dictionaries(st.sampled_from(PRIMARY_ORDER), st.sampled_from(WRITTEN) | st.text()))
def test_an_id_by_kind_identifies_as_its_value_does(device_ids: dict[str, str]) -> None:
    assert identifying_of(device_ids) == identifying(usable(device_ids))
