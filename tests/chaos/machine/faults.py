"""What is done to the machine. Each fault leaves it whole again, as far as the harness owns it."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
import psycopg
import redis

from tests.chaos.machine.machine import BACKLOG_KEY, Machine
from tests.chaos.machine.schedule import Kind
from tests.system.product import WAYBILL

Act = Callable[[Machine, random.Random, float], None]
_POLL_SECONDS = 0.004
_FLUSH_SECONDS_MAX = 10.0
_EXTRA_WORKER_SECONDS_MAX = 30.0
_CLOCKS = ("+1h", "-1h")
_CLOCK_SECONDS_MIN = 4.0  # a worker needs two to start

PROGRAMS = {
    "ingest": "ingest.app",
    "worker": "rq.cli",
    "console": "console.web.app",
    "metrics": "console.metrics.app",
}
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM)


# Programs


def signal_one(
    machine: Machine, chance: random.Random, seconds: float, program: str, how: signal.Signals
) -> None:
    """One process of a program: a gunicorn master, what it forked, or a worker with its lanes."""
    if found := machine.programs(PROGRAMS[program]):
        _signal(chance.choice(list(found)), how, seconds)


def signal_all(
    machine: Machine, _chance: random.Random, seconds: float, program: str, how: signal.Signals
) -> None:
    for process in machine.programs(PROGRAMS[program]):
        _signal(process, how, 0)
    if how is signal.SIGSTOP:
        time.sleep(seconds)
        for process in machine.programs(PROGRAMS[program]):
            _signal(process, signal.SIGCONT, 0)


def _signal(process: psutil.Process, how: signal.Signals, seconds: float) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(how)
        if how is signal.SIGSTOP and seconds:
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)


def end_launcher(
    machine: Machine, _chance: random.Random, seconds: float, how: signal.Signals
) -> None:
    with machine.launching:
        machine.end_launcher(how)
        time.sleep(seconds / 2)
        machine.launch()


def kill_senders(machine: Machine, _chance: random.Random, _seconds: float) -> None:
    machine.stop_load(signal.SIGKILL)
    machine.start_load()


def burst(machine: Machine, _chance: random.Random, _seconds: float) -> None:
    if machine.load is not None:
        machine.load.send_signal(signal.SIGUSR1)


def run_worker_by_another_clock(machine: Machine, chance: random.Random, seconds: float) -> None:
    """One more worker, an hour ahead or behind."""
    faketime = shutil.which("faketime")
    assert faketime is not None, "Install faketime."
    command = [faketime, "-f", chance.choice(_CLOCKS), WAYBILL, "--data", str(machine.waybill.data)]
    with (machine.folder / "clock.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "workers", "--count", "1"],
            env={**machine.waybill.environment, "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
            stdout=log, stderr=log, cwd=machine.folder,
        )  # fmt: skip
    time.sleep(max(seconds, _CLOCK_SECONDS_MIN))
    process.terminate()
    try:
        process.wait(_EXTRA_WORKER_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()


# Redis


def end_redis(
    machine: Machine, _chance: random.Random, seconds: float, how: signal.Signals
) -> None:
    machine.redis.stop(how)
    time.sleep(seconds)
    machine.redis.start()


def cut_redis_power(machine: Machine, _chance: random.Random, seconds: float) -> None:
    machine.redis.cut_power()
    time.sleep(seconds / 2)
    machine.redis.start()


def stop_redis(machine: Machine, _chance: random.Random, seconds: float) -> None:
    assert machine.redis.process is not None
    machine.redis.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    machine.redis.process.send_signal(signal.SIGCONT)


def fill_redis(machine: Machine, _chance: random.Random, seconds: float) -> None:
    with machine.client() as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1_000_000)
        time.sleep(seconds)
        client.config_set("maxmemory", before)


def flush_redis(machine: Machine, _chance: random.Random, _seconds: float) -> None:
    """At a moment when nothing waits: what waits is lost with Redis's data, as documented."""
    ends_at = time.monotonic() + _FLUSH_SECONDS_MAX
    with machine.client() as client, client.pipeline() as pipeline:
        while time.monotonic() < ends_at:
            try:
                pipeline.watch(BACKLOG_KEY)
                if int(pipeline.get(BACKLOG_KEY) or 0) == 0:
                    pipeline.multi()
                    pipeline.flushall()
                    pipeline.execute()
                    return
                pipeline.reset()
            except redis.WatchError:
                continue


