"""Where the stores of this installation are, and how a command opens them.

The environment says it; where it does not, the running `waybill up` of the data folder does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from console.resources import Resources
from deploy.addresses import Addresses, find_addresses
from deploy.environment import child_environment
from deploy.folder import DataFolder
from deploy.listen import Listen
from shared import database
from shared.database import Connection
from shared.errors import OperatorError
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.setting_sources import Layers
from shared.settings import Settings, layers_of, read_settings

STORES = ("DATABASE_URL", "REDIS_URL")
KEY = "WAYBILL_SECRET_KEY"


@dataclass(frozen=True)
class CommandContext:
    """Where a command is run: its data folder, and its environment over the file of settings."""

    data: Path
    environment: Mapping[str, str]

    @cached_property
    def layers(self) -> Layers:
        return layers_of(self.environment)

    @property
    def variables(self) -> Mapping[str, str]:
        return self.layers.variables


def is_set(variables: Mapping[str, str], name: str) -> bool:
    """Itself, or as the name of a file that holds it. Nothing between the quotes is not set."""
    return bool(variables.get(name) or variables.get(f"{name}_FILE"))


def running_here(context: CommandContext) -> dict[str, str]:
    """What the running `waybill up` of the data folder says where nothing else does."""
    running = _running(context.data)
    return {name: value for name, value in running.items() if not is_set(context.variables, name)}


def settings_here(context: CommandContext) -> Settings:
    """Raises OperatorError where nothing runs and nothing is set."""
    variables = {**context.variables, **running_here(context)}
    if not all(is_set(variables, name) for name in STORES):
        raise OperatorError(
            "Waybill is not running here. Start `waybill up`, or set DATABASE_URL and REDIS_URL."
        )
    return read_settings(variables)


def environment_here(context: CommandContext) -> dict[str, str]:
    """What a program that is started here is to see. Raises OperatorError as `settings_here`."""
    settings = settings_here(context)
    variables = {**context.variables, **running_here(context)}
    return child_environment(variables, settings.database_url, settings.redis_url, lambda: "")


@contextmanager
def open_redis(settings: Settings) -> Iterator[Redis]:
    """Raises OperatorError when the address is none; not repeated, as it may hold a password."""
    try:
        redis = connect_redis(settings.redis_url)
    except ValueError:
        raise OperatorError(
            "REDIS_URL is not an address. It begins with redis://, rediss:// or unix://."
        ) from None
    try:
        yield redis
    finally:
        redis.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Connection]:
    with database.connect(settings.database_url, "console") as connection:
        yield connection


@contextmanager
def open_resources(settings: Settings) -> Iterator[Resources]:
    with open_redis(settings) as redis, open_database(settings) as connection:
        yield Resources(connection, redis, settings.secret_key)


def _running(data: Path) -> dict[str, str]:
    found = find_addresses(data)
    if found is None:
        return {}
    return {
        "DATABASE_URL": found.database_url,
        "REDIS_URL": found.redis_url,
        KEY: DataFolder.at(data).secret_key(),
        **_served(found),
    }


def _served(found: Addresses) -> dict[str, str]:
    """Where what runs here is reached from this machine."""
    ingest = {"WAYBILL_INGEST_URL": Listen.parse(found.listen).url} if found.listen else {}
    return ingest | ({"WAYBILL_CONSOLE_URL": found.console_url} if found.console_url else {})
