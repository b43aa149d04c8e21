"""What holds here: each setting, its value and where it comes from, secrets masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from console.connections import CommandContext, running_here
from shared.country_database import fault_of_file
from shared.redaction import MASK
from shared.setting_sources import Layers
from shared.settings import SETTINGS, SettingsReading, read_each

_PREFIX = "WAYBILL_"


@dataclass(frozen=True)
class Held:
    """One setting as it holds here. `value` is None where there is none; a secret is masked."""

    variable: str
    value: str | None
    unit: str
    source: str
    fault: str | None


@dataclass(frozen=True)
class Configuration:
    """`faults` are those of the file of settings; `unknown` variables look like settings."""

    settings: list[Held]
    faults: tuple[str, ...]
    unknown: list[str]

    @property
    def is_whole(self) -> bool:
        return not self.faults and not any(held.fault for held in self.settings)


def read_configuration(place: CommandContext, known_besides: frozenset[str]) -> Configuration:
    """`known_besides` are variables of the programs that are no settings."""
    running = running_here(place)
    layers = Layers({**place.variables, **running}, place.layers.from_file)
    return Configuration(
        [_held(reading, running) for reading in read_each(layers)],
        place.layers.faults,
        _unknown(place.variables, known_besides),
    )


def masked_url(url: str) -> str:
    """Its scheme, hosts and path; who and with which password stays out, and so does a query.

    An address that cannot be taken apart for certain is masked whole.
    """
    parts = urlsplit(url.strip())
    _, at, hosts = parts.netloc.rpartition("@")
    if "@" in parts.path + parts.query + parts.fragment:
        return MASK
    who = f"{MASK}@" if at else ""
    query = f"?{MASK}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{who}{hosts}{parts.path}{query}"


def _held(reading: SettingsReading, running: Mapping[str, str]) -> Held:
    declared, found = reading.declared, reading.found
    source = "running waybill up" if declared.variable in running else found.source
    fault = reading.fault or _fault_of_file(reading)
    return Held(declared.variable, _shown(reading), declared.unit, source, fault)


def _fault_of_file(reading: SettingsReading) -> str | None:
    is_given = reading.name == "country_database" and reading.value
    return fault_of_file(Path(reading.value)) if is_given else None


def _shown(reading: SettingsReading) -> str | None:
    if not reading.found.source:
        return None
    if not reading.declared.is_secret:
        return reading.found.text.strip()
    is_url = reading.declared.variable.endswith("_URL") and not reading.fault
    return masked_url(reading.found.text) if is_url else MASK


def _unknown(variables: Mapping[str, str], known_besides: frozenset[str]) -> list[str]:
    """Misspelt settings among them, perhaps; Kubernetes sets some of its own under any name."""
    secrets = {each.file_variable for each in SETTINGS.values() if each.is_secret}
    known = {each.variable for each in SETTINGS.values()} | secrets | known_besides
    return sorted(name for name in variables if name.startswith(_PREFIX) and name not in known)