def rewrite_aof(machine: Machine, _chance: random.Random, _seconds: float) -> None:
    with machine.client() as client, suppress(redis.ResponseError):  # one is under way
        client.bgrewriteaof()


# Links


def slow_link(machine: Machine, chance: random.Random, seconds: float, store: str) -> None:
    proxy = getattr(machine, f"to_{store}")
    proxy.delay_seconds = chance.choice((0.02, 0.1, 0.4))
    time.sleep(seconds)
    proxy.delay_seconds = 0.0


def cut_link(machine: Machine, _chance: random.Random, seconds: float, store: str) -> None:
    proxy = getattr(machine, f"to_{store}")
    proxy.cut = True
    time.sleep(seconds)
    proxy.reset()
    proxy.cut = False


def reset_link(machine: Machine, _chance: random.Random, _seconds: float, store: str) -> None:
    getattr(machine, f"to_{store}").reset()


def lose_answers(machine: Machine, _chance: random.Random, seconds: float, store: str) -> None:
    """What arrived is done, and nobody is told."""
    proxy = getattr(machine, f"to_{store}")
    proxy.loses_answers = True
    time.sleep(min(seconds, 2.0))
    proxy.reset()
    proxy.loses_answers = False


# PostgreSQL


def kill_postgres(machine: Machine, _chance: random.Random, seconds: float) -> None:
    machine.postgres.kill()
    time.sleep(seconds / 2)
    machine.postgres.start()


def restart_postgres(machine: Machine, _chance: random.Random, seconds: float) -> None:
    machine.postgres.stop(signal.SIGINT)
    time.sleep(seconds / 2)
    machine.postgres.start()


def hang_postgres(machine: Machine, _chance: random.Random, seconds: float) -> None:
    machine.postgres.pause(signal.SIGSTOP)
    time.sleep(seconds)
    machine.postgres.pause(signal.SIGCONT)


def hang_backend(machine: Machine, chance: random.Random, seconds: float) -> None:
    """One connection of a worker: one of its lanes."""
    if found := machine.postgres.backends("127.0.0.1"):
        _signal(chance.choice(found), signal.SIGSTOP, seconds)


def kill_backend(machine: Machine, chance: random.Random, _seconds: float) -> None:
    """PostgreSQL then starts all of its processes again, and recovers."""
    if found := machine.postgres.backends("127.0.0.1"):
        _signal(chance.choice(found), signal.SIGKILL, 0)


def lock(machine: Machine, _chance: random.Random, seconds: float, statement: str) -> None:
    with (
        suppress(psycopg.OperationalError),  # another fault ended the session
        psycopg.connect(machine.postgres.url, connect_timeout=5) as connection,
    ):
        connection.execute(statement.encode())
        time.sleep(seconds)
        connection.rollback()


def end_backends_in(
    machine: Machine, _chance: random.Random, seconds: float, statement: str
) -> None:
    """Each that is seen at such a statement, for a while."""
    _signal_backends(machine, seconds, "pg_terminate_backend", f"query ILIKE '{statement}%'")


def cancel_statements(machine: Machine, _chance: random.Random, seconds: float) -> None:
    """What is under way ends as by statement_timeout, with SQLSTATE 57014. The product sets its
    own time-out when it connects, so a shorter one of the server would not reach it.
    """
    _signal_backends(machine, min(seconds, 3.0), "pg_cancel_backend", "true")


