"""User agents are read by the first form of the table that they have."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.core.agent_reader import described_by, form_of
from workers.core.agent_table import FORMS, AgentForm
from workers.core.devices import Device

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_example_of_a_form_is_read_by_it(form: AgentForm) -> None:
    found = form_of(form.example)

    assert found is not None
    assert found[0] is form
    assert form.source


@pytest.mark.parametrize(
    ("user_agent", "family", "system", "version"),
    [
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/131.0.0.0 Mobile", "", "Android", ""),
        ("Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-A146U) X", "SM-A146U", "Android", "13"),
        ("Mozilla/5.0 (Linux; arm_64; Android 15; CPH2699) X", "CPH2699", "Android", "15"),
        ("Mozilla/5.0 (Linux; U; Android 4.1.2; es-mx; LG-E450f Build/JZO54K) X", "LG-E450f",
         "Android", "4.1"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; moto g 5G (2022) Build/T1SA33)", "moto g 5G (2022)",
         "Android", "13"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {WEBKIT} Version/26.2 Mobile/1",
         "iPhone", "iOS", "26.2"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6_2 like Mac OS X) {WEBKIT} Version/18.6 Mobile",
         "iPhone", "iOS", "18.6"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {WEBKIT} Mobile/15E148",
         "iPhone", "iOS", "18.6+"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) {WEBKIT} Mobile/23A344",
         "iPhone", "iOS", "26.0"),
        (f"Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) {WEBKIT} Version/16.1", "iPad", "iOS",
         "16.1"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.4 Safari/605.1.15",
         "", "Mac OS X", "safari 17.4"),
        ("Shop/12 CFNetwork/1494.0.7 Darwin/23.4.0", "", "iOS", "17.4"),
        ("Shop/12 CFNetwork/1.0 Darwin/21.6.0", "", "iOS", "15.6-15.8"),
        ("Shop/12 CFNetwork/1.0 Darwin/99.0.0", "", "iOS", ""),
        ("Shop/4.2 (com.shop; build:3; iOS 17.5.1) Alamofire/5.8", "", "iOS", "17.5"),
        ("Shop-iOS/4.2.1 (iPhone; iOS 17.5; Scale/3.00)", "iPhone", "iOS", "17.5"),
        ("ReutersNews/6.0.3 iPad13,4 iPadOS/17.4.1 CFNetwork/1.0 Darwin/23.4.0", "iPad13,4", "iOS",
         "17.4"),
        ("Shop iOS/12.1 (iPhone15,2) CFNetwork/1494.0.7 Darwin/23.4.0", "iPhone15,2", "iOS",
         "17.4"),
        ("Shop/4.2 (com.shop; build:3; macOS 14.4.0) Alamofire/5.8", "", "Mac OS X", ""),
        ("Shop/4.2 (com.shop; build:3; tvOS 17.4.0) Alamofire/5.8", "", "tvOS", ""),
        ("X [FBAN/FBIOS;FBSN/iOS;FBSV/17.0.2;FBDV/iPhone16,1]", "iPhone16,1", "iOS", "17.0"),
        ("Shop-Android/4.2.1 okhttp/4.12.0", "", "Android", ""),
        ("TwitterAndroid/10.20.0 (1) Pixel 8/14 (Google;Pixel 8;google;shiba)", "", "Android", ""),
        ("com.shop.android/4.2.1", "", "Android", ""),
        ("Spotify/8.9.10.616 Android/34 (SM-S911B)", "", "Android", "14"),
        ("Shop/4.2 (Android 14; API 34; Pixel 8)", "", "Android", "14"),
        ("Telegram-Android/11.4 (Samsung SM-S911B; Android 14; SDK 34; HIGH)", "", "Android", "14"),
        ("Shop/4.2 (Android 14; arm64-v8a)", "", "Android", "14"),
        ("Shop/4.2 (Linux; Android 14; de_DE)", "", "Android", "14"),
        ("Mozilla/5.0 (Linux; Android 10; K Build/AP2A.240805.005; wv) Chrome/140", "", "Android",
         ""),
        ("Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00; HMSCore 6.13) Chrome/114",
         "NOH-AN00", "Android", "12"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) Chrome/114 ArkWeb/4.1 Mobile", "", "Android", ""),
        ("Mozilla/5.0 (X11; Linux x86_64) SamsungBrowser/26.0 Chrome/122", "", "Android", ""),
        ("Mozilla/5.0 (Windows Phone 8.1; Android 4.0; Lumia) like iPhone OS 7_0_3 Mac OS X", "",
         "Windows Phone", ""),
    ],
)  # fmt: skip
def test_an_agent_tells_what_its_form_does(
    user_agent: str, family: str, system: str, version: str
) -> None:
    assert described_by(user_agent) == Device(family, system, version)


@pytest.mark.parametrize("library", ["okhttp/4.12.0", "Dart/3.2 (dart:io)", "python-requests/2"])
def test_a_library_tells_nothing(library: str) -> None:
    assert described_by(library) is None


@given(st.text(max_size=300) | st.from_regex(re.compile(r"Android [\d; ()A-Z/]{0,60}")))
def test_any_text_is_read_without_fail(text: str) -> None:
    device = described_by(text)

    assert device is None or device.os
