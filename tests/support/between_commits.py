"""Every state that can stand between two commits, as the steps that lead through them.

A worker commits the facts of a batch, and later decides what they may have changed. Between these
two, any other worker or lane may do the one or the other with a batch of its own, a worker may die,
so that its batch is delivered again, and all users of an app may be decided anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from hypothesis import strategies as st

Fact = TypeVar("Fact")

BATCH_FACTS_MAX = (1, 1, 2, 3, 9)


class Does(Enum):
    RECORD = "record"
    DERIVE = "derive"
    RECOMPUTE = "recompute"


@dataclass(frozen=True)
class Step(Generic[Fact]):
    """One transaction's work; `facts` are those of its batch, none for a recompute."""

    does: Does
    facts: tuple[Fact, ...] = ()


@st.composite
def steps(draw: st.DrawFn, facts: Sequence[Fact]) -> list[Step[Fact]]:
    """Any borders of batches, and any order of their steps in which facts come before decisions.

    Every fact is recorded, and derived after that; some batches come twice, some the first time to
    a worker that dies between the two.
    """
    batches = _cut(facts, draw(st.lists(st.sampled_from(BATCH_FACTS_MAX), min_size=len(facts))))
    again = [batch for batch in batches if draw(st.booleans())]
    deaths = [draw(st.booleans()) for _ in again]
    deliveries = [_whole(batch) for batch in batches]
    deliveries += [
        _whole(batch)[:1] if dies else _whole(batch)
        for batch, dies in zip(again, deaths, strict=True)
    ]
    deliveries += [[Step(Does.RECOMPUTE)]] * draw(st.sampled_from((0, 0, 0, 1, 2)))
    turns = [number for number, each in enumerate(deliveries) for _ in each]
    left = [iter(each) for each in deliveries]
    return [next(left[number]) for number in draw(st.permutations(turns))]


def _whole(batch: tuple[Fact, ...]) -> list[Step[Fact]]:
    return [Step(Does.RECORD, batch), Step(Does.DERIVE, batch)]


def _cut(facts: Sequence[Fact], sizes: Sequence[int]) -> list[tuple[Fact, ...]]:
    batches, rest = [], tuple(facts)
    for size in sizes:
        if rest:
            batches.append(rest[:size])
            rest = rest[size:]
    return batches
