"""Reads the settings in force, each with its value and source; secrets are masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from console.connections import CommandContext, running_variables
from shared.country_database import fault_of_file
from shared.redaction import MASK
from shared.setting_sources import Layers, SettingsReading
from shared.settings import SETTINGS, read_each

_PREFIX = "WAYBILL_"


@dataclass(frozen=True)
class EffectiveSetting:
    """A setting in force. `value` is None when it is not set; a secret is masked."""

    variable: str
    value: str | None
    unit: str
    source: str
    fault: str | None


@dataclass(frozen=True)
class Configuration:
    """`faults` are those of the settings file; `unknown` variables look like settings."""

    settings: list[EffectiveSetting]
    faults: tuple[str, ...]
    unknown: list[str]

    @property
    def is_valid(self) -> bool:
        return not self.faults and not any(setting.fault for setting in self.settings)


def read_configuration(context: CommandContext, other_variables: frozenset[str]) -> Configuration:
    """Reads the settings of a command.

    `other_variables` are known variables of the programs that are not settings.
    """
    running = running_variables(context)
    layers = Layers({**context.variables, **running}, context.layers.from_file)
    declared = SETTINGS.values()
    files = {setting.file_variable for setting in declared if setting.is_secret}
    known = {setting.variable for setting in declared} | files | other_variables
    return Configuration(
        [_effective(reading, running) for reading in read_each(layers)],
        context.layers.faults,
        # Some may be misspelt settings; Kubernetes sets some of its own under any name.
        sorted(
            name for name in context.variables if name.startswith(_PREFIX) and name not in known
        ),
    )


def mask_url(url: str) -> str:
    """Returns the scheme, hosts and path of a URL, without user, password and query.

    A URL that cannot be split with certainty is masked completely.
    """
    parts = urlsplit(url.strip())
    _, at, hosts = parts.netloc.rpartition("@")
    if "@" in parts.path + parts.query + parts.fragment:
        return MASK
    user = f"{MASK}@" if at else ""
    query = f"?{MASK}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{user}{hosts}{parts.path}{query}"


def _effective(reading: SettingsReading, running: Mapping[str, str]) -> EffectiveSetting:
    declared, found = reading.declared, reading.found
    source = "running waybill up" if declared.variable in running else found.source
    fault = reading.fault
    if not fault and reading.name == "country_database" and reading.value:
        fault = fault_of_file(Path(reading.value))
    value = found.text.strip() if found.source else None
    if value is not None and declared.is_secret:
        is_url = declared.variable.endswith("_URL") and not reading.fault
        value = mask_url(found.text) if is_url else MASK
    return EffectiveSetting(declared.variable, value, declared.unit, source, fault)
