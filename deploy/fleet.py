"""The workers of one launcher, more or fewer of them while they run."""

from collections.abc import Callable

from deploy.processes import Command
from deploy.supervisor import Supervisor

WORKERS_MAX = 64


class Fleet:
    """`command` makes the command of a worker by its name; `names` are those that were started."""

    def __init__(
        self, supervisor: Supervisor, command: Callable[[str], Command], names: tuple[str, ...]
    ) -> None:
        self._supervisor = supervisor
        self._command = command
        self._names = list(names)

    @property
    def count(self) -> int:
        return len(self._names)

    def resize(self, count: int) -> None:
        """To 1 or more. New ones start at once; those that go end after the batch they are at."""
        count = min(max(count, 1), WORKERS_MAX)
        while len(self._names) < count:
            self._add()
        while len(self._names) > count:
            self._supervisor.dismiss(self._names.pop())

    def _add(self) -> None:
        taken = self._supervisor.names  # one that is leaving still has its name
        free = (f"worker-{number}" for number in range(1, 2 * WORKERS_MAX + 1))
        name = next(name for name in free if name not in taken)
        self._supervisor.add(self._command(name), beside=self._names[0])
        self._names.append(name)
