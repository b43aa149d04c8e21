"""Every setting, declared once: its variable, reader, default and the sentence that explains it.

The one reader of the environment. `read_settings` reports all faults at once, before anything
serves. Where a value comes from is the matter of `shared.setting_sources`.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared import sentinel_url
from shared.errors import OperatorError
from shared.logs import LOG_FORMATS, LOG_LEVELS
from shared.setting_sources import CONFIG, Layers, Sourced, Variable, find, layered

SECRET_KEY_BYTES_MIN = 32
FORWARDED_HOPS_MAX = 16
REPLICAS_MAX = 8


def environment() -> Mapping[str, str]:
    return os.environ


def _url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        url = value.strip()
        if url.partition("://")[0] not in schemes:
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in schemes)}")
        return url

    return read


def _redis_url(value: str) -> str:
    url = _url("redis", "rediss", "unix", *sentinel_url.SCHEMES)(value)
    if sentinel_url.is_sentinel_url(url):
        sentinel_url.parse_sentinel_url(url)
    return url


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ValueError("must be a whole number above 0")
    return int(value)


def _between(smallest: int, largest: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or not smallest <= int(value) <= largest:
            raise ValueError(f"must be a whole number from {smallest} to {largest}")
        return int(value)

    return read


def _public_address(value: str) -> str:
    url = value.strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://console.example.com")
    return url


def _absolute_path(value: str) -> str:
    """Programs work in folders of their own, where a relative path would lead elsewhere."""
    path = value.strip()
    if path and not Path(path).is_absolute():
        raise ValueError("must be a path from the root on, such as /var/lib/waybill/countries.mmdb")
    return path


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return value

    return read


def _secret_key(value: str) -> bytes:
    key = value.strip().encode()
    if len(key) < SECRET_KEY_BYTES_MIN:
        raise ValueError(f"must be at least {SECRET_KEY_BYTES_MIN} characters of random text")
    return key


def _setting(
    variable: str,
    read: Callable[[str], Any],
    sentence: str,
    default: str | None = None,
    *,
    secret: bool = False,
) -> Any:
    declared = Variable(variable, sentence, default, read, is_secret=secret)
    return field(metadata={"declared": declared}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for this process. Times and sizes carry their unit last in the name."""

    database_url: str = _setting(
        "DATABASE_URL",
        _url("postgresql", "postgres"),
        "PostgreSQL 15 or newer, as a libpq URL; of several hosts, the one that takes writes.",
        secret=True,
    )
    redis_url: str = _setting(
        "REDIS_URL",
        _redis_url,
        "Redis 7.0 or newer, or Valkey, as a URL; behind Sentinel as "
        "redis+sentinel://HOST:26379,HOST:26379,HOST:26379/NAME.",
        secret=True,
    )
    secret_key: bytes = _setting(
        "WAYBILL_SECRET_KEY",
        _secret_key,
        "The installation's key: tokens are stored under it. The same for every program; "
        "keep it, for with another one no token is known.",
        secret=True,
    )
    durability: str = _setting(
        "WAYBILL_DURABILITY",
        _one_of("strict", "relaxed"),
        "strict: serve only while Redis writes every event to disk before the answer "
        "(appendfsync always) and evicts nothing. relaxed: serve anyway.",
        "strict",
    )
    replicas_min: int = _setting(
        "WAYBILL_REPLICAS_MIN",
        _between(0, REPLICAS_MAX),
        "Replicas of Redis that have to confirm events before the 200. As many as there are lose "
        "nothing at a failover. 0: none.",
        "0",
    )
    batch_events_max: int = _setting(
        "WAYBILL_BATCH_EVENTS_MAX", _count, "Events that share one write to the inbox.", "500"
    )
    batch_bytes_max: int = _setting(
        "WAYBILL_BATCH_BYTES_MAX", _count, "Size of one write to the inbox.", "1048576"
    )
    flush_wait_ms_max: int = _setting(
        "WAYBILL_FLUSH_WAIT_MS_MAX",
        _count,
        "How long ingest waits for Redis before it answers 503; under a second with the rest.",
        "700",
    )
    waiting_events_max: int = _setting(
        "WAYBILL_WAITING_EVENTS_MAX",
        _count,
        "Requests of one ingest process that may wait for a write; more get 503.",
        "10000",
    )
    backlog_events_max: int = _setting(
        "WAYBILL_BACKLOG_EVENTS_MAX",
        _count,
        "Events in the inbox beyond which ingest answers 503; at 300 bytes each, 1.2 GB.",
        "4000000",
    )
    memory_percent_max: int = _setting(
        "WAYBILL_MEMORY_PERCENT_MAX",
        _between(1, 100),
        "Share of Redis maxmemory beyond which ingest answers 503; RQ needs the rest to work.",
        "70",
    )
    forwarded_hops: int = _setting(
        "WAYBILL_FORWARDED_HOPS",
        _between(0, FORWARDED_HOPS_MAX),
        "Proxies of your own in front of ingest: so many entries of X-Forwarded-For, from the "
        "right, are believed to find the address of a person who clicks. 0: none.",
        "0",
    )
    drain_events_max: int = _setting(
        "WAYBILL_DRAIN_EVENTS_MAX",
        _count,
        "Events of one transaction; beyond 2,000 the gain is small and a retry costs more.",
        "2000",
    )
    drain_seconds_max: int = _setting(
        "WAYBILL_DRAIN_SECONDS_MAX",
        _count,
        "How long one drain job works before it hands over, so that a worker stops soon.",
        "5",
    )
    claim_idle_ms: int = _setting(
        "WAYBILL_CLAIM_IDLE_MS",
        _count,
        "Silence after which a worker's events are taken over by another.",
        "5000",
    )
    deliveries_max: int = _setting(
        "WAYBILL_DELIVERIES_MAX",
        _count,
        "How often a batch may be taken up before its events are tried one by one.",
        "3",
    )
    console_url: str = _setting(
        "WAYBILL_CONSOLE_URL",
        _public_address,
        "How people reach the console. With https its cookies travel over TLS alone.",
        "http://127.0.0.1:8081",
    )
    ingest_url: str = _setting(
        "WAYBILL_INGEST_URL",
        _public_address,
        "How senders and partners reach ingest; the console puts it into links and examples.",
        "http://127.0.0.1:8080",
    )
    country_database: str = _setting(
        "WAYBILL_COUNTRY_DATABASE",
        _absolute_path,
        "An .mmdb file, as GeoLite2 Country: the country of an event whose sender names none, by "
        "its address. Workers alone read it. Empty: none.",
        "",
    )
    key_days_min: int = _setting(
        "WAYBILL_KEY_DAYS_MIN", _count, "How long an idempotency key is kept.", "30"
    )
    log_format: str = _setting(
        "WAYBILL_LOG_FORMAT",
        _one_of(*LOG_FORMATS),
        "console: lines for people. json: one JSON object a line.",
        "console",
    )
    log_level: str = _setting(
        "WAYBILL_LOG_LEVEL",
        _one_of(*LOG_LEVELS),
        "warning, info or debug. debug adds a line for each write to the inbox and for each "
        "transaction, with the receipts and entries in it.",
        "info",
    )
    rejections_max: int = _setting(
        "WAYBILL_REJECTIONS_MAX", _count, "Refused requests that the log keeps.", "10000"
    )


