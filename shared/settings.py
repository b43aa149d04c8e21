"""Declares every setting once: its variable, reader, default and the sentence that explains it.

The only module that reads the environment. `read_settings` reports all errors at once, before a
program serves anything. `shared.setting_sources` finds where a value comes from.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from shared import setting_readers as readers
from shared.accounts.account_settings import AccountSettings
from shared.day_files.day_file_settings import DayFileSettings
from shared.keys.installation_key import InstallationKey
from shared.logs import LOG_FORMATS, LOG_LEVELS
from shared.setting_sources import (
    Layers,
    SettingsReading,
    Variable,
    layer,
    read_variable,
    require_sound,
    setting,
)
from shared.shards.shard_settings import ShardSettings, shard_faults

FORWARDED_HOPS_MAX = 16
REPLICAS_MAX = 8


def environment() -> Mapping[str, str]:
    """Returns the environment of this process."""
    return os.environ


@dataclass(frozen=True, kw_only=True)
class Settings(AccountSettings, DayFileSettings, ShardSettings):
    """The settings of this process. Times and sizes have their unit at the end of the name."""

    database_url: str = setting(
        "DATABASE_URL",
        readers.url("postgresql", "postgres"),
        "libpq URL of PostgreSQL 15 or newer. Of several hosts, the one that accepts writes.",
        secret=True,
    )
    redis_url: str = setting(
        "REDIS_URL",
        readers.redis_url,
        "URL of Redis 7.0 or newer, or of Valkey. Behind Sentinel: "
        "redis+sentinel://HOST:26379,HOST:26379,HOST:26379/NAME. In a cluster: "
        "redis+cluster://HOST:6379,HOST:6379,HOST:6379.",
        secret=True,
    )
    secret_key: bytes = setting(
        "WAYBILL_SECRET_KEY",
        readers.secret_key,
        "Key of the installation, under which tokens are stored. Use the same key for every "
        "program and keep it safe: with another key no token is valid.",
        secret=True,
    )
    previous_secret_key: str = setting(
        "WAYBILL_PREVIOUS_SECRET_KEY",
        readers.optional_secret_key,
        "The key before WAYBILL_SECRET_KEY, while it is being rotated. Empty: none.",
        "",
        secret=True,
    )
    durability: str = setting(
        "WAYBILL_DURABILITY",
        readers.one_of("strict", "relaxed"),
        "strict: serve only while Redis writes every event to disk before the response "
        "(appendfsync always) and evicts nothing. relaxed: always serve.",
        "strict",
    )
    replicas_min: int = setting(
        "WAYBILL_REPLICAS_MIN",
        readers.between(0, REPLICAS_MAX),
        "Replicas of Redis that must confirm events before the 200. If all of them must, a "
        "failover loses nothing. 0: none.",
        "0",
    )
    batch_events_max: int = setting(
        "WAYBILL_BATCH_EVENTS_MAX",
        readers.count,
        "Maximum number of events in one write to the inbox.",
        "500",
    )
    batch_bytes_max: int = setting(
        "WAYBILL_BATCH_BYTES_MAX",
        readers.count,
        "Maximum size of one write to the inbox.",
        "1048576",
    )
    flush_wait_ms_max: int = setting(
        "WAYBILL_FLUSH_WAIT_MS_MAX",
        readers.count,
        "Time that ingest waits for Redis before it answers 503, so that the whole request takes "
        "less than a second.",
        "700",
    )
    waiting_events_max: int = setting(
        "WAYBILL_WAITING_EVENTS_MAX",
        readers.count,
        "Requests of one ingest process that may wait for a write; further requests get a 503.",
        "10000",
    )
    backlog_events_max: int = setting(
        "WAYBILL_BACKLOG_EVENTS_MAX",
        readers.count,
        "Events in the inbox above which ingest answers 503. At 300 bytes each, the default is "
        "1.2 GB.",
        "4000000",
    )
    memory_percent_max: int = setting(
        "WAYBILL_MEMORY_PERCENT_MAX",
        readers.between(1, 100),
        "Share of Redis's maxmemory above which ingest answers 503. RQ needs the rest to work.",
        "70",
    )
    forwarded_hops: int = setting(
        "WAYBILL_FORWARDED_HOPS",
        readers.between(0, FORWARDED_HOPS_MAX),
        "Number of your own proxies in front of ingest and of the console. As many entries of "
        "X-Forwarded-For, from the right, are trusted to find the address of a person who clicks "
        "or signs in. 0: none.",
        "0",
    )
    drain_events_max: int = setting(
        "WAYBILL_DRAIN_EVENTS_MAX",
        readers.count,
        "Maximum number of events in one transaction. Above 2,000 the gain is small and a retry "
        "costs more.",
        "2000",
    )
    drain_seconds_max: int = setting(
        "WAYBILL_DRAIN_SECONDS_MAX",
        readers.count,
        "Time after which a drain job hands over to the next one, so that a worker can stop soon.",
        "5",
    )
    claim_idle_ms: int = setting(
        "WAYBILL_CLAIM_IDLE_MS",
        readers.count,
        "Time without a sign of life after which another worker claims a worker's events.",
        "5000",
    )
    deliveries_max: int = setting(
        "WAYBILL_DELIVERIES_MAX",
        readers.count,
        "Deliveries of a batch to workers after which its events are tried one by one.",
        "3",
    )
    console_url: str = setting(
        "WAYBILL_CONSOLE_URL",
        readers.public_address,
        "Public address of the console. With https its cookies are sent over TLS only.",
        "http://127.0.0.1:8081",
    )
    hosts: str = setting(
        "WAYBILL_HOSTS",
        readers.host_names,
        "Names, separated by commas, by which browsers and Prometheus reach the console and the "
        "metrics, besides that of WAYBILL_CONSOLE_URL. IP addresses, names without a dot and "
        "private names such as waybill.internal are always served.",
        "",
    )
    ingest_url: str = setting(
        "WAYBILL_INGEST_URL",
        readers.public_address,
        "Public address of ingest for senders and partners, which the console shows in links and "
        "examples.",
        "http://127.0.0.1:8080",
    )
    country_database: str = setting(
        "WAYBILL_COUNTRY_DATABASE",
        readers.absolute_path,
        "An .mmdb file such as GeoLite2 Country, which determines the country of an event by its "
        "address if the sender names none. Only workers read it. Empty: none.",
        "",
    )
    links_file: str = setting(
        "WAYBILL_LINKS_FILE",
        readers.absolute_path,
        "A file that ingest writes the links to, so that a process that starts while Redis is away "
        "redirects all the same. `waybill up` sets it. Empty: none.",
        "",
    )
    erasure_log: str = setting(
        "WAYBILL_ERASURE_LOG",
        readers.absolute_path,
        "File of the log of erasures, for restoring. `waybill up` sets it. Empty: none.",
        "",
    )
    exchange_rates: str = setting(
        "WAYBILL_EXCHANGE_RATES",
        readers.path_or_address,
        "Path or address of the ECB's eurofxref-hist.zip, read daily by the console. Empty: none.",
        "",
    )
    callback_networks: str = setting(
        "WAYBILL_CALLBACK_NETWORKS",
        readers.networks,
        "Networks of your own to which callbacks may be sent, such as 10.1.0.0/16, separated by "
        "commas. Addresses of cloud metadata and of Waybill itself stay refused. Empty: only "
        "public addresses.",
        "",
    )
    callback_ports: str = setting(
        "WAYBILL_CALLBACK_PORTS",
        readers.ports,
        "Ports to which callbacks may be sent besides 80 and 443, separated by commas.",
        "",
    )
    smtp_url: str = setting(
        "WAYBILL_SMTP_URL",
        readers.smtp_url,
        "Mail server of alerts and reports: smtps://USER:PASSWORD@HOST, or smtp://HOST:PORT. "
        "Empty: none.",
        "",
        secret=True,
    )
    mail_from: str = setting(
        "WAYBILL_MAIL_FROM", readers.mail_address, "Sender of mail. Empty: waybill@HOST.", ""
    )
    callback_days_min: int = setting(
        "WAYBILL_CALLBACK_DAYS_MIN",
        readers.count,
        "Minimum time for which a callback and its attempts are kept for the log and for replay.",
        "30",
    )
    key_days_min: int = setting(
        "WAYBILL_KEY_DAYS_MIN",
        readers.count,
        "Minimum time for which an idempotency key is stored.",
        "30",
    )
    log_format: str = setting(
        "WAYBILL_LOG_FORMAT",
        readers.one_of(*LOG_FORMATS),
        "console: lines for people. json: one JSON object per line.",
        "console",
    )
    log_level: str = setting(
        "WAYBILL_LOG_LEVEL",
        readers.one_of(*LOG_LEVELS),
        "warning, info or debug. debug adds a line for each write to the inbox and for each "
        "transaction, with its receipts and entries.",
        "info",
    )
    rejections_max: int = setting(
        "WAYBILL_REJECTIONS_MAX",
        readers.count,
        "Maximum number of refused requests in the rejection log.",
        "10000",
    )


# Those of the stores first, which every program needs.
SETTINGS: dict[str, Variable] = {
    declared.name: declared.metadata["declared"]
    for declared in sorted(fields(Settings), key=lambda it: it.name not in Settings.__annotations__)
}


def layers_of(variables: Mapping[str, str]) -> Layers:
    """Layers the environment over the file of settings that it names, if any."""
    return layer(variables, SETTINGS.values())


def read_each(layers: Layers) -> list[SettingsReading]:
    """Reads every setting, valid or not, in the order of declaration."""
    return [read_variable(name, declared, layers) for name, declared in SETTINGS.items()]


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Reads all settings. Raises OperatorError that names every error."""
    return _read(layers_of(variables), SETTINGS)


def read_ingest_settings(variables: Mapping[str, str]) -> Settings:
    """Reads those of ingest, which knows of no PostgreSQL. Raises OperatorError as above."""
    return _read(layers_of(variables), SETTINGS.keys() - {"database_url"})


def _read(layers: Layers, names: Collection[str]) -> Settings:
    readings = [reading for reading in read_each(layers) if reading.name in names]
    require_sound(layers, readings, shard_faults(layers, readings))
    values = {"database_url": ""} | {each.name: each.value for each in readings}
    values["secret_key"] = InstallationKey(values["secret_key"], values["previous_secret_key"])
    return Settings(**values)
