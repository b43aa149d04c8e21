"""Splitting a body into raw events."""

import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.body import BATCH_BYTES_MAX, BodyForm
from ingest.batches.envelope import EVENTS_MAX, raw_events
from ingest.batches.refusals import MalformedBody, TooManyEvents
from shared.errors import RequestError

JSON, LINES = BodyForm.JSON, BodyForm.LINES

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def events_of(body: bytes, form: BodyForm = JSON) -> list[object]:
    return [json.loads(bytes(raw)) for raw in raw_events(body, form)]


@given(st.lists(json_values, max_size=5), st.sampled_from([None, 1]))
def test_an_array_an_object_with_it_and_lines_are_the_same_events(
    events: list[object], indent: int | None
) -> None:
    array = json.dumps(events, indent=indent, ensure_ascii=False).encode()
    envelope = json.dumps({"events": events}, indent=indent).encode()
    lines = "\r\n\n".join(map(json.dumps, events)).encode()

    assert events_of(array) == events_of(envelope) == events
    assert not events or events_of(lines + b"\n \n", LINES) == events


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    assert events_of(b"\xef\xbb\xbf[1]") == events_of(b"\xef\xbb\xbf1", LINES) == [1]


def test_a_line_that_is_no_json_is_left_to_be_refused_alone() -> None:
    assert [bytes(raw) for raw in raw_events(b'{"a":1}\n{"a"\n[]', LINES)] == [
        b'{"a":1}', b'{"a"', b"[]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"[", b"[1", b"[1,]", b"{", b"null", b"1", b'"text"', b"{}", b"[1] [2]",
        b'{"event":[]}', b'{"events":{}}', b'{"events":null}', b'{"events":[],"more":1}',
        b"[" * 100_000, b'{"events":' * 50_000, "[1]".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        raw_events(body, JSON)

    assert '{"events": […]}' in caught.value.message


@pytest.mark.parametrize("body", [b"", b"\n\n", b" \r\n"])
def test_lines_have_to_be_there(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        raw_events(body, LINES)


def test_a_thousand_events_are_a_batch_and_one_more_is_too_many() -> None:
    most = ["x"] * EVENTS_MAX
    assert len(events_of(json.dumps(most).encode())) == EVENTS_MAX
    assert len(events_of(b"1\n" * EVENTS_MAX, LINES)) == EVENTS_MAX
    for body, form in (
        (json.dumps([*most, "x"]).encode(), JSON),
        (json.dumps({"events": [*most, "x"]}).encode(), JSON),
        (b"1\n" * (EVENTS_MAX + 1), LINES),
    ):
        with pytest.raises(TooManyEvents) as caught:
            raw_events(body, form)
        assert f"{EVENTS_MAX}" in caught.value.message


def test_commas_in_texts_are_no_events() -> None:
    commas = [{"event_value": "," * 10_000}] * 100

    assert events_of(json.dumps(commas).encode()) == commas


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"[" + b"1," * (BATCH_BYTES_MAX // 2 - 2) + b"1]", JSON),
        (b"[" + b"{}," * (BATCH_BYTES_MAX // 3 - 2) + b"{}]", JSON),
        (b'{"events":[' + b"{}," * (BATCH_BYTES_MAX // 3 - 9) + b"{}]}", JSON),
        (b"1\n" * (BATCH_BYTES_MAX // 2), LINES),
        (b"\n" * BATCH_BYTES_MAX, LINES),
    ],
    ids=["numbers", "objects", "objects in an envelope", "lines", "blank lines"],
)
def test_a_body_of_millions_of_elements_takes_little_memory(body: bytes, form: BodyForm) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RequestError):
            raw_events(body, form)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 60_000_000


@given(st.binary(max_size=200), st.sampled_from(BodyForm))
def test_any_bytes_are_split_or_refused(body: bytes, form: BodyForm) -> None:
    with suppress(RequestError):
        assert len(raw_events(body, form)) <= len(body)
