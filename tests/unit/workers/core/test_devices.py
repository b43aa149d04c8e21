"""Which device ids and user agents are evidence of anybody."""

import pytest

from workers.core.devices import Device, identifying

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


@pytest.mark.parametrize(
    ("device", "does"),
    [
        (Device("iPhone", "iOS", "17.4"), True),
        (Device("iPhone", "iOS"), True),
        (Device("", "iOS", "17.4"), False),
        (Device("iPhone", "", "17.4"), False),
        (Device("Spider", "Other", is_bot=True), False),
    ],
)
def test_a_device_tells_people_apart_by_family_and_system(device: Device, *, does: bool) -> None:
    assert device.tells_people_apart is does


def test_devices_match_when_they_are_equal_in_all_that_is_known() -> None:
    known, unknown = Device("iPhone", "iOS", "17.4"), Device("iPhone", "iOS")

    assert known == Device("iPhone", "iOS", "17.4") != Device("iPhone", "iOS", "17.5")
    assert unknown == Device("iPhone", "iOS") != known
