"""Bounds the trials that people send to receivers: each holds a thread of the console.

A receiver may take as long as an attempt has. Without a limit, whoever may change one app could
have a slow one hold all threads, and nobody would get a page.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import OperatorError

TRIALS_AT_ONCE_MAX = 3  # of eight threads
_ROOM = threading.BoundedSemaphore(TRIALS_AT_ONCE_MAX)


@contextmanager
def one_trial() -> Iterator[None]:
    """Makes room for a trial in this process. Raises OperatorError if too many are under way."""
    if not _ROOM.acquire(blocking=False):
        raise OperatorError("Too many tests are being sent at once. Try again in a moment.")
    try:
        yield
    finally:
        _ROOM.release()
