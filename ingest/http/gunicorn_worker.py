"""Runs one ingest process: uvicorn under gunicorn, with our connections in it."""

import asyncio
import os
import resource
import signal
from dataclasses import replace
from typing import Any

from uvicorn_worker import UvicornWorker

from ingest.http.connection_sweep import ConnectionSweeper
from ingest.http.limits import ConnectionLimits
from ingest.telemetry.shared_counts import TALLY
from shared.gc_tuning import tune_gc

# Open files that are no client connections: listeners, stores, logs, the event loop's own.
_OTHER_FILES_MAX = 128
_SHUTDOWN_SECONDS_MIN = 3
_MASTER_SECONDS = 1.0


class IngestWorker(UvicornWorker):  # type: ignore[misc]  # uvicorn_worker ships no types
    """A gunicorn worker that serves our connections and ends with its master."""

    CONFIG_KWARGS = {  # noqa: RUF012  # as the base class declares it
        "interface": "asgi3",  # uvicorn takes a callable that is no coroutine function for ASGI 2
        "loop": "uvloop",
        "lifespan": "on",
        "ws": "none",
        "proxy_headers": False,
        "server_header": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Before gunicorn kills the process, what waits in the application has to be written.
        seconds = max(1, self.cfg.graceful_timeout - _SHUTDOWN_SECONDS_MIN)
        self.config.timeout_graceful_shutdown = seconds

    async def _serve(self) -> None:
        tune_gc()
        leaving = asyncio.create_task(self._leave_with_master())
        await super()._serve()
        leaving.cancel()

    async def _leave_with_master(self) -> None:
        """Ends the process if its master was killed; it would hold the address for ever."""
        while os.getppid() == self.ppid:  # noqa: ASYNC110 - nothing tells a process that it is orphaned
            await asyncio.sleep(_MASTER_SECONDS)
        signal.raise_signal(signal.SIGTERM)

    def init_process(self) -> None:
        """Raises the process's limit of open files as far as needed, or lowers the connections."""
        limits = ConnectionLimits()
        other_files = limits.refused_connections_max + _OTHER_FILES_MAX
        needed = limits.connections_max + other_files
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < needed:
            soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        connections_max = min(limits.connections_max, max(1, soft - other_files))
        limits = replace(limits, connections_max=connections_max)
        self.config.http = ConnectionSweeper(limits, TALLY)
        super().init_process()
