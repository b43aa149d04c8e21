"""What is done when. The same seed, length and kinds give the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CALM_SECONDS = 4.0  # before the first fault
TOGETHER = 0.35  # the share of steps with two faults at once
FAULT_SECONDS = (0.5, 3.0)
GAP_SECONDS = (0.6, 2.0)
# One fault in eight lasts longer than a worker may be silent before another takes its entries.
LONG_SHARE = 0.12
LONG_SECONDS = (8.0, 14.0)


@dataclass(frozen=True)
class Kind:
    """A kind of fault. Two of one `part` are never done at once: both would hold the same thing.

    `lasts` tells whether its length means anything.
    """

    name: str
    part: str
    lasts: bool = True


@dataclass(frozen=True)
class Fault:
    """`chance` seeds what the fault itself draws, such as which worker is killed."""

    kind: str
    at_seconds: float
    seconds: float
    chance: int


def draw(seed: int, seconds: float, kinds: Sequence[Kind]) -> list[Fault]:
    """Every kind comes once before any comes again."""
    chance = random.Random(f"schedule/{seed}")
    bag = _shuffled_for_ever(chance, kinds)
    faults: list[Fault] = []
    at = CALM_SECONDS
    waiting: list[Kind] = []
    while at < seconds:
        first = waiting.pop(0) if waiting else next(bag)
        step = [first]
        if chance.random() < TOGETHER:
            second = next(bag)
            if second.part == first.part:
                waiting.append(second)
            else:
                step.append(second)
        lengths = [_length(chance, kind) for kind in step]
        faults += [
            Fault(kind.name, round(at, 2), length, chance.randrange(1 << 30))
            for kind, length in zip(step, lengths, strict=True)
        ]
        at += max(lengths) + chance.uniform(*GAP_SECONDS)
    return [fault for fault in faults if fault.at_seconds + fault.seconds <= seconds]


def _shuffled_for_ever(chance: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from chance.sample(kinds, len(kinds))


def _length(chance: random.Random, kind: Kind) -> float:
    is_long = chance.random() < LONG_SHARE
    seconds = chance.uniform(*(LONG_SECONDS if is_long else FAULT_SECONDS))
    return round(seconds, 2) if kind.lasts else 0.2


def printed(faults: Sequence[Fault]) -> str:
    return "\n".join(
        f"  {fault.at_seconds:7.2f} s  {fault.seconds:5.2f} s  {fault.kind}" for fault in faults
    )
