"""How fast one courier is: a figure for docs/performance.md, and a floor that is far below it."""

import time

from tests.integration.workers.deliver.conftest import Office


def test_a_healthy_endpoint_gets_hundreds_of_callbacks_a_second(office: Office) -> None:
    endpoint = office.endpoint("200", concurrency_max=32)
    office.connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state) SELECT gen_random_uuid(), %s, %s, 'production', 'event',"
        " gen_random_uuid(), now(), 'waiting' FROM generate_series(1, 3000)",
        (endpoint, office.app_id),
    )
    began, cpu = time.monotonic(), time.process_time()

    office.deliver()

    rate = 3000 / (time.monotonic() - began)
    print(
        f"{rate:.0f}/s, {(time.process_time() - cpu) / 3000 * 1e6:.0f} us CPU with the receiver's"
    )
    assert {state for state, *_ in office.states().values()} == {"delivered"}
    assert max(office.receiver.ids.values()) == 1
    assert rate > 200
