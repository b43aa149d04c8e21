"""Tests where people may have messages sent, with the same rules for whatever is sent."""

import pytest

from console.alerts.destinations import _RULES as ALERTS
from console.reports.schedules.report_schedules import _RULES as SCHEDULES
from console.targets import TargetRules, check_target, shown_target
from shared.errors import OperatorError

BOTH = pytest.mark.parametrize("rules", [ALERTS, SCHEDULES], ids=["alerts", "schedules"])


@BOTH
@pytest.mark.parametrize(
    ("channel", "target"),
    [("mail", " ada@example.com "), ("webhook", "https://receiver.example/in?key=a")],
)
def test_what_fits_its_channel_is_taken(rules: TargetRules, channel: str, target: str) -> None:
    assert check_target(rules, " Ada ", channel, target, ["Bob"]) == ("Ada", target.strip())


@BOTH
@pytest.mark.parametrize(
    ("name", "channel", "target", "sentence"),
    [
        ("Ada", "pigeon", "ada@example.com", "must be one of .*mail"),
        ("Ada", "mail", "https://receiver.example/", "one address of mail"),
        ("Ada", "mail", "ada@example.com\nBcc: eve@example.com", "control characters"),
        ("Ada", "webhook", "ada@example.com", "Target"),
        ("Ada", "webhook", "javascript:alert(1)", "Target"),
        ("Ada", "webhook", "https://receiver.example/{click_id}", "without macros: the "),
        ("Ada", "webhook", "https://receiver.example/" + "x" * 20_000, "characters"),
        ("Bob", "mail", "ada@example.com", "of this name"),
        (" ", "mail", "ada@example.com", "1 to 100 characters"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_rule(
    rules: TargetRules, name: str, channel: str, target: str, sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        check_target(rules, name, channel, target, ["Bob"])


def test_a_target_is_shown_without_the_secrets_of_its_url() -> None:
    assert shown_target("mail", "ada@example.com") == "ada@example.com"
    assert shown_target("webhook", "https://x.example/in?token=abc") == (
        "https://x.example/in?token=***"
    )
