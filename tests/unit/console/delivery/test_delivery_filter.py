"""Tests how a choice of callbacks is read: each field by its rule, and nothing else."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from console.delivery.delivery_filter import FIELDS, DeliveryFilter, read_delivery_filter
from shared.errors import BadValue

CALLBACK_ID = "019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"


def test_nothing_that_is_given_leaves_everything_open() -> None:
    assert read_delivery_filter(dict.fromkeys(FIELDS, "")) == DeliveryFilter()


def test_each_field_is_read() -> None:
    values = {
        "endpoint_id": "7",
        "partner": "Acme",
        "state": "failed",
        "reason": "status 404",
        "activity": "install",
        "user_id": "user-1",
        "click_id": "click-1",
        "callback_id": CALLBACK_ID,
        "from": "2026-11-28T14:05+01:00",
        "to": "2026-11-29",
    }

    wanted = read_delivery_filter(values)

    assert set(values) == set(FIELDS)
    assert wanted == DeliveryFilter(
        endpoint_id=7,
        partner="Acme",
        state="failed",
        reason="status 404",
        activity="install",
        user_id="user-1",
        click_id="click-1",
        callback_id=UUID(CALLBACK_ID),
        begin=datetime(2026, 11, 28, 13, 5, tzinfo=UTC),
        end=datetime(2026, 11, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("endpoint_id", "one"),
        ("endpoint_id", "-1"),
        ("endpoint_id", "\u0667"),
        ("endpoint_id", str(2**63)),
        ("endpoint_id", "9" * 5_000),
        ("state", "sent"),
        ("activity", "uninstall"),
        ("callback_id", "7"),
        ("from", "yesterday"),
        ("to", "2026-02-30"),
        ("to", "0001-01-01"),
    ],
)
def test_what_breaks_a_rule_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadValue, match="must be"):
        read_delivery_filter({name: text})
