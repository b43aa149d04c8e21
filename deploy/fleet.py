"""Changes the number of workers of one launcher while they run."""

from collections.abc import Callable

from deploy.processes import Command
from deploy.supervisor import Supervisor

WORKERS_MAX = 64


class Fleet:
    """The running workers. `command` returns the command of a worker by its name."""

    def __init__(
        self, supervisor: Supervisor, command: Callable[[str], Command], names: tuple[str, ...]
    ) -> None:
        """Takes over the workers called `names`, which are already started."""
        self._supervisor = supervisor
        self._command = command
        self._names = list(names)

    @property
    def count(self) -> int:
        return len(self._names)

    def resize(self, count: int) -> None:
        """Changes the number of workers to 1 or more.

        New workers start at once; dismissed workers end after their current batch.
        """
        count = min(max(count, 1), WORKERS_MAX)
        while len(self._names) < count:
            used_names = self._supervisor.names  # includes workers that are about to end
            names = (f"worker-{number}" for number in range(1, 2 * WORKERS_MAX + 1))
            name = next(name for name in names if name not in used_names)
            self._supervisor.add(self._command(name), beside=self._names[0])
            self._names.append(name)
        while len(self._names) > count:
            self._supervisor.dismiss(self._names.pop())
