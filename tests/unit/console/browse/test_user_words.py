"""Tests the sentences about a user: who they are, and why they are attributed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from console.browse.user_words import describe_user, span_text
from console.lookup.attributions import AttributionRecord, BeatenClick
from console.lookup.user_timeline import ClickRecord, ClickRole, UserTimeline

AT = datetime(2026, 11, 28, 14, 5, tzinfo=UTC)
RECEIPT = UUID("019b7ca9-8f2e-7000-8000-000000000001")


def decision(**changes: Any) -> AttributionRecord:
    fields: dict[str, Any] = {
        "event_time": AT,
        "receipt": RECEIPT,
        "rule": "organic",
        "click_id": None,
        "origin": None,
        "through": None,
        "beaten": [],
        "considered": 0,
        "is_reattribution": False,
        "rules_version": 1,
        "decided_at": AT,
        "superseded_at": None,
    }
    return AttributionRecord(**{**fields, **changes})


def click(**changes: Any) -> ClickRecord:
    fields: dict[str, Any] = {
        "click_id": "c1",
        "kind": "click",
        "event_time": AT - timedelta(minutes=3, seconds=5),
        "receipt": RECEIPT,
        "origin": "Acme / Summer",
        "ip_address": None,
        "user_agent": None,
        "device_ids": {},
        "parameters": {},
        "role": ClickRole.CREDITED,
    }
    return ClickRecord(**{**fields, **changes})


def user(**changes: Any) -> UserTimeline:
    fields: dict[str, Any] = {
        "app": "Shop",
        "environment": "production",
        "user_id": "somebody",
        "first_time": AT,
        "device_ids": [],
        "clicks": [],
        "events": [],
        "sessions": [],
        "attributions": [],
    }
    return UserTimeline(**{**fields, **changes})


def test_a_user_without_a_decision_says_that_it_comes() -> None:
    assert describe_user(user(first_time=None)) == [
        "A user of Shop (production), not decided yet.",
        "No attribution yet: workers decide within seconds of the first event.",
    ]


@pytest.mark.parametrize(
    ("rule", "kind", "reason"),
    [
        ("click_id", "click", "their events named the ID of this click"),
        ("device_id", "click", "the click had the same device ID"),
        ("address_and_device", "click", "the click came from the same IP address and device"),
        (
            "view_device_id",
            "impression",
            "the impression had the same device ID, and no click counted",
        ),
    ],
)
def test_the_reason_of_an_attribution_is_given_in_words(rule: str, kind: str, reason: str) -> None:
    credited = decision(rule=rule, click_id="c1", origin="Acme / Summer")

    _, sentence = describe_user(user(clicks=[click(kind=kind)], attributions=[credited]))

    assert sentence == f"They came through Acme / Summer, because {reason}, 3 minutes before."


def test_an_organic_user_says_whether_clicks_came_close() -> None:
    none = describe_user(user(attributions=[decision()]))[1]
    lost = [BeatenClick("c1", "device_id", "outside_window")]
    close = describe_user(user(attributions=[decision(beaten=lost, considered=1)]))[1]

    assert none == "They are organic: no click or impression matched this user."
    assert close == "They are organic: 1 click came close, and none could be credited."


def test_a_reattribution_names_the_source_before() -> None:
    later = decision(
        rule="click_id",
        click_id="c1",
        origin="Acme / Summer",
        is_reattribution=True,
        event_time=AT + timedelta(days=9),
    )
    gone = decision(origin="Gone / Link", rule="click_id", click_id="c0", superseded_at=AT)

    sentences = describe_user(user(attributions=[gone, decision(), later]))

    assert sentences[1].startswith("They were reattributed to Acme / Summer, because their events")
    assert sentences[2] == "Before 2026-12-07 they belonged to nobody (organic)."


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(hours=47), "1 day"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(span: timedelta, text: str) -> None:
    assert span_text(span) == text
