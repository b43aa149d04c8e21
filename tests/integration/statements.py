"""A connection that counts its statements."""

from typing import Any

import psycopg


class Counted(psycopg.Connection[tuple[Any, ...]]):
    """Each statement, and each COPY, which goes by a cursor of its own."""

    statements = 0
    _executing = False

    def execute(self, *args: Any, **kwargs: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        self.counted()
        self._executing = True
        try:
            return super().execute(*args, **kwargs)
        finally:
            self._executing = False

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        if not self._executing:
            self.counted()
        return super().cursor(*args, **kwargs)

    def counted(self) -> None:
        self.statements += 1
