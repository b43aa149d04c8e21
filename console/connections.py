"""Finds and opens the stores of this installation for a command.

Their addresses come from the environment, else from the running `waybill up` of the data folder.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from console.resources import Resources, resources_of
from deploy.addresses import find_addresses
from deploy.environment import child_environment, with_own_logins
from deploy.folder import DataFolder
from deploy.listen import Listen
from shared import database
from shared.access.access_urls import AccessFolder
from shared.access.grantees import Grantee
from shared.database import Connection
from shared.errors import OperatorError
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.setting_sources import Layers
from shared.settings import Settings, layers_of, read_settings

STORES = ("DATABASE_URL", "REDIS_URL")
KEY = "WAYBILL_SECRET_KEY"
PREVIOUS_KEY = "WAYBILL_PREVIOUS_SECRET_KEY"


@dataclass(frozen=True)
class CommandContext:
    """The context of a command: its data folder, and its environment over the settings file."""

    data: Path
    environment: Mapping[str, str]

    @cached_property
    def layers(self) -> Layers:
        return layers_of(self.environment)

    @property
    def variables(self) -> Mapping[str, str]:
        return self.layers.variables


def is_set(variables: Mapping[str, str], name: str) -> bool:
    """Tells whether a variable is set, by value or by `_FILE`; an empty value is not set."""
    return bool(variables.get(name) or variables.get(f"{name}_FILE"))


def running_variables(context: CommandContext) -> dict[str, str]:
    """Returns the variables of the running `waybill up` of the data folder that are not set."""
    running = find_addresses(context.data)
    if running is None:
        return {}
    variables = {
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        KEY: DataFolder.at(context.data).secret_key(),
        PREVIOUS_KEY: DataFolder.at(context.data).previous_key(),
        "WAYBILL_ERASURE_LOG": str(DataFolder.at(context.data).erasure_log),
    }
    # The URLs by which ingest and the console are reached from this machine.
    if running.listen:
        variables["WAYBILL_INGEST_URL"] = Listen.parse(running.listen).url
    if running.console_url:
        variables["WAYBILL_CONSOLE_URL"] = running.console_url
    return {name: value for name, value in variables.items() if not is_set(context.variables, name)}


def load_settings(context: CommandContext) -> Settings:
    """Returns the settings of this installation.

    Raises OperatorError when the stores are not set and no `waybill up` is running.
    """
    variables = {**context.variables, **running_variables(context)}
    if not all(is_set(variables, name) for name in STORES):
        raise OperatorError(
            "Waybill is not running here. Start `waybill up`, or set DATABASE_URL and REDIS_URL."
        )
    return read_settings(variables)


def program_environment(context: CommandContext, grantee: Grantee) -> dict[str, str]:
    """Returns the environment for a program that is started here, with its own logins.

    Raises OperatorError as `load_settings` does.
    """
    settings = load_settings(context)
    variables = {**context.variables, **running_variables(context)}
    child = child_environment(variables, settings.database_url, settings.redis_url, lambda: "")
    return with_own_logins(child, grantee, AccessFolder(DataFolder.at(context.data).access))


@contextmanager
def open_redis(settings: Settings) -> Iterator[Redis]:
    """Opens Redis.

    Raises OperatorError for an invalid URL, without the URL, as it may contain a password.
    """
    try:
        redis = connect_redis(settings.redis_url, settings.names)
    except ValueError:
        raise OperatorError(
            "REDIS_URL is not a valid URL. It must begin with redis://, rediss:// or unix://."
        ) from None
    try:
        yield redis
    finally:
        redis.close()


@contextmanager
def open_database(settings: Settings, *, is_patient: bool = False) -> Iterator[Connection]:
    with database.connect(settings.database_url, "console", is_patient=is_patient) as connection:
        yield connection


@contextmanager
def open_resources(settings: Settings, *, is_patient: bool = False) -> Iterator[Resources]:
    with (
        open_redis(settings) as redis,
        open_database(settings, is_patient=is_patient) as connection,
    ):
        yield resources_of(connection, redis, settings)
