"""Receipts: UUIDv7, sorted by time."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import (
    derived_receipt,
    new_receipt,
    new_receipts,
    receipt_floor,
    receipt_of_click_id,
    receipt_text,
    receipt_time_ms,
    unescaped_click_id_of,
)
from tests.support.build import NOW_MS

times = st.integers(min_value=0, max_value=2**48 - 2)


@given(times)
def test_a_receipt_is_a_uuid_of_version_7(time_ms: int) -> None:
    receipt = new_receipt(time_ms)

    assert (receipt.version, receipt.variant) == (7, RFC_4122)


@given(times)
def test_a_receipt_tells_when_it_was_given(time_ms: int) -> None:
    assert receipt_time_ms(new_receipt(time_ms)) == time_ms


@given(times, times)
def test_receipts_sort_by_the_time_they_were_given_as_ids_and_as_text(one: int, other: int) -> None:
    earlier, later = new_receipt(min(one, other)), new_receipt(max(one, other) + 1)

    assert earlier < later
    assert str(earlier) < str(later)


@given(times, st.integers(0, 50))
def test_receipts_of_events_that_come_together_sort_in_their_order(
    time_ms: int, count: int
) -> None:
    receipts = new_receipts(time_ms, count)

    assert len(set(receipts)) == count
    assert receipts == sorted(receipts)
    assert all(receipt_time_ms(receipt) == time_ms for receipt in receipts)


@given(times)
def test_every_receipt_of_a_millisecond_lies_between_its_floor_and_the_next(time_ms: int) -> None:
    assert receipt_floor(time_ms) < new_receipt(time_ms) < receipt_floor(time_ms + 1)


def test_a_floor_keeps_its_time_and_nothing_else() -> None:
    assert receipt_floor(NOW_MS) == UUID("019b7ca9-8f2e-0000-0000-000000000000")


def test_receipts_of_one_millisecond_differ() -> None:
    assert len({new_receipt(NOW_MS) for _ in range(1000)}) == 1000


@given(times, st.binary())
def test_a_derived_receipt_is_a_receipt_of_its_time(time_ms: int, content: bytes) -> None:
    receipt = derived_receipt(time_ms, content)

    assert (receipt.version, receipt.variant) == (7, RFC_4122)
    assert receipt_time_ms(receipt) == time_ms


def test_a_derived_receipt_is_the_same_for_the_same_and_another_for_anything_else() -> None:
    receipt = derived_receipt(NOW_MS, b"a")

    assert receipt == derived_receipt(NOW_MS, b"a") == UUID("019b7ca9-8f2e-7c7f-8979-bd34e716e325")
    assert len({receipt, derived_receipt(NOW_MS, b"b"), derived_receipt(NOW_MS + 1, b"a")}) == 3


@given(times)
def test_a_click_id_that_no_client_escapes_names_the_receipt_too(time_ms: int) -> None:
    receipt = new_receipt(time_ms)

    click_id = unescaped_click_id_of(receipt)

    assert re.fullmatch("[0-9A-Za-z_-]{22}", click_id)
    assert receipt_of_click_id(click_id) == receipt


def test_a_forked_process_gives_other_receipts_than_its_parent() -> None:
    new_receipt(NOW_MS)  # whatever is drawn ahead is drawn now
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_receipt(NOW_MS).bytes)
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 16) != new_receipt(NOW_MS).bytes
    os.close(reading)
    os.close(writing)


def test_threads_never_share_a_receipt() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(new_receipt, [NOW_MS] * 5_000))

    assert len(set(made)) == len(made)


def test_a_receipt_as_text_is_what_str_makes_of_it() -> None:
    receipt = new_receipt(NOW_MS)

    assert receipt_text(receipt) == str(receipt)
