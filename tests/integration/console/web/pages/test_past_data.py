"""Tests the page of past data: its recalculation."""

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
