"""No regular expression takes exponential time, whatever text somebody sends."""

import importlib
import pkgutil
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from types import FrameType

import pytest

import console
import ingest
import shared
import workers

PROGRAMS = (shared, ingest, workers, console)
# Of CPU, for all texts and a pattern: a thousand times what the slowest takes.
SECONDS_MAX = 20.0
REPEATED_CHARACTERS = 40  # with exponential time, the age of the world
USUAL = "a0-_ :.{%<\n"


def patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Returns every compiled pattern of the product, by the module and name that holds it."""
    for program in PROGRAMS:
        for module in pkgutil.walk_packages(program.__path__, f"{program.__name__}."):
            with suppress(SystemExit):  # what is a program's settings asks for an environment
                importlib.import_module(module.name)
    names = {program.__name__ for program in PROGRAMS}
    return {
        f"{name}.{variable}": pattern
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in names
        for variable, value in sorted(vars(module).items())
        for pattern in (value if isinstance(value, tuple) else (value,))
        if isinstance(pattern, re.Pattern)
    }


def hostile_texts(pattern: str) -> Iterator[str]:
    """Repeats what the pattern speaks of, one character or two, and ends with what it does not."""
    literal = re.sub(r"\\x..|\\u....|\\[dwsSDWbB]|[()\[\]|*+?^$\\]", "", pattern)
    characters = sorted({*USUAL, *literal, *re.findall(r"\\([^\w])", pattern)})[:40]
    pairs = ("".join(pair) for pair in product(characters, characters[:16]))
    for unit, tail in product((*characters, *pairs), ("", "\x01", "x", "!")):
        yield unit * (REPEATED_CHARACTERS // len(unit)) + tail


@contextmanager
def seconds_of_cpu(seconds_max: float, what: str) -> Iterator[None]:
    """Fails if what is inside takes longer; `re` looks for signals while it searches."""

    def fail(_signal: int, _frame: FrameType | None) -> None:
        pytest.fail(what)

    former = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds_max)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def attempt(pattern: re.Pattern[str] | re.Pattern[bytes]) -> None:
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    for hostile in hostile_texts(text):
        subject = hostile.encode("latin-1", "replace") if isinstance(source, bytes) else hostile
        pattern.fullmatch(subject)  # type: ignore[arg-type]  # of the same type as the pattern
        pattern.search(subject)  # type: ignore[arg-type]


def test_no_pattern_takes_exponential_time() -> None:
    found = patterns()
    assert len(found) > 90
    for name, pattern in found.items():
        with seconds_of_cpu(SECONDS_MAX, f"{name} takes exponential time"):
            attempt(pattern)


def test_a_pattern_that_takes_exponential_time_is_found() -> None:
    with (
        pytest.raises(pytest.fail.Exception, match="slow"),
        seconds_of_cpu(0.5, "slow"),
    ):
        attempt(re.compile(r"[0:\-]+|(.)(?:[:\-]*\1){7,}"))
