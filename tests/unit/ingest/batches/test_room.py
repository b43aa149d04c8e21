"""The memory of the batches that are under way."""

import pytest

from ingest.batches.room import BatchRoom
from shared.errors import Overloaded


def test_batches_beyond_the_room_are_asked_to_come_again_and_fit_once_others_are_done() -> None:
    room = BatchRoom(10)

    with room.held(6):
        with pytest.raises(Overloaded), room.held(5):
            pass
        with room.held(4):
            pass
    with room.held(10):
        pass


def test_room_is_given_back_though_a_batch_failed() -> None:
    room = BatchRoom(10)

    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), room.held(10):
            raise ValueError("broken")
    with room.held(10):
        pass


def test_a_batch_of_any_allowed_size_fits_into_an_empty_room() -> None:
    with BatchRoom(1).held(5_000_000):
        pass
