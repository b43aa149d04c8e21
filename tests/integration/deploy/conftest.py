"""Provides a data folder for each pair of servers, created once: a cluster takes 1 s."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.listen import Listen
from deploy.programs import Program
from deploy.stack import EmbeddedStores, Plan, Stack
from tests.integration.conftest import STORES


@dataclass(frozen=True)
class Machine:
    """A data folder and the servers that a stack runs there."""

    stores: EmbeddedStores
    data: Path

    def stack(
        self,
        *programs: Program,
        say: Callable[[str], None] = print,
        prepare: Callable[[str, str], None] = lambda *_: None,
        variables: dict[str, str] | None = None,
    ) -> Stack:
        return Stack(self.data, variables or {}, Plan(programs, prepare, self.stores), say)


@pytest.fixture(scope="session", params=STORES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(STORES[request.param], tmp_path_factory.mktemp("data"))


@pytest.fixture
def new_machine(machine: Machine, tmp_path: Path) -> Machine:
    """Provides a data folder in which nothing ran before."""
    return Machine(machine.stores, tmp_path / ".waybill")


@pytest.fixture
def messages() -> list[str]:
    """Collects the messages of a stack for the terminal."""
    return []


@pytest.fixture
def listen() -> Listen:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Listen("127.0.0.1", free.getsockname()[1])
