"""A connection that dies in the middle of something."""

from tests.integration.statements import Counted


class Crash(Exception):
    pass


class Crashing(Counted):
    """Dies before its n-th statement."""

    left = 10**9

    def counted(self) -> None:
        super().counted()
        self.left -= 1
        if self.left < 0:
            raise Crash
