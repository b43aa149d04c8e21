"""Which devices are evidence of anybody."""

import pytest

from workers.core.devices import Device


@pytest.mark.parametrize(
    ("device", "does"),
    [
        (Device("iPhone", "iOS", "17.4"), True),
        (Device("iPhone", "iOS"), True),
        (Device("", "iOS", "17.4"), True),
        (Device("iPhone", "", "17.4"), False),
        (Device("Spider", "Other", is_bot=True), False),
    ],
)
def test_a_device_tells_people_apart_by_its_system_unless_it_is_a_bot(
    device: Device, *, does: bool
) -> None:
    assert device.tells_people_apart is does
