"""Finds the value of a setting: in the environment, the file of settings, or its default.

A variable of the environment takes precedence over the file of settings that `WAYBILL_CONFIG`
names; in both, a secret may be read from a file of its own, named by its variable with the suffix
`_FILE`. A secret that is set in both ways is an error: nobody could say which one counts.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import OperatorError

CONFIG = "WAYBILL_CONFIG"
_CONFIG_BYTES_MAX = 65_536
_SECRET_BYTES_MAX = 65_536
_NAME = re.compile(r"[A-Z_]{1,64}")


@dataclass(frozen=True)
class Variable:
    """The declaration of a setting. Without a default it must be set."""

    variable: str
    sentence: str
    default: str | None = None
    read: Callable[[str], Any] = str
    is_secret: bool = False

    @property
    def unit(self) -> str:
        """Returns the unit of a number, from the end of its name before MAX or MIN."""
        if self.default is None or not self.default.isdecimal():
            return ""
        match = re.search(r"_([A-Z]+?)(?:_(?:MAX|MIN))?$", self.variable)
        return match[1].lower() if match else ""

    @property
    def file_variable(self) -> str:
        """Returns the variable that names a file with the value."""
        return f"{self.variable}_FILE"


def setting(
    variable: str,
    read: Callable[[str], Any],
    sentence: str,
    default: str | None = None,
    *,
    secret: bool = False,
) -> Any:
    """Declares a field of the settings. A secret is left out of its representation."""
    declared = Variable(variable, sentence, default, read, is_secret=secret)
    return field(metadata={"declared": declared}, repr=not secret)


# Read by one program alone, before or without the settings.
PROGRAM_VARIABLES = (
    Variable(
        CONFIG,
        "A TOML file of settings for every program, each under its variable. The environment takes "
        "precedence over it.",
    ),
    Variable("WAYBILL_DATA", "waybill: the data folder, unless --data names it.", ".waybill"),
    Variable("WEB_CONCURRENCY", "gunicorn: number of ingest processes of one address.", "1"),
)


@dataclass(frozen=True)
class Layers:
    """The variables in force, those of them `from_file`, and the errors of that file (`faults`)."""

    variables: Mapping[str, str]
    from_file: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sourced:
    """The text of a setting and its source in words, or the reason why there is none."""

    text: str
    source: str
    fault: str | None = None


@dataclass(frozen=True)
class SettingsReading:
    """A setting of this process: its value, its text and source, or what is wrong with it."""

    name: str
    declared: Variable
    found: Sourced
    value: Any
    fault: str | None


def layer(variables: Mapping[str, str], declared: Iterable[Variable]) -> Layers:
    """Reads the file of settings, if one is named. Its errors are returned, not raised."""
    config = variables.get(CONFIG)
    if not config:
        return Layers(variables)
    settings = list(declared)
    path = Path(config)
    try:
        content = _parse(path)
    except ValueError as error:
        return Layers(variables, faults=(f"{CONFIG} {error}",))
    values, faults = _values(content, settings, path.parent)
    for setting in settings:
        # If the environment sets it, in either way, the file's value is ignored.
        if variables.get(setting.variable) is not None or variables.get(setting.file_variable):
            values.pop(setting.variable, None)
            values.pop(setting.file_variable, None)
    return Layers({**values, **variables}, frozenset(values), tuple(faults))


def find(declared: Variable, layers: Layers) -> Sourced:
    """Finds the value of one setting."""
    text = layers.variables.get(declared.variable)
    path = layers.variables.get(declared.file_variable) if declared.is_secret else None
    if path and not text:
        source = f"{path}, named by {_source(declared.file_variable, layers)}"
        try:
            return Sourced(read_secret_file(path), source)
        except ValueError as error:
            return Sourced("", source, f"cannot be read from its file: {error}")
    if text is not None:
        twice = f"is set twice, also by {declared.file_variable}. Remove one of them"
        return Sourced(text, _source(declared.variable, layers), twice if path else None)
    if declared.default is not None:
        return Sourced(declared.default, "default")
    return Sourced("", "", f"is not set. {declared.sentence}")


def read_secret_file(path: str) -> str:
    """Returns the text of a file, without the end of its last line.

    Raises ValueError, whose message repeats nothing of the file.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_SECRET_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(error.strerror) from error
    if len(content) > _SECRET_BYTES_MAX:
        raise ValueError(f"it has more than {_SECRET_BYTES_MAX} bytes")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None


def _source(variable: str, layers: Layers) -> str:
    return layers.variables[CONFIG] if variable in layers.from_file else "environment"


def _parse(path: Path) -> dict[str, Any]:
    """Parses the file. Raises ValueError, whose message repeats nothing of the file."""
    try:
        with path.open("rb") as file:
            text = file.read(_CONFIG_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if len(text) > _CONFIG_BYTES_MAX:
        raise ValueError(f"names a file of more than {_CONFIG_BYTES_MAX} bytes")
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [^)]*\)$", str(error))
        raise ValueError(f"names a file that is not TOML {place[0] if place else ''}") from None


def read_variable(name: str, declared: Variable, layers: Layers) -> SettingsReading:
    """Reads one setting, valid or not."""
    found = find(declared, layers)
    value, fault = None, found.fault
    if fault is None:
        try:
            value = declared.read(found.text)
        except ValueError as error:
            fault = str(error)
    return SettingsReading(name, declared, found, value, fault)


def require_sound(
    layers: Layers, readings: Iterable[SettingsReading], others: Iterable[str] = ()
) -> None:
    """Raises OperatorError that names every error of the file, of the readings, and `others`."""
    wrong = [reading for reading in readings if reading.fault]
    faults = [*layers.faults, *(f"{each.declared.variable} {each.fault}" for each in wrong)]
    faults += others
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise OperatorError(f"These settings are missing or invalid:\n{lines}")


def _values(
    content: Mapping[str, Any], settings: Iterable[Variable], folder: Path
) -> tuple[dict[str, str], list[str]]:
    """Returns the texts of a file of settings by variable, and its errors.

    Relative paths in it are resolved against its own folder.
    """
    names = {setting.variable for setting in settings}
    files = {setting.file_variable for setting in settings if setting.is_secret}
    values: dict[str, str] = {}
    faults: list[str] = []
    for name, value in content.items():
        if name not in names | files:
            shown = name if _NAME.fullmatch(name) else "something"
            faults.append(f"{CONFIG} names a file that sets {shown}, which is not a setting")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            faults.append(f"{name} must be a string or a whole number in the file of settings")
        else:
            values[name] = str(folder / str(value)) if name in files else str(value)
    return values, faults