SETTINGS: dict[str, Variable] = {each.name: each.metadata["declared"] for each in fields(Settings)}

# Read by one program alone, before or without the settings.
PROGRAM_VARIABLES = (
    Variable(
        CONFIG,
        "A file of settings for every program: TOML, each setting by its variable. What the "
        "environment sets comes before it.",
    ),
    Variable(
        "WAYBILL_DATA", "waybill: the data folder, where --data does not name it.", ".waybill"
    ),
    Variable("WEB_CONCURRENCY", "gunicorn: ingest processes of one address.", "1"),
)


@dataclass(frozen=True)
class SettingsReading:
    """One setting as it stands here: its value as text and where from, or what is wrong with it."""

    name: str
    declared: Variable
    found: Sourced
    value: Any
    fault: str | None


def layers_of(variables: Mapping[str, str]) -> Layers:
    """The environment over the file that it names, if any."""
    return layered(variables, SETTINGS.values())


def read_each(layers: Layers) -> list[SettingsReading]:
    """Every setting, in the order of declaration, faulty or not."""
    return [_read(name, declared, layers) for name, declared in SETTINGS.items()]


def log_settings(variables: Mapping[str, str]) -> tuple[str, str]:
    """Format and level, while it is not sure that the settings are whole; a faulty one is unset."""
    layers = layers_of(variables)
    readings = [_read(name, SETTINGS[name], layers) for name in ("log_format", "log_level")]
    log_format, level = (each.value or str(each.declared.default) for each in readings)
    return log_format, level


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Raises OperatorError that names every fault."""
    layers = layers_of(variables)
    readings = read_each(layers)
    _require_sound(layers, readings)
    return Settings(**{each.name: each.value for each in readings})


def check_settings(variables: Mapping[str, str], added: Collection[str]) -> None:
    """As `read_settings`, before the variables `added` are: those may still be unset."""
    layers = layers_of(variables)
    readings = [
        each
        for each in read_each(layers)
        if each.found.text.strip() or each.declared.variable not in added
    ]
    _require_sound(layers, readings)


def _require_sound(layers: Layers, readings: Iterable[SettingsReading]) -> None:
    faults = [*layers.faults]
    faults += [f"{each.declared.variable} {each.fault}" for each in readings if each.fault]
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise OperatorError(f"These settings need attention:\n{lines}")


def _read(name: str, declared: Variable, layers: Layers) -> SettingsReading:
    found = find(declared, layers)
    value, fault = None, found.fault
    if fault is None:
        try:
            value = declared.read(found.text)
        except ValueError as refusal:
            fault = str(refusal)
    return SettingsReading(name, declared, found, value, fault)
