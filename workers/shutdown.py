"""Whether this worker was asked to stop: set by its signal handler, read between batches."""

import threading

_requested = threading.Event()


def request() -> None:
    _requested.set()


def is_stopping() -> bool:
    return _requested.is_set()
