"""Tests the page of past data: its recalculation."""

from datetime import date

import msgspec
import pytest

from console.apps.apps import App
from console.audit import list_changes
from shared.database import Connection
from shared.recompute import RecomputeState, read_recompute, report_recompute
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR


def test_an_admin_starts_a_recalculation_which_is_audited(
    admin: Browser, shop: App, redis: Redis, connection: Connection
) -> None:
    at = f"/apps/{shop.id}/past"
    admin.get(at)
    assert "has not been recalculated yet" in admin.text

    admin.send(f"{at}/recompute")

    assert "Waits for a worker" in admin.text
    assert "Start over" in admin.text
    assert waiting_jobs(redis) == 1
    assert list_changes(connection, shop.id, 1)[0].action == "app.recompute"


def test_only_some_days_are_recalculated(
    admin: Browser, shop: App, redis: Redis, connection: Connection
) -> None:
    at = f"/apps/{shop.id}/past"
    admin.get(at)
    for days, sentence in (
        ({"from": "2026-11-01", "to": ""}, "must be a day"),
        ({"from": "soon", "to": "2026-11-02"}, "From must be a date"),
    ):
        assert admin.send(f"{at}/recompute", **days).status_code in {400, 422}
        assert sentence in admin.text
        assert waiting_jobs(redis) == 0
        admin.get(at)

    admin.send(f"{at}/recompute", **{"from": "2026-11-01", "to": "2026-11-30"})

    waiting = read_recompute(redis, shop.id)
    assert waiting
    assert waiting.days == (date(2026, 11, 1), date(2026, 11, 30))
    (change,) = list_changes(connection, shop.id, 1)
    assert change.after == {"first": "2026-11-01", "last": "2026-11-30"}
    done = msgspec.structs.replace(waiting, done=9, total=9, decided=4, state=RecomputeState.DONE)
    report_recompute(redis, shop.id, done)
    admin.get(at)
    assert "recalculation, of 2026-11-01 to 2026-11-30, decided 4 users again" in admin.text


@pytest.mark.parametrize(
    ("state", "seen", "is_live"),
    [
        (RecomputeState.RUNNING, "Decided again: 12 of 50 users", True),
        (RecomputeState.DONE, "The last recalculation decided 12 users again", False),
        (RecomputeState.FAILED, "failed after 12 of 50 users", False),
    ],
)
def test_everybody_sees_how_far_it_is(
    *, admin: Browser, viewer: Browser, shop: App, redis: Redis,
    state: RecomputeState, seen: str, is_live: bool,
) -> None:  # fmt: skip
    at = f"/apps/{shop.id}/past"
    admin.get(at)
    admin.send(f"{at}/recompute")
    waiting = read_recompute(redis, shop.id)
    assert waiting
    progress = msgspec.structs.replace(waiting, done=12, total=50, state=state)
    report_recompute(redis, shop.id, progress)

    markup = viewer.get(at).text

    assert seen in viewer.text
    assert ("data-live" in markup) == is_live
    assert f"{at}/recompute" not in markup
