"""The wire form: what one version writes, another one reads."""

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import (
    Environment,
    Event,
    Kind,
    decode_events,
    encode_event,
    join_events,
    join_parts,
)
from tests.support.build import NOW_MS, RECEIPT, batch, event
from tests.unit.strategies import events

REQUIRED = [RECEIPT.bytes, NOW_MS, 1, 2, "sandbox", "open", "/postback", "user", "__open"]

# A batch as version 1 wrote it. It reads the same for as long as WIRE_VERSION is 1.
WRITTEN = bytes.fromhex(
    "91dc0012c410019b7ca98f2e70008000000000000001cf0000019b7ca98f2e0102a773616e64626f78a46f70656e"
    "a92f706f73746261636bb3303030302d414141412d424242422d43434343a65f5f6f70656ecf0000019b7ca98f29"
    "a36b2d31ab3230332e302e3131332e37c0a23432c0c0c081a8636c69636b5f6964a163"
)


@given(st.lists(events, max_size=3))
def test_what_is_written_is_read_again(sent: list[Event]) -> None:
    assert decode_events(join_events([encode_event(event) for event in sent])) == sent


@pytest.mark.parametrize("count", [0, 1, 15, 16, 500, 65_535, 65_536])
def test_a_batch_of_any_length_is_an_array_of_msgpack(count: int) -> None:
    batch = join_events([b"\xc0"] * count)

    assert msgspec.msgpack.decode(batch) == [None] * count
    assert join_parts([b"\xc0" * count], count) == batch


def test_a_batch_of_this_wire_version_reads_as_it_always_did() -> None:
    assert decode_events(WRITTEN) == [
        event(
            token_id=2,
            environment=Environment.SANDBOX,
            kind=Kind.OPEN,
            event_id="__open",
            event_time_ms=NOW_MS - 5,
            idempotency_key="k-1",
            ip_address="203.0.113.7",
            sale_amount="42",
            parameters={"click_id": "c"},
        )
    ]


def test_an_event_of_an_older_version_without_the_last_fields_still_reads() -> None:
    (read,) = decode_events(msgspec.msgpack.encode([REQUIRED]))

    assert read == event(
        token_id=2,
        environment=Environment.SANDBOX,
        kind=Kind.OPEN,
        user_id="user",
        event_id="__open",
    )
    assert read.parameters == {}
    assert read.event_value is None


def test_a_field_that_a_newer_version_added_is_ignored() -> None:
    optional = [None] * (Event.__struct_fields__.index("parameters") - len(REQUIRED))
    newest = ["a-click", 7, {"idfa": "A"}]
    written = msgspec.msgpack.encode(
        [[*REQUIRED, *optional, {"k": "v"}, *newest, "from the future"]]
    )

    (read,) = decode_events(written)

    assert read.parameters == {"k": "v"}
    assert (read.click_id, read.link_id, read.device_ids) == ("a-click", 7, {"idfa": "A"})


def test_two_events_read_from_short_forms_share_no_parameters() -> None:
    first, second = decode_events(msgspec.msgpack.encode([REQUIRED, REQUIRED]))

    assert first.parameters is not second.parameters


def test_an_unknown_kind_is_not_read_as_another() -> None:
    unknown = [*REQUIRED[:5], "teleport", *REQUIRED[6:]]

    with pytest.raises(msgspec.MsgspecError):
        decode_events(msgspec.msgpack.encode([unknown]))


@pytest.mark.parametrize("damaged", [b"", b"\xc1", b"\x80", batch(event())[:-1]])
def test_bytes_that_are_no_batch_are_told_apart(damaged: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_events(damaged)


def test_the_order_of_the_fields_is_the_wire_form_and_stays() -> None:
    assert Event.__struct_fields__[:18] == (
        "receipt", "received_at_ms", "app_id", "token_id", "environment", "kind", "endpoint",
        "user_id", "event_id", "event_time_ms", "idempotency_key", "ip_address", "user_agent",
        "sale_amount", "sale_amount_currency", "aggregated_event_value", "event_value",
        "parameters",
    )  # fmt: skip


def test_an_event_happened_when_its_sender_says() -> None:
    assert event(event_time_ms=NOW_MS - 5).happened_at_ms == NOW_MS - 5
    assert event(event_time_ms=0).happened_at_ms == 0


def test_an_event_without_a_time_happened_when_it_came() -> None:
    assert event().happened_at_ms == NOW_MS


def test_receipts_travel_as_sixteen_bytes() -> None:
    receipt = UUID(int=7)

    assert receipt.bytes in encode_event(event(receipt=receipt))
