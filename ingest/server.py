"""Configures gunicorn: `gunicorn -c python:ingest.server --bind HOST:PORT APP`.

The address comes from the command line, the number of processes from WEB_CONCURRENCY (1 if unset).
Each name below is gunicorn's name of the setting.
"""

import os
from pathlib import Path
from typing import Any

from ingest.telemetry.shared_counts import SHARED

proc_name = "ingest"
worker_class = "ingest.http.gunicorn_worker.IngestWorker"
logger_class = "shared.gunicorn_logger.RedactingLogger"

# Its socket would obey whoever can write to it, and all instances share one path.
control_socket_disable = True

# Longer than load balancers keep an idle connection (mostly 60 s): they must be the ones to close.
keepalive = 75
timeout = 30
graceful_timeout = 15
backlog = 2048

# For the heartbeat file: on a disk that stalls, gunicorn would kill workers that are well.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
if _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK):
    worker_tmp_dir = str(_SHARED_MEMORY)

# Each process opens its own connections to Redis.
preload_app = False

# Off unless asked for; no line shows a query string (see shared/gunicorn_logger.py).
accesslog = None


def pre_fork(_server: Any, worker: Any) -> None:
    """Takes a slot for the counts of the process, in the master."""
    worker.slot = SHARED.take_slot()


def post_fork(_server: Any, worker: Any) -> None:
    """Makes the slot known to the process, in that process."""
    SHARED.own_slot = worker.slot


def child_exit(_server: Any, worker: Any) -> None:
    """Frees the slot once the process has ended, however it did, in the master."""
    if worker.slot is not None:
        SHARED.give_back(worker.slot)
