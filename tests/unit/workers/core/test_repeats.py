"""Idempotency keys: what is the same call, what is another one."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Environment, Event, Kind
from tests.support.build import NOW_MS, RECEIPT, event
from tests.unit.strategies import events
from workers.core.repeats import Key, Owner, Repeat, fingerprint, key_of, separate

OTHER_RECEIPT = UUID(int=2)
KEY: Key = (1, Environment.PRODUCTION, "k")


def keyed(**changes: Any) -> Event:
    return event(**{"idempotency_key": "k", **changes})


def test_a_key_is_one_within_its_app_and_environment() -> None:
    assert key_of(keyed()) == key_of(keyed(receipt=OTHER_RECEIPT)) == KEY
    assert key_of(keyed(app_id=2)) != KEY
    assert key_of(keyed(environment=Environment.SANDBOX)) != KEY
    assert key_of(event()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"receipt": OTHER_RECEIPT},
        {"received_at_ms": NOW_MS + 1},
        {"token_id": 2},
        {"parameters": {"b": "2", "a": "1"}},
    ],
)
def test_a_repeat_has_the_same_fingerprint_whenever_and_however_it_came(
    change: dict[str, Any],
) -> None:
    first = keyed(parameters={"a": "1", "b": "2"})

    assert fingerprint(keyed(**{"parameters": {"a": "1", "b": "2"}, **change})) == fingerprint(
        first
    )


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "other"},
        {"event_id": "other"},
        {"sale_amount": "43"},
        {"sale_amount": None},
        {"sale_amount_currency": "USD"},
        {"aggregated_event_value": "42"},
        {"event_value": "v"},
        {"event_time_ms": 1},
        {"ip_address": "203.0.113.7"},
        {"user_agent": "UA"},
        {"kind": Kind.OPEN},
        {"environment": Environment.SANDBOX},
        {"endpoint": "/s2sevent"},
        {"parameters": {"a": "2"}},
        {"parameters": {"a": "1", "b": ""}},
        {"parameters": {}},
    ],
)
def test_another_call_has_another_fingerprint(change: dict[str, Any]) -> None:
    first = {"sale_amount": "42", "parameters": {"a": "1"}}

    assert fingerprint(keyed(**{**first, **change})) != fingerprint(keyed(**first))


@given(events, st.randoms())
def test_the_order_of_parameters_is_no_part_of_a_fingerprint(sent: Event, random: Any) -> None:
    shuffled = list(sent.parameters.items())
    random.shuffle(shuffled)
    fields = {name: getattr(sent, name) for name in sent.__struct_fields__}

    assert fingerprint(Event(**{**fields, "parameters": dict(shuffled)})) == fingerprint(sent)


def test_a_fingerprint_does_not_change_the_event() -> None:
    sent = keyed(parameters={"b": "2", "a": "1"})

    fingerprint(sent)

    assert list(sent.parameters) == ["b", "a"]
    assert sent.receipt == RECEIPT


def test_a_repeat_that_comes_after_an_upgrade_is_still_a_repeat() -> None:
    assert fingerprint(keyed()).hex() == "1f4f6be063380efb42c7693cf68fb85b"


def test_an_event_without_a_key_is_fresh() -> None:
    assert separate([event(), event()], {}) == ([event(), event()], [])


def test_the_owner_of_a_key_is_fresh_however_often_it_is_recorded() -> None:
    owner = keyed()

    assert separate([owner], {KEY: Owner(RECEIPT, fingerprint(owner))}) == ([owner], [])


def test_a_repeat_points_to_the_first() -> None:
    repeat = keyed(receipt=OTHER_RECEIPT)
    owners = {KEY: Owner(RECEIPT, fingerprint(keyed()))}

    assert separate([repeat], owners) == ([], [Repeat(repeat, RECEIPT, conflict=False)])


def test_a_repeat_with_another_body_is_a_conflict() -> None:
    repeat = keyed(receipt=OTHER_RECEIPT, sale_amount="43")
    owners = {KEY: Owner(RECEIPT, fingerprint(keyed(sale_amount="42")))}

    assert separate([repeat], owners) == ([], [Repeat(repeat, RECEIPT, conflict=True)])


def test_the_first_and_its_repeat_may_be_in_one_batch_in_any_order() -> None:
    first, repeat = keyed(), keyed(receipt=OTHER_RECEIPT)
    owners = {KEY: Owner(RECEIPT, fingerprint(first))}

    for batch in ([first, repeat], [repeat, first]):
        assert separate(batch, owners) == ([first], [Repeat(repeat, RECEIPT, conflict=False)])


@given(st.lists(events, unique_by=lambda sent: sent.receipt, max_size=8))
def test_every_event_is_either_fresh_or_a_repeat(sent: list[Event]) -> None:
    owners: dict[Key, Owner] = {}
    for each in sent:
        if (key := key_of(each)) is not None:
            owners.setdefault(key, Owner(each.receipt, fingerprint(each)))

    fresh, repeats = separate(sent, owners)

    accounted = [each.receipt for each in fresh] + [repeat.event.receipt for repeat in repeats]
    assert sorted(accounted) == sorted(each.receipt for each in sent)
    assert {repeat.first_receipt for repeat in repeats} <= {each.receipt for each in fresh}
