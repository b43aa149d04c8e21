"""Takes samples in turn, and computes medians and ratios of medians."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

# What is measured, by name: rate (a second), p50_ms, p99_ms, and CPU in microseconds an event.
Sample = Mapping[str, float]
RATE, P50, P99, CPU = "rate", "p50_ms", "p99_ms", "cpu_us"
REDIS_CPU, POSTGRES_CPU, STACK_CPU = "redis_cpu_us", "postgres_cpu_us", "stack_cpu_us"


@dataclass
class Line:
    """A row of the table: a thing that was measured, once in each round."""

    group: str
    name: str
    unit: str
    samples: list[Sample] = field(default_factory=list)

    def median(self, key: str = RATE) -> float | None:
        values = [sample[key] for sample in self.samples if key in sample]
        return median(values) if values else None

    def spread(self, key: str = RATE) -> tuple[float, float] | None:
        values = [sample[key] for sample in self.samples if key in sample]
        return (min(values), max(values)) if values else None


@dataclass(frozen=True)
class Target:
    """A ratio of two medians to reach; without `against`, a median itself.

    `is_earlier` tells that it was a target of an earlier release, and is still measured.
    """

    name: str
    of: str
    against: str | None
    bound: float
    is_ceiling: bool = False  # True: at most the bound
    key: str = RATE
    is_earlier: bool = False

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.bound if self.is_ceiling else ratio >= self.bound


@dataclass
class Results:
    """The lines of a run by name, in the order in which they were first measured."""

    lines: dict[str, Line] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)

    def add(self, group: str, name: str, unit: str, sample: Sample) -> None:
        line = self.lines.setdefault(name, Line(group, name, unit))
        line.samples.append(sample)

    def ratio(self, target: Target) -> float | None:
        """Returns the ratio, None while either side has not been measured."""
        over = self._median(target.of, target.key)
        if target.against is None or over is None:
            return over
        under = self._median(target.against, target.key)
        return over / under if under else None

    def _median(self, name: str, key: str) -> float | None:
        return self.lines[name].median(key) if name in self.lines else None


Measure = Callable[[], Sample]


def alternate(
    results: Results, group: str, unit: str, rounds: int, measures: Mapping[str, Measure]
) -> None:
    """Measures every variant once per round, each round in the reverse order of the one before.

    So a machine that gets slower, or a neighbour that comes and goes, affects all alike.
    """
    order = list(measures)
    for number in range(rounds):
        for name in order if number % 2 == 0 else reversed(order):
            sample = measures[name]()
            results.add(group, name, unit, sample)
            shown = ", ".join(f"{key} {value:,.1f}" for key, value in sample.items())
            print(f"  {number + 1}/{rounds} {name}: {shown}", file=sys.stderr, flush=True)
