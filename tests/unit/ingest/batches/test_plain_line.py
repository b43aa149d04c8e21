"""The law of the usual event of a batch: read in one pass it is what the readable way reads."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.batches.plain_line import PlainLines
from shared import fields
from shared.errors import RequestError
from shared.events import Event
from shared.integration_log import UnreadValue
from shared.lines.line import decode_line
from shared.lines.line_format import Destination, read_sent_line
from tests.support.build import NOW_MS, RECEIPT, device_id
from tests.support.placeholders import placeholders

UUID_TEXT = "0F0E0D0C-BEAD-4000-8000-000000000001"
SENT = Destination(1, {"Spring": 3}, {}, NOW_MS, 1, "/batch", False, fields.event_time, True)
USUAL = {
    "id": "order-4711",
    "type": "event",
    "time": NOW_MS // 1000,
    "user_id": UUID_TEXT,
    "event_id": "purchase",
    "sale_amount": "4.99",
    "sale_amount_currency": "EUR",
    "aggregated_event_value": "2",
    "ip": "198.51.100.7",
    "user_agent": "Mozilla/5.0 (Linux; Android 14)",
    "device_ids": {"gaid": "38400000-8cf0-11bd-b23e-10b96e40000d"},
    "parameters": {"plan": "premium"},
}
TEXTS = st.sampled_from(
    [
        *("", " ", "u-1", " spaced ", UUID_TEXT, "null", "{user_id}", "0", "x" * 257, "a\0b", "é"),
        *("11111111-1111-1111-1111-111111111111", "d41d8cd9-8f00-b204-e980-0998ecf8427e"),
        *("EUR", "eur", "EURO", "9.99", "1.1234567", "-3", "1e3", "sandbox", "production"),
        *("event", "open", "click", "__open", "198.51.100.7", "2001:db8::1", "x\n", "x" * 20_000),
        *("2026-01-02T00:00:00Z", str(NOW_MS), "02:00:00:00:00:00", device_id("mac")),
    ]
)
TIMES = st.sampled_from(
    [
        *(
            NOW_MS,
            NOW_MS // 1000,
            NOW_MS // 1000 + 90_000,
            1,
            0,
            -5,
            10**15,
            1767323045.5,
            1767323045.0,
        ),
        *(NOW_MS // 1000 - 58 * 86_400, NOW_MS // 1000 - 58 * 86_400 + 1),
    ]
)
VALUES = TEXTS | TIMES | st.none() | placeholders() | st.uuids().map(str)
MAPS = st.dictionaries(
    st.sampled_from(["gaid", "idfa", "mac", "plan", "", "x" * 257, "a\0b", "Country"]),
    VALUES.filter(lambda value: isinstance(value, str)),
    max_size=2,
) | st.just({str(number): "x" for number in range(65)})
NAMES = [*USUAL, "click_id", "link", "environment", "event_value", "ad_network"]


def both(line: dict[str, Any], destination: Destination = SENT) -> tuple[Event | None, object]:
    """What is read in one pass, and what the readable way reads, with what it does not use."""
    unused: list[UnreadValue] = []
    text = json.dumps(line).encode()
    (plain,) = PlainLines(destination).read([text], [RECEIPT])
    try:
        read = read_sent_line(decode_line(text), replace(destination, note=unused.append), RECEIPT)
    except RequestError as error:
        return plain, error
    return plain, (read, unused)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3), MAPS, st.booleans())
def test_an_event_that_is_read_in_one_pass_is_the_same(
    changes: list[tuple[str, Any]], values: dict[str, Any], is_test: bool
) -> None:
    line: dict[str, Any] = {**USUAL}
    for name, value in changes:
        line[name] = values if name in {"device_ids", "parameters"} else value
    plain, read = both(line, replace(SENT, is_test=is_test))

    note(f"plain: {plain is not None}")
    if plain is not None:
        assert read == (plain, [])


CHANGES = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=1)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(CHANGES, MAPS), max_size=5), st.data())
def test_events_that_are_read_together_are_those_that_are_read_alone(
    changed: list[tuple[list[tuple[str, Any]], dict[str, Any]]], data: st.DataObject
) -> None:
    lines: list[dict[str, Any]] = []
    for changes, values in changed:
        line: dict[str, Any] = {**USUAL}
        for name, value in changes:
            line[name] = values if name in {"device_ids", "parameters"} else value
        lines.append(data.draw(st.sampled_from([USUAL, line])))
    texts = [json.dumps(line).encode() for line in lines]
    receipts = [RECEIPT] * len(texts)

    together = PlainLines(SENT).read(texts, receipts)

    note(f"unusual: {together.count(None)} of {len(texts)}")
    assert together == [PlainLines(SENT).read([text], [RECEIPT])[0] for text in texts]


@pytest.mark.parametrize("without", ["", *sorted(USUAL.keys() - {"id", "type", "time", "user_id"})])
def test_the_usual_event_is_read_in_one_pass(without: str) -> None:
    plain, read = both({name: value for name, value in USUAL.items() if name != without})

    assert (plain is not None) is (without != "event_id")
    if plain is not None:
        assert read == (plain, [])
        assert plain.user_id == UUID_TEXT.lower()
        assert plain.idempotency_key == "order-4711"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "open", "event_id": None},
        {"type": "nothing"},
        {"event_id": "__open"},
        {"id": "{id}"},
        {"id": ""},
        {"user_id": "0"},
        {"click_id": "c"},
        {"environment": "sandbox"},
        {"time": "2026-01-02T00:00:00Z"},
        {"user_agent": "undefined"},
        {"device_ids": {"gaid": "0"}},
        {"device_ids": {"gaid": "38400000-8cf0-11bd-b23e-10b96e40000d "}},
        {"parameters": {"": "x"}},
        {"parameters": {"plan": "\0"}},
        {"ip": "nowhere"},
        {"link": "Spring"},
        {"sale_amount": 4.99},
        {"event_value": "gold"},
        {"unknown": 1},
        {"time": -1},
    ],
    ids=str,
)
def test_what_is_unusual_is_left_to_the_readable_way(changes: dict[str, Any]) -> None:
    assert both({**USUAL, **changes})[0] is None
