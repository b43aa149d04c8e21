"""A device as its sender describes it is the one that its browser shows."""

import pytest

from ingest.dialects.adjust.described_device import browser_user_agent
from workers.user_agents import device_of

SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"


def told(os_name: str, os_version: str, device_name: str, device_type: str = "") -> dict[str, str]:
    return {
        "os_name": os_name,
        "os_version": os_version,
        "device_name": device_name,
        "device_type": device_type,
    }


@pytest.mark.parametrize(
    ("described", "browser"),
    [
        (
            told("ios", "17.5.1", "iPhone16,2", "iPhone"),
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) {SAFARI}",
        ),
        (
            told("iOS", "17", "iPad14,1"),
            f"Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) {SAFARI}",
        ),
        (
            told("android", "14", "SM-G991B", "phone"),
            f"Mozilla/5.0 (Linux; Android 14; SM-G991B) {CHROME}",
        ),
        (
            told("android", "8.1.0", "Pixel 2"),
            f"Mozilla/5.0 (Linux; Android 8.1.0; Pixel 2) {CHROME}",
        ),
    ],
)
def test_it_matches_the_browser_on_the_same_device(described: dict[str, str], browser: str) -> None:
    device = device_of(browser_user_agent(described))

    assert device == device_of(browser)
    assert device.tells_people_apart


@pytest.mark.parametrize(
    "described",
    [
        {},
        told("ios", "", "iPhone16,2"),
        told("ios", "17.5", "Mac14,2"),
        told("android", "14", ""),
        told("android", "14; like Mac OS X", "Pixel"),
        told("android", "14", "Pixel) (evil"),
        told("roku-os", "10.5", "Roku"),
        told("", "14", "Pixel"),
    ],
)
def test_a_description_that_says_too_little_describes_nothing(described: dict[str, str]) -> None:
    assert browser_user_agent(described) is None
