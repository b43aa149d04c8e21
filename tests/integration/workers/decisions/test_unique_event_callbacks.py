"""A partner hears of a unique event once: repeats neither tell it again nor take it back."""

from typing import Any

import pytest

from shared.events import Event, Kind
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench

CLICK = "a-click-of-the-link"
AT_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize("partner", [True, False], ids=["partner", "own"])
def test_a_repeat_leaves_the_callback_of_the_event_that_counts(
    bench: Bench, order: tuple[int, int], partner: bool
) -> None:
    app_id = _prepare(bench, partner=partner)
    sent = {hour: _event(app_id, hour) for hour in (1, 2)}
    bench.send([_click(app_id)])
    bench.drain()
    for hour in order:
        bench.send([sent[hour]])
        bench.drain()

    told = bench.connection.execute(
        "SELECT receipt FROM callbacks WHERE activity = 'event' AND state = 'waiting'"
    ).fetchall()
    assert told == [(sent[1].receipt,)]


def _prepare(bench: Bench, *, partner: bool) -> int:
    """Creates an app with a unique event type, a partner's link, and an endpoint for events."""
    run = bench.connection.execute
    [(app_id,)] = run("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id")
    [(partner_id,)] = run("INSERT INTO partners (name) VALUES ('Acme') RETURNING id")
    run(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token, is_unique)"
        " VALUES (%s, 'First', 'first', 'once', true)",
        (app_id,),
    )
    run(
        "INSERT INTO links (id, app_id, partner_id, name, offer_id, pub_id, destination)"
        " OVERRIDING SYSTEM VALUE VALUES (7, %s, %s, 'one', '7', '7', 'https://x.example')",
        (app_id, partner_id),
    )
    run(
        "INSERT INTO callback_endpoints (app_id, partner_id, name, activities, method, url,"
        " created_at) VALUES (%s, %s, 'one', ARRAY['event'], 'GET', 'https://x.example', 'epoch')",
        (app_id, partner_id if partner else None),
    )
    return int(app_id)


def _click(app_id: int) -> Event:
    about: dict[str, Any] = {"kind": Kind.CLICK, "user_id": "", "event_id": "", "link_id": 7}
    return fresh(app_id=app_id, click_id=CLICK, event_time_ms=AT_MS, **about)


def _event(app_id: int, hour: int) -> Event:
    about = {"user_id": "ann", "event_id": "first", "click_id": CLICK}
    return fresh(app_id=app_id, event_time_ms=AT_MS + hour * HOUR_MS, **about)
