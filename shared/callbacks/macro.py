"""Defines a macro of a callback: its names, its meaning, and how its value is read.

Everything is text; a value that is not known is None and leaves its place empty.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.callbacks.conversion_facts import SAMPLE, ConversionFacts

Read = Callable[[ConversionFacts], str | None]


@dataclass(frozen=True)
class Macro:
    """A macro. `name` is written {name}, each of `paths` #{path}; either may be missing."""

    name: str
    paths: tuple[str, ...]
    meaning: str
    source: str
    read: Read

    @property
    def example(self) -> str:
        """Returns its value for the sample conversion."""
        return self.read(SAMPLE) or ""


def own(name: str, paths: str, meaning: str, source: str, read: Read) -> Macro:
    """Declares a macro; its paths are separated by spaces."""
    return Macro(name, tuple(paths.split()), meaning, source, read)
