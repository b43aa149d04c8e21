"""Decisions through every state between two commits: none raises, and the last are the oracle's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.between_commits import Does, steps
from tests.support.oracle import Timeline, timeline
from tests.support.worlds import World, worlds
from tests.unit.workers.core.oracle_facts import (
    assert_attributions_agree,
    attribution_of,
    session_of,
)
from tests.unit.workers.core.tables import Tables, UserKey
from workers.core.history import in_order


@settings(max_examples=700, deadline=None)
@given(worlds(), st.data())
def test_whatever_was_committed_in_between_the_last_decisions_are_the_oracles(
    world: World, data: st.DataObject
) -> None:
    tables = Tables(world)

    for step in data.draw(steps(world.facts)):
        tables.take(step)

    for user in world.users:
        _assert_stands(tables, user, world.timeline(*user))


@settings(max_examples=700, deadline=None)
@given(worlds(), st.data())
def test_a_user_who_is_decided_for_the_first_time_is_decided_from_all_committed_facts(
    world: World, data: st.DataObject
) -> None:
    """Also by the batch of somebody else, whose facts are later: a click, or a second open."""
    tables = Tables(world)

    for step in data.draw(steps(world.facts)):
        tables.take(step)
        for user in tables.decided_first if step.does is Does.DERIVE else ():
            _assert_stands(tables, user, _of_committed(tables, user))


def _of_committed(tables: Tables, user: UserKey) -> Timeline:
    world = tables.world
    committed = {receipt for each in tables.users.values() for receipt in each.signals}
    calls = [call for call in world.calls if call.receipt in committed]
    own = [call for call in calls if (call.app, call.user) == user]
    return timeline(own, tables.clicks.values(), world.rules, others=calls)


def _assert_stands(tables: Tables, user: UserKey, expected: Timeline) -> None:
    found = tables.users[user]
    assert_attributions_agree([attribution_of(it) for it in found.attributions], expected)
    assert [session_of(it) for it in found.sessions] == list(expected.sessions)
    assert (found.known.device_ids, found.known.click_ids) == (
        expected.device_ids,
        expected.click_ids,
    )
    assert found.first is not None
    assert found.first.moment == in_order(found.signals.values())[0].moment
