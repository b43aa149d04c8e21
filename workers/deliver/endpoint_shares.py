"""Shares out the callbacks that may be in flight among endpoints. Pure.

An endpoint that answers within a second frees its places at once; one that is slow or dead holds
each for up to ten. So those of the second kind have half of all places together, however many
they are. Beyond it each of them is still asked once, up to three quarters: which of them answers
is found out by asking, and the last places are for those that do.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Candidate(NamedTuple):
    """An endpoint for which something is due, or in flight. `room` is what it may begin itself."""

    endpoint_id: int
    room: int
    in_flight: int
    is_quick: bool


def share_out(candidates: Iterable[Candidate], in_flight_max: int) -> dict[int, int]:
    """Returns how many callbacks of each endpoint may begin, for those that may begin any.

    Where not even one place for each is free, those that are named first have them. So whoever
    has had none for the longest time is to be named first.
    """
    known = list(candidates)
    free = max(0, in_flight_max - sum(each.in_flight for each in known))
    held = sum(each.in_flight for each in known if not each.is_quick)
    slow = [each for each in known if each.room > 0 and not each.is_quick]
    quick = [each for each in known if each.room > 0 and each.is_quick]
    free_for_slow = max(0, free - len(quick))
    rooms = _fill(slow, min(free_for_slow, max(0, in_flight_max // 2 - held)))
    unasked = [each for each in slow if each.in_flight == 0 and each.endpoint_id not in rooms]
    used = sum(rooms.values())
    asked = max(0, min(free_for_slow - used, in_flight_max * 3 // 4 - held - used))
    rooms |= {each.endpoint_id: 1 for each in unasked[:asked]}
    return rooms | _fill(quick, free - sum(rooms.values()))


def _fill(wanting: Sequence[Candidate], places: int) -> dict[int, int]:
    """Gives each an equal part; what one has no room for is for the others."""
    rooms: dict[int, int] = {}
    served = sorted(wanting, key=lambda each: each.in_flight)[: max(0, places)]
    order = sorted(served, key=lambda each: (each.in_flight, each.room))
    for number, each in enumerate(order):
        room = min(each.room, max(1, places // (len(order) - number)), places)
        if room > 0:
            rooms[each.endpoint_id] = room
            places -= room
    return rooms
