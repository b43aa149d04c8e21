"""Tests how places in flight are shared out: slow endpoints leave room for those that answer."""

from hypothesis import given
from hypothesis import strategies as st

from workers.deliver.endpoint_shares import Candidate, share_out

PLACES = 512
CANDIDATES = st.lists(
    st.tuples(st.integers(-5, 320), st.integers(0, 40), st.booleans()), max_size=12
).map(lambda rows: [Candidate(number, *row) for number, row in enumerate(rows)])


def test_endpoints_that_answer_get_what_they_have_room_for() -> None:
    known = [Candidate(1, 100, 0, is_quick=True), Candidate(2, 8, 50, is_quick=True)]

    assert share_out(known, PLACES) == {1: 100, 2: 8}


def test_too_few_places_are_shared_and_what_one_leaves_is_for_the_others() -> None:
    known = [
        Candidate(1, 400, 10, is_quick=True),
        Candidate(2, 20, 0, is_quick=True),
        Candidate(3, 400, 0, is_quick=True),
    ]

    assert share_out(known, PLACES) == {2: 20, 3: 241, 1: 241}


def test_however_many_are_dead_half_of_the_places_is_for_those_that_answer() -> None:
    dead = [Candidate(number, 64, 0, is_quick=False) for number in range(40)]
    first = share_out([*dead, Candidate(99, 300, 0, is_quick=True)], PLACES)
    hanging = [each._replace(in_flight=first.get(each.endpoint_id, 0)) for each in dead]

    later = share_out([*hanging, Candidate(99, 300, 0, is_quick=True)], PLACES)

    assert set(first) == {*range(40), 99}  # each is asked
    assert sum(each.in_flight for each in hanging) == PLACES // 2
    assert later == {99: PLACES // 2}


def test_hundreds_that_were_never_asked_leave_a_quarter_to_those_that_answer() -> None:
    unknown = [Candidate(number, 8, 0, is_quick=False) for number in range(1_000)]

    rooms = share_out([*unknown, Candidate(-1, 300, 0, is_quick=True)], PLACES)

    assert rooms[-1] == PLACES // 4
    held = Candidate(-2, 0, PLACES // 2, is_quick=False)
    rooms = share_out([*unknown, held, Candidate(-1, 300, 0, is_quick=True)], PLACES)
    assert rooms[-1] == PLACES // 4
    assert set(rooms.values()) == {1, PLACES // 4}


def test_one_without_a_first_answer_is_asked_although_slow_ones_have_their_half() -> None:
    slow = Candidate(1, 8, PLACES // 2, is_quick=False)

    assert share_out([slow, Candidate(2, 8, 0, is_quick=False)], PLACES) == {2: 1}


@given(CANDIDATES)
def test_no_more_begin_than_there_are_places_or_room(known: list[Candidate]) -> None:
    rooms = share_out(known, PLACES)

    by_id = {each.endpoint_id: each for each in known}
    assert all(0 < room <= by_id[number].room for number, room in rooms.items())
    assert sum(rooms.values()) <= max(0, PLACES - sum(each.in_flight for each in known))


@given(CANDIDATES)
def test_whoever_answers_and_has_room_is_sent_something_while_there_is_a_place(
    known: list[Candidate],
) -> None:
    free = PLACES - sum(each.in_flight for each in known)
    wanting = [each for each in known if each.room > 0]

    rooms = share_out(known, PLACES)

    if free >= len(wanting):
        assert all(each.endpoint_id in rooms for each in wanting if each.is_quick)


def test_where_there_is_not_a_place_for_each_those_that_are_named_first_have_them() -> None:
    slow = [Candidate(number, 1000 - number, 0, is_quick=False) for number in range(900)]
    quick = [Candidate(number, 1 + number, 0, is_quick=True) for number in range(600)]

    assert set(share_out(slow, PLACES)) == set(range(PLACES * 3 // 4))
    assert set(share_out(quick, PLACES)) == set(range(PLACES))
