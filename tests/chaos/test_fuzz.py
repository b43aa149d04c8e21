"""The short run of `make fuzz`."""

import os

from tests.chaos.fuzz.ingest_requests import NAMES
from tests.chaos.fuzz.run import fuzz
from tests.chaos.fuzz.target import Target

SEED = int(os.environ.get("FUZZ_SEED", "7"))
REQUESTS = 5_000


def test_names_of_parameters_are_found_in_the_documentation() -> None:
    assert {"user_id", "callback_params", "created_at_unix", "sale_amount", "gaid"} <= set(NAMES)


def test_no_request_is_answered_with_a_fault_and_every_accepted_event_is_a_row() -> None:
    with Target() as target:
        outcome = fuzz(target, REQUESTS, SEED)

    print(f"\nseed {SEED}: {outcome.lines()}")
    assert outcome.faults() == []
    # The draw reaches both sides: what is accepted, and what is refused.
    assert outcome.accepted > REQUESTS // 50
    assert outcome.statuses[400] > REQUESTS // 50
