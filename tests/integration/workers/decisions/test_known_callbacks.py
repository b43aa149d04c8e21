"""A user id may have had callbacks before there was a decision about its user.

So it is once a person was erased whose callbacks others are still told of, and comes back.
"""

from uuid import UUID

import pytest

from shared.callbacks.activities import callback_id
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench

OTHERS = 20  # first decided in the same transaction


@pytest.mark.parametrize(("attempts", "state"), [(1, "delivered"), (0, "waiting")])
def test_what_was_told_of_a_user_id_is_not_told_again_and_delays_nobody(
    bench: Bench, attempts: int, state: str
) -> None:
    run = bench.connection.execute
    [(app_id,)] = run("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id")
    [(endpoint,)] = run(
        "INSERT INTO callback_endpoints (app_id, name, activities, method, url, created_at)"
        " VALUES (%s, 'own', ARRAY['install'], 'GET', 'https://x.example', 'epoch') RETURNING id",
        (app_id,),
    )
    known = callback_id((app_id, "production"), "ann", "install", "", endpoint)
    run(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state, attempts)"
        " VALUES (%s, %s, %s, 'production', 'install', %s, 'epoch', %s, %s)",
        (known, endpoint, app_id, UUID(int=7), state, attempts),
    )
    came = [fresh(app_id=app_id, user_id=user) for user in ("ann", *map(str, range(OTHERS)))]
    bench.send(came)
    bench.drain()

    rows = run("SELECT id, receipt, state, attempts FROM callbacks").fetchall()
    told = {number: values for number, *values in rows}
    receipt = UUID(int=7) if attempts else came[0].receipt  # what waits agrees with the facts
    assert told.pop(known) == [receipt, state, attempts]
    assert len(told) == OTHERS
    assert run("SELECT count(*) FROM set_aside_users").fetchall() == [(0,)]
