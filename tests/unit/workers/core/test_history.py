"""The order of a history, and what a user is known by."""

from functools import reduce
from operator import or_

from tests.unit.workers.core.build import event, history, identity_of, opened
from workers.core.history import (
    USER_CLICK_IDS_MAX,
    USER_DEVICE_IDS_MAX,
    Identity,
    Moment,
    in_order,
)


def test_signals_are_ordered_by_time_and_then_by_receipt() -> None:
    a, b, c = opened(1, "b"), opened(2, "a"), opened(2, "c")

    assert in_order([c, b, a]) == (a, b, c)


def test_a_device_id_of_nobody_does_not_decide_which_of_two_comes_first() -> None:
    told, silent = opened(1, "b", device_ids={"0000"}), opened(1, "a")

    assert in_order([told, silent]) == (silent, told)


def test_signals_that_are_in_order_are_not_sorted_again() -> None:
    ordered = in_order([opened(2, "a"), opened(1, "b")])

    assert in_order(ordered) is ordered


def test_a_receipt_that_comes_twice_is_one_signal() -> None:
    assert in_order([opened(1, "r"), opened(1, "r")]) == (opened(1, "r"),)


def test_a_moment_without_a_receipt_comes_before_all_of_its_millisecond() -> None:
    assert Moment(4, "zz") < Moment(5, "") < Moment(5, "0")


def test_a_user_is_known_by_all_that_their_calls_carried() -> None:
    told = [
        opened(1, device_ids={"GAID-1", "0000"}),
        event(2, click_ids={"C1"}),
        event(3, device_ids={"idfv-2", "gaid-1"}),
    ]

    assert identity_of(told) == Identity(frozenset({"gaid-1", "idfv-2"}), frozenset({"C1"}))


def test_a_part_of_a_history_is_told_what_the_rest_carried() -> None:
    known = Identity(frozenset({"idfv-2"}))

    part = history(opened(1, device_ids={"gaid-1"}), known=known)

    assert part.identity.device_ids == {"gaid-1", "idfv-2"}


def test_a_user_of_too_many_ids_keeps_one_too_many_and_is_identified_by_none() -> None:
    many = [f"{n:05}" for n in range(5_000)]
    names = [Identity(frozenset({it}), frozenset({it})) for it in many]
    shuffled = [*names[::2], *names[1::2]]

    told = reduce(or_, names)

    assert reduce(or_, shuffled) == told
    assert told.device_ids == frozenset(many[: USER_DEVICE_IDS_MAX + 1])
    assert told.click_ids == frozenset(many[: USER_CLICK_IDS_MAX + 1])
    assert told.without(Identity()) == Identity()


def test_ids_of_too_many_identify_nobody_and_the_others_do() -> None:
    own = Identity(frozenset({"a", "b"}), frozenset({"c", "d"}))
    wide = Identity(frozenset({"a"}), frozenset({"d"}))

    assert own.without(wide) == Identity(frozenset({"b"}), frozenset({"c"}))
