"""Where the value of a setting comes from: the environment, the file of settings, its default.

A variable of the environment comes before the file of settings that `WAYBILL_CONFIG` names; in
each, a secret may itself stand in a file, named by its variable with `_FILE` behind it.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "WAYBILL_CONFIG"
_CONFIG_BYTES_MAX = 65_536
_NAME = re.compile(r"[A-Z_]{1,64}")


@dataclass(frozen=True)
class Variable:
    """A setting as it is declared. Without a default it must be set."""

    variable: str
    sentence: str
    default: str | None = None
    read: Callable[[str], Any] = str
    is_secret: bool = False

    @property
    def unit(self) -> str:
        """What a number counts: it stands last in the name, but for the end of a range."""
        if self.default is None or not self.default.isdecimal():
            return ""
        match = re.search(r"_([A-Z]+?)(?:_(?:MAX|MIN))?$", self.variable)
        return match[1].lower() if match else ""

    @property
    def file_variable(self) -> str:
        return f"{self.variable}_FILE"


@dataclass(frozen=True)
class Layers:
    """`variables` hold, of which `from_file` came from the file of settings; `faults` of that."""

    variables: Mapping[str, str]
    from_file: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sourced:
    """The text of a setting and where it stands, in words; or why there is none."""

    text: str
    source: str
    fault: str | None = None


def layered(variables: Mapping[str, str], declared: Iterable[Variable]) -> Layers:
    """Reads the file of settings, if one is named. What is wrong with it is told, not raised."""
    named = variables.get(CONFIG)
    if not named:
        return Layers(variables)
    known = list(declared)
    path = Path(named)
    try:
        given = _parse(path)
    except ValueError as fault:
        return Layers(variables, faults=(f"{CONFIG} {fault}",))
    values, faults = _values(given, known, path.parent)
    for each in known:
        # Set by the environment in either way, it is set: the file has nothing to add.
        if variables.get(each.variable) is not None or variables.get(each.file_variable):
            values.pop(each.variable, None)
            values.pop(each.file_variable, None)
    return Layers({**values, **variables}, frozenset(values), tuple(faults))


def find(declared: Variable, layers: Layers) -> Sourced:
    """The value that holds for one setting."""
    text = layers.variables.get(declared.variable)
    if text is not None:
        return Sourced(text, _source(declared.variable, layers))
    path = layers.variables.get(declared.file_variable) if declared.is_secret else None
    if path:
        return _from_file(path, f"{path}, named by {_source(declared.file_variable, layers)}")
    if declared.default is not None:
        return Sourced(declared.default, "default")
    return Sourced("", "", f"is not set. {declared.sentence}")


def _source(variable: str, layers: Layers) -> str:
    return layers.variables[CONFIG] if variable in layers.from_file else "environment"


def _from_file(path: str, source: str) -> Sourced:
    try:
        return Sourced(Path(path).read_text(), source)
    except OSError as fault:
        return Sourced("", source, f"cannot be read from its file: {fault.strerror}")
    except UnicodeDecodeError:
        return Sourced("", source, "cannot be read from its file: it holds no text")


def _parse(path: Path) -> dict[str, Any]:
    """Raises ValueError in words for the terminal, which repeat nothing of the file."""
    try:
        with path.open("rb") as file:
            text = file.read(_CONFIG_BYTES_MAX + 1)
    except OSError as fault:
        raise ValueError(f"cannot be read: {fault.strerror}") from fault
    if len(text) > _CONFIG_BYTES_MAX:
        raise ValueError(f"names a file of more than {_CONFIG_BYTES_MAX} bytes")
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise ValueError("names a file that holds no text") from None
    except tomllib.TOMLDecodeError as fault:
        place = re.search(r"\(at [^)]*\)$", str(fault))
        raise ValueError(f"names a file that is not TOML {place[0] if place else ''}") from None


def _values(
    given: Mapping[str, Any], declared: Iterable[Variable], folder: Path
) -> tuple[dict[str, str], list[str]]:
    """By variable, as text; files that it names lie beside it unless their paths say otherwise."""
    names = {each.variable for each in declared}
    files = {each.file_variable for each in declared if each.is_secret}
    values: dict[str, str] = {}
    faults: list[str] = []
    for name, value in given.items():
        if name not in names | files:
            shown = name if _NAME.fullmatch(name) else "something"
            faults.append(f"{CONFIG} names a file with {shown}, which is no setting of it")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            faults.append(f"{name} must be a text or a whole number in the file of settings")
        else:
            values[name] = str(folder / str(value)) if name in files else str(value)
    return values, faults
