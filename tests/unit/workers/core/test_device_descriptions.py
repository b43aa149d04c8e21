"""What a sender says of a device, and how a user agent completes it."""

import pytest

from workers.core.device_descriptions import completed, described_in
from workers.core.devices import Device


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"os_name": "android", "os_version": "14", "device_name": "Pixel 8"},
         Device("Pixel 8", "Android", "14")),
        ({"os_name": "iOS", "os_version": "17.5.1", "device_name": "iPhone16,2"},
         Device("iPhone16,2", "iOS", "17.5")),
        ({"os_name": "ios", "device_name": "Anna's", "device_type": "iPhone"},
         Device("iPhone", "iOS")),
        ({"os_name": "iPadOS", "os_version": "17.4"}, Device("", "iOS", "17.4")),
        ({"os_name": "iPhone OS 16.2"}, Device("", "iOS", "16.2")),
        ({"device_name": "iPhone17,1"}, Device("iPhone17,1", "iOS")),
        ({"os": "Android", "os_version": "Android 13"}, Device("", "Android", "13")),
        ({"os_name": "windows", "os_version": "10.0.22631"}, Device("", "Windows", "10.0")),
        ({"os_name": "{os_name}", "os_version": "{os_version}"}, None),
        ({"os_version": "14"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_description_names_system_version_and_model(
    parameters: dict[str, str], expected: Device | None
) -> None:
    assert described_in(parameters) == expected


@pytest.mark.parametrize(
    ("described", "agent", "expected"),
    [
        (Device("iPhone17,1", "iOS", "17.5"), Device("", "iOS", "17.4"),
         Device("iPhone17,1", "iOS", "17.5")),
        (Device("", "Android"), Device("Pixel 8", "Android", "14"),
         Device("Pixel 8", "Android", "14")),
        (Device("iPhone", "iOS", "18.6"), Device("iPhone", "iOS", "26.0"),
         Device("iPhone", "iOS", "26.0")),
        (Device("K", "Android", "10"), Device("", "Android"), Device("K", "Android")),
        (Device("iPad13,4", "iOS"), Device("", "Mac OS X", "safari 17.4"),
         Device("iPad13,4", "iOS", "17.4")),
        (Device("Pixel 8", "Android", "14"), Device("", "Windows"),
         Device("Pixel 8", "Android", "14")),
        (None, Device("", "Windows"), Device("", "Windows")),
        (Device("", "iOS"), None, Device("", "iOS")),
    ],
)  # fmt: skip
def test_a_description_and_an_agent_complete_each_other(
    described: Device | None, agent: Device | None, expected: Device
) -> None:
    assert completed(described, agent) == expected
    if agent is not None:
        bot = Device(agent.family, agent.os, agent.os_version, is_bot=True)
        assert (completed(described, bot) or bot).is_bot