def _signal_backends(machine: Machine, seconds: float, how: str, which: str) -> None:
    ends_at = time.monotonic() + seconds
    question = (
        f"SELECT {how}(pid) FROM pg_stat_activity WHERE state = 'active' "
        f"AND pid <> pg_backend_pid() AND application_name LIKE 'waybill%' AND {which}"
    )
    with (
        suppress(psycopg.OperationalError),  # another fault ended the session
        psycopg.connect(machine.postgres.url, autocommit=True, connect_timeout=5) as connection,
    ):
        while time.monotonic() < ends_at:
            connection.execute(question.encode())
            time.sleep(_POLL_SECONDS)


def fill_disk(machine: Machine, _chance: random.Random, seconds: float) -> None:
    machine.postgres.fill_disk()
    time.sleep(seconds)
    machine.postgres.empty_disk()
    time.sleep(0.3)
    machine.postgres.revive()


_ROWS = "SELECT 1 FROM users WHERE user_id IN ('hot', 'user-1', 'user-2') FOR UPDATE"

ACTS: dict[Kind, Act] = {
    **{
        Kind(f"{how.name} of one {program} process", program, lasts=how is signal.SIGSTOP):
            partial(signal_one, program=program, how=how)
        for program in PROGRAMS for how in SIGNALS
    },
    Kind("SIGKILL of all workers", "worker", lasts=False):
        partial(signal_all, program="worker", how=signal.SIGKILL),
    Kind("SIGSTOP of all workers", "worker"):
        partial(signal_all, program="worker", how=signal.SIGSTOP),
    Kind("SIGKILL of the launcher", "everything"):
        partial(end_launcher, how=signal.SIGKILL),
    Kind("SIGTERM of the launcher", "everything"):
        partial(end_launcher, how=signal.SIGTERM),
    Kind("senders killed", "senders", lasts=False): kill_senders,
    Kind("a noisy app", "senders", lasts=False): burst,
    Kind("a worker's clock is off", "clock"): run_worker_by_another_clock,
    Kind("Redis killed", "redis"): partial(end_redis, how=signal.SIGKILL),
    Kind("Redis loses power", "redis"): cut_redis_power,
    Kind("Redis stopped", "redis"): stop_redis,
    Kind("Redis full", "redis"): fill_redis,
    Kind("Redis flushed", "redis", lasts=False): flush_redis,
    Kind("Redis rewrites its AOF", "redis", lasts=False): rewrite_aof,
    Kind("Redis slow", "to redis"): partial(slow_link, store="redis"),
    Kind("Redis cut off", "to redis"): partial(cut_link, store="redis"),
    Kind("connections to Redis reset", "to redis", lasts=False): partial(reset_link, store="redis"),
    Kind("answers of Redis lost", "to redis"): partial(lose_answers, store="redis"),
    Kind("PostgreSQL killed", "postgres"): kill_postgres,
    Kind("PostgreSQL restarted", "postgres"): restart_postgres,
    Kind("PostgreSQL hung", "postgres"): hang_postgres,
    Kind("one backend hung", "postgres"): hang_backend,
    Kind("one backend killed", "postgres", lasts=False): kill_backend,
    Kind("users' rows locked", "postgres"): partial(lock, statement=_ROWS),
    Kind("a table locked", "postgres"): partial(lock, statement="LOCK TABLE events"),
    Kind("backends ended in COPY", "postgres"): partial(end_backends_in, statement="COPY"),
    Kind("backends ended in COMMIT", "postgres"): partial(end_backends_in, statement="COMMIT"),
    Kind("statements time out", "postgres"): cancel_statements,
    Kind("PostgreSQL's disk full", "postgres"): fill_disk,
    Kind("PostgreSQL slow", "to postgres"): partial(slow_link, store="postgres"),
    Kind("PostgreSQL cut off", "to postgres"): partial(cut_link, store="postgres"),
    Kind("connections to PostgreSQL reset", "to postgres", lasts=False):
        partial(reset_link, store="postgres"),
    Kind("answers of PostgreSQL lost", "to postgres"): partial(lose_answers, store="postgres"),
}  # fmt: skip
BY_NAME = {kind.name: act for kind, act in ACTS.items()}
