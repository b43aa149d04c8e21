"""Which devices are evidence of anybody."""

import pytest

from workers.core.devices import Device


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
