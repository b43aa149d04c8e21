"""A connection that dies in the middle of something."""

from typing import Any

import psycopg


class Crash(Exception):
    pass


class Crashing(psycopg.Connection[tuple[Any, ...]]):
    """Dies before its n-th statement."""

    left = 10**9

    def execute(self, *args: Any, **kwargs: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        self.left -= 1
        if self.left < 0:
            raise Crash
        return super().execute(*args, **kwargs)
