"""What a sender says of a device, and how a user agent completes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.placeholders import placeholders
from workers.core.agent_reader import described_by
from workers.core.device_descriptions import (
    MODELS,
    OS_NAMES,
    OS_VERSIONS,
    TYPES,
    completed,
    described_in,
)
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
        ({"os_name": "android", "os_version": "__OSV__", "osv": "14"}, Device("", "Android", "14")),
        ({"os_name": "android", "device_name": "__MODEL__", "device_model": "Pixel 8"},
         Device("Pixel 8", "Android")),
        ({"os_name": "android", "os_version": "34"}, Device("", "Android", "14")),
        ({"os_name": "\u200bios", "device_name": "\ufeffiPhone17,1\t"},
         Device("iPhone17,1", "iOS")),
        ({"os_name": "Android OS 14 / API-34 (UP1A.231005.007/S911B)"},
         Device("", "Android", "14")),
        ({"os_name": "Android 14 (API 34)"}, Device("", "Android", "14")),
        ({"os_name": "iOS/17.5"}, Device("", "iOS", "17.5")),
        ({"os_name": "iOS", "os_version": "17.5;"}, Device("", "iOS", "17.5")),
        ({"os_name": "ios", "os_version": "Darwin 23.4.0"}, Device("", "iOS")),
        ({"os_name": "android", "os_version": "Linux 5.10.157 #1 SMP"}, Device("", "Android")),
        ({"os_name": "android", "os_version": "14/34"}, Device("", "Android", "14")),
        ({"os_name": "android", "os_version": "36.1"}, Device("", "Android", "16")),
        ({"os_name": "android", "os_version": "99"}, Device("", "Android")),
        ({"os_name": '"Android"', "os_version": '"14.0.0"', "device_model": '"Pixel 8"'},
         Device("Pixel 8", "Android", "14.0")),
        ({"os_name": "iOS%2017.5", "device_name": "iPhone15%2C2"},
         Device("iPhone15,2", "iOS", "17.5")),
        ({"os_name": "HarmonyOS", "os_version": "4.0.0"}, Device("", "Android")),
        ({"os_name": "Fire OS 8.3", "device_name": "KFTRWI"}, Device("KFTRWI", "Android")),
        ({"os_name": "visionOS", "os_version": "2.0"}, Device("", "iOS")),
        ({"os_name": "android-tv", "os_version": "12"}, Device("", "Android", "12")),
        ({"os_name": "apple-tv", "os_version": "17.4"}, Device("", "tvOS", "17.4")),
        ({"os_name": "mac", "os_version": "14.4"}, Device("", "Mac OS X", "14.4")),
        ({"os_name": "roku", "os_version": "12.5"}, Device("", "Roku", "12.5")),
        ({"os_name": "mobile", "platform": "android"}, Device("", "Android")),
        ({"os_name": "ios", "device_type": "iPhone15,2"}, Device("iPhone15,2", "iOS")),
        ({"os_name": "android", "device_type": "Tablet"}, Device("Tablet", "Android")),
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


@given(name=st.sampled_from([*OS_NAMES, *OS_VERSIONS, *MODELS, *TYPES]), text=placeholders())
def test_no_placeholder_describes_a_device(name: str, text: str) -> None:
    told = {"os_name": "android", "os_version": "14", "device_name": "Pixel 8", "device_type": "x"}

    assert described_in({name: text}) is None
    assert described_in(told | {name: text}) == described_in(told | {name: ""})


@given(text=placeholders())
def test_no_placeholder_in_an_agent_is_a_model(text: str) -> None:
    if any(sign in text for sign in ";()"):
        return  # the parts of an agent are between these
    device = described_by(f"Mozilla/5.0 (Linux; Android 14; {text}) AppleWebKit/537.36")

    assert device is not None
    assert (device.os, device.family) == ("Android", "")
