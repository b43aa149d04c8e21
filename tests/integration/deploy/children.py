"""Provides small programs in place of Waybill's."""

import signal
import sys
from pathlib import Path

from deploy.listen import Listen
from deploy.processes import Command
from deploy.programs import Program

SLEEPS = "import time; time.sleep(600)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)
LISTENS = (
    "import socket, sys; server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "while True: server.accept()[0].close()"
)
# Forks a child that would outlive it; both print their process ID.
FORKS = "import os, time; child = os.fork(); print(os.getpid(), flush=True); time.sleep(600)"
# Writes its name to the file it is given when it is asked to stop.
NOTES = (
    "import signal, sys, time\n"
    "def stop(*_):\n"
    "    open(sys.argv[2], 'a').write(sys.argv[1] + '\\n'); sys.exit()\n"
    "signal.signal(signal.SIGTERM, stop)\n"
    "print('ready', flush=True); time.sleep(600)"
)


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script, *arguments)


def command(folder: Path, argv: tuple[str, ...], name: str = "child", **rest: float) -> Command:
    return Command(
        name=name,
        argv=argv,
        environment={},
        folder=folder,
        log=folder / f"{name}.log",
        lock=folder / f"{name}.lock",
        orphan_signal=signal.SIGTERM,
        stop_seconds_max=rest.get("stop_seconds_max", 10.0),
    )


def listener(listen: Listen) -> Program:
    return Program("ingest", python(LISTENS, str(listen.port)), listen=listen)


def sleeper(copies: int = 1) -> Program:
    return Program("worker", python(SLEEPS), copies)
