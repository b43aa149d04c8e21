"""The URL that a click carries for an activity, under the names of Adjust and Swaarm."""

import pytest
from msgspec.structs import replace

from shared.callbacks.carried_urls import carried_url
from shared.callbacks.conversion_facts import SAMPLE

URL = "https://partner.example/cb?id={click_id}"


@pytest.mark.parametrize("prefix", ["", "adj_"])
@pytest.mark.parametrize(
    ("activity", "name"),
    [
        ("install", "install_callback"),
        ("install", "conversion_callback"),
        ("reattribution", "reattribution_callback"),
        ("reattribution", "conversion_callback"),
        ("session", "session_callback"),
        ("click", "click_callback"),
        ("impression", "impression_callback"),
        ("rejected_install", "rejected_install_callback"),
        ("rejected_install", "rejected_install"),
        ("rejected_reattribution", "rejected_reattribution_callback"),
        ("rejected_reattribution", "rejected_reattribution"),
        ("event", "event_callback_pur123"),
        ("event", "event_callback_abc_pur123_def"),
        ("event", "event_callback_purchase"),
    ],
)
def test_each_activity_has_its_parameter(activity: str, name: str, prefix: str) -> None:
    told = replace(SAMPLE, activity=activity, click_parameters={prefix + name: URL})

    assert carried_url(told, ["partner.example"]) == URL
    others = {"install", "reattribution", "session", "click", "impression", "event"} - {activity}
    shared = {"install", "reattribution"} if "conversion" in name else set()
    for other in others - shared:
        assert carried_url(replace(told, activity=other), ["partner.example"]) is None


@pytest.mark.parametrize(
    ("name", "url", "hosts"),
    [
        ("event_callback_pur123", URL, []),
        ("event_callback_pur123", URL, ["other.example"]),
        ("event_callback_pur123", "https://partner.example.evil.example/", ["partner.example"]),
        ("event_callback_pur123", "https://partner.example@evil.example/", ["partner.example"]),
        ("event_callback_pur123", "https://{click_id}/", ["partner.example"]),
        ("event_callback_pur123", "ftp://partner.example/", ["partner.example"]),
        ("event_callback_pur12", URL, ["partner.example"]),
        ("event_callback_", URL, ["partner.example"]),
        ("EVENT_CALLBACK_pur123", URL, ["partner.example"]),
    ],
)
def test_a_url_that_may_not_be_used_is_not(name: str, url: str, hosts: list[str]) -> None:
    assert carried_url(replace(SAMPLE, click_parameters={name: url}), hosts) is None


def test_an_event_without_a_type_takes_no_empty_name() -> None:
    told = replace(SAMPLE, event_token=None, event_id=None)

    assert carried_url(replace(told, click_parameters={"event_callback_": URL}),
                       ["partner.example"]) is None  # fmt: skip


def test_an_unknown_macro_in_a_clicks_url_leaves_its_place_empty() -> None:
    url = "https://partner.example/cb?x={no_such_macro}"

    assert carried_url(
        replace(SAMPLE, click_parameters={"event_callback_pur123": url}), ["partner.example"]
    ) == url  # fmt: skip
