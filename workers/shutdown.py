"""Holds the flag that this worker shall stop: set by its signal handler, read between batches."""

import threading

_requested = threading.Event()


def request() -> None:
    """Requests the shutdown."""
    _requested.set()


def is_stopping() -> bool:
    """Tells whether a shutdown was requested."""
    return _requested.is_set()
