"""Tests that events are in the reports within seconds, rolled up by the running workers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.system.conftest import Running
from tests.system.servers import until
from tests.system.traffic import get, send

COUNTED_SECONDS_MAX = 30


def test_an_accepted_event_is_in_the_report_of_its_day(running: Running) -> None:
    user = uuid4().hex
    before = _total(running)
    target = (
        f"/postback?s2s_token={running.token}&user_id={user}&event_id=purchase"
        "&sale_amount=4.20&sale_amount_currency=EUR"
    )
    (answer,) = send(running.port, [get(target)], connections=1).answers
    assert answer.status == 200

    def counted() -> bool:
        total = _total(running)
        return bool(
            total["events"] > before["events"]
            and total["installs"] > before["installs"]
            and float(total["revenue"]) >= float(before["revenue"]) + 4.20 - 1e-9
        )

    until(counted, COUNTED_SECONDS_MAX, "the event being counted")


def _total(running: Running) -> dict[str, Any]:
    """Reports yesterday to tomorrow, because midnight may pass while the test runs."""
    now, day = datetime.now(UTC), timedelta(days=1)
    days = ("--from", f"{now - day:%Y-%m-%d}", "--to", f"{now + day:%Y-%m-%d}")
    total = running.waybill.json("report", "--app", "Shop", "--by", "total", *days)
    found: dict[str, Any] = total["report"]["total"]
    return found
