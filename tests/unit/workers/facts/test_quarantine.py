"""Under which id a batch stands aside that cannot be read."""

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import receipt_floor, receipt_time_ms
from shared.shards.shard_names import SHARD_MAX
from tests.support.build import NOW_MS
from workers.facts.quarantine import entry_receipt

shards = st.integers(min_value=0, max_value=SHARD_MAX)
times = st.integers(min_value=0, max_value=2**48 - 1)
sequences = st.integers(min_value=0, max_value=2**64 - 1)


@given(times, sequences, shards)
def test_the_id_of_an_entry_keeps_its_time(time_ms: int, sequence: int, shard: int) -> None:
    assert receipt_time_ms(entry_receipt(f"{time_ms}-{sequence}", shard)) == time_ms


@given(times, sequences, sequences, st.sets(shards, min_size=2, max_size=2))
def test_entries_of_two_shards_never_have_one_id(
    time_ms: int, sequence: int, other: int, numbers: set[int]
) -> None:
    ids = {
        entry_receipt(f"{time_ms}-{each}", shard) for each in (sequence, other) for shard in numbers
    }

    assert len(ids) == 2 * len({sequence, other})


@given(st.tuples(times, sequences), st.tuples(times, sequences))
def test_two_entries_have_two_ids_in_their_order(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    ids = [entry_receipt(f"{time_ms}-{sequence}") for time_ms, sequence in (one, other)]

    assert (ids[0] < ids[1]) == (one < other)
    assert (ids[0] == ids[1]) == (one == other)


def test_the_first_entry_of_a_millisecond_has_its_floor() -> None:
    assert entry_receipt(f"{NOW_MS}-0") == receipt_floor(NOW_MS)
