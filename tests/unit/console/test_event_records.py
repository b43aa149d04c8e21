from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from console.event_records import record_from_event, time_from_ms
from shared.events import Environment, Event, Kind
from shared.ids import new_receipt


def test_a_time_that_no_calendar_has_is_none() -> None:
    assert time_from_ms(1_000) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert time_from_ms(-1) is None
    assert time_from_ms(1 << 60) is None


@given(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_an_event_that_could_not_be_stored_can_be_read_whatever_it_holds(
    time_ms: int, text: str, parameters: dict[str, str]
) -> None:
    event = Event(
        receipt=new_receipt(0),
        received_at_ms=time_ms,
        app_id=7,
        token_id=1,
        environment=Environment.PRODUCTION,
        kind=Kind.EVENT,
        endpoint="/postback",
        user_id=text,
        event_id=text,
        sale_amount=text,
        parameters=parameters,
    )

    record = record_from_event(event, {7: "Shop"})

    assert (record.app, record.sale_amount, record.parameters) == ("Shop", text, parameters)
