from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from console.commands.demo import own_stores_only
from console.commands.terminal.demo_view import request_lines, row_lines
from console.delivery.delivery_log import Delivery
from console.delivery.partner_trial import PartnerTrial
from console.demo.calls import CALLS, USER, DemoCall
from console.demo.demo import Answer, Outcome, PartnerCallback
from console.event_records import EventRecord
from console.lookup.trace import Trace, TraceState

RECEIPT = UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PURCHASE = EventRecord(
    receipt=RECEIPT,
    app="Demo",
    environment="production",
    kind="event",
    endpoint="/postback",
    user_id=USER,
    event_id="purchase",
    event_type="Purchase",
    unmapped=False,
    event_time=NOW,
    received_at=NOW,
    idempotency_key=None,
    ip_address=None,
    user_agent=None,
    sale_amount="42",
    sale_amount_currency=None,
    aggregated_event_value=None,
    event_value=None,
    parameters={},
)


def call(target: str) -> DemoCall:
    (demo_call,) = (call for call in CALLS if call.target == target)
    return demo_call


def outcome(event: EventRecord, status: int = 200) -> Outcome:
    purchase = call(f"/postback?user_id={USER}&event_id=purchase&sale_amout=42")
    return Outcome(
        purchase,
        Answer(status, "{}", RECEIPT),
        Trace(RECEIPT, NOW, TraceState.RECORDED, event=event),
    )


def test_the_purchase_of_the_page_is_sent_letter_by_letter() -> None:
    assert request_lines(outcome(PURCHASE).call) == [
        "POST /postback?user_id=0000-AAAA-BBBB-CCCC&event_id=purchase&sale_amout=42",
        "Authorization: s2sTokenForTheStoreApp",
    ]


def test_the_documented_answer_and_row_are_as_documented() -> None:
    assert outcome(PURCHASE).as_documented
    assert "amount 42" in row_lines(outcome(PURCHASE))


def test_another_amount_status_state_or_an_unmapped_row_is_not_as_documented() -> None:
    good = outcome(PURCHASE)
    assert good.trace is not None

    assert not outcome(replace(PURCHASE, sale_amount=None)).as_documented
    assert not outcome(replace(PURCHASE, unmapped=True)).as_documented
    assert not outcome(PURCHASE, status=201).as_documented
    assert not replace(good, trace=replace(good.trace, state=TraceState.QUEUED)).as_documented


def test_a_refused_call_becomes_nothing() -> None:
    refused = call("/postback?s2s_token=s2sTokenForTheStoreApp")

    assert Outcome(refused, Answer(400, "{}", None), None).as_documented
    assert not Outcome(refused, Answer(200, "{}", None), None).as_documented


def test_a_demo_leaves_real_stores_alone() -> None:
    variables = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://real",
        "REDIS_URL_FILE": "/secrets/redis",
        "WAYBILL_SECRET_KEY": "k" * 32,
    }

    assert own_stores_only(variables) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("received", "states", "is_delivered"),
    [
        (["GET /postback?click=1"], ["delivered"], True),
        ([], ["delivered"], False),
        (["GET /postback?click=1"], ["failed"], False),
        (["GET /postback?click=1"], ["delivered", "waiting"], False),
        ([], [], False),
    ],
)
def test_the_partner_was_told_if_it_received_what_the_log_says(
    received: list[str], states: list[str], is_delivered: bool
) -> None:
    deliveries = [
        Delivery(
            id=RECEIPT,
            endpoint_id=1,
            endpoint="Postback link",
            partner="Partner",
            environment="sandbox",
            activity="event",
            user_id=USER,
            event_type="Purchase",
            receipt=RECEIPT,
            event_time=NOW,
            click_id="c",
            state=state,
            reason=None,
            created_at=NOW,
            due_at=NOW,
            attempts=1,
        )
        for state in states
    ]
    trial = PartnerTrial(RECEIPT, "c", USER, "click_id", deliveries)

    assert PartnerCallback(tuple(received), trial).is_delivered == is_delivered
