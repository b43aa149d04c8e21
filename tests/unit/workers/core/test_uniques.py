"""Which of a user's unique events counts."""

from collections.abc import Iterable
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from workers.core.uniques import Occurrence, UniqueKey, settle, ties

KEYS: list[UniqueKey] = [
    (1, "production", 5, "u"),
    (1, "sandbox", 5, "u"),
    (1, "production", 5, "v"),
]

occurrences = st.builds(
    Occurrence, st.integers(0, 3), st.integers(0, 9).map(lambda number: UUID(int=number))
)
reports = st.lists(
    st.tuples(st.sampled_from(KEYS), occurrences), unique_by=lambda one: one[1].receipt
)
batches = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8)

Report = tuple[UniqueKey, Occurrence]


def settled(sent: Iterable[list[Report]]) -> tuple[dict[UniqueKey, Occurrence], set[UUID]]:
    """What counts after all batches, and which receipts do not."""
    standing: dict[UniqueKey, Occurrence] = {}
    uncounted: set[UUID] = set()
    for batch in sent:
        result = settle(standing, batch)
        standing |= result.counting
        uncounted |= {occurrence.receipt for _, occurrence in result.beaten}
    return standing, uncounted


@given(reports)
def test_the_earliest_counts_and_no_other(sent: list[Report]) -> None:
    standing, uncounted = settled([sent])

    for key in {key for key, _ in sent}:
        mine = sorted(occurrence for of, occurrence in sent if of == key)
        assert standing[key] == mine[0]
        assert {occurrence.receipt for occurrence in mine[1:]} <= uncounted
    assert uncounted.isdisjoint(occurrence.receipt for occurrence in standing.values())


@given(reports, st.data(), batches)
def test_order_repetition_and_borders_between_batches_change_nothing(
    sent: list[Report], data: st.DataObject, again: list[list[int]]
) -> None:
    shuffled = data.draw(st.permutations(sent))
    cut = data.draw(st.integers(0, len(sent)))
    repeated = [[sent[index] for index in batch if index < len(sent)] for batch in again]

    assert settled([shuffled[:cut], *repeated, shuffled[cut:], shuffled]) == settled([sent])


def test_what_counts_already_is_no_change() -> None:
    key, first = KEYS[0], Occurrence(1, UUID(int=1))

    assert settle({key: first}, [(key, first)]) == ({}, [])


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=5), st.randoms())
def test_within_a_millisecond_the_content_decides_whatever_the_receipts(
    contents: list[str], random: Random
) -> None:
    sent = [Occurrence(7, UUID(int=number)) for number in range(len(contents))]
    said = {it.receipt: content for it, content in zip(sent, contents, strict=True)}
    random.shuffle(sent)
    reports = [(KEYS[0], it) for it in sent]

    counts = settle({}, reports, said).counting[KEYS[0]]

    assert said[counts.receipt] == min(contents)
    assert ties({}, reports) == sorted(said)
