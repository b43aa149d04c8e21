"""Wires ingest: routes, parts, start and stop. `get_app` is what gunicorn calls."""

import asyncio
from dataclasses import dataclass
from typing import Any

import falcon
from falcon.asgi import App, Request, Response
from gunicorn.errors import AppImportError

from ingest.authentication import Authenticator
from ingest.bad_tokens import BadTokens
from ingest.batcher import Batcher, BatchLimits
from ingest.bodies import Application, WholeBodies
from ingest.credentials import CredentialStore
from ingest.dialects import adjust, swaarm
from ingest.dialects.dialect import Dialect
from ingest.endpoint import Endpoint, EndpointServices
from ingest.gate import Gate, LoadLimits
from ingest.health import LivenessProbe, ReadinessProbe
from ingest.inbox import Confirmation, InboxWriter
from ingest.known_devices import KnownDevices
from ingest.request_log.checks import CheckLog
from ingest.request_log.rejections import RejectionLog
from ingest.telemetry.counts import EndpointCounts, FlushCounts, IngestMetrics, ProcessCounts
from ingest.telemetry.gauges import Gauges
from ingest.telemetry.shared_counts import SHARED, TALLY, SharedCounts
from ingest.unrouted import UnroutedRequests
from ingest.watch import Watch
from shared.clock import Clock, now_ms
from shared.errors import OperatorError
from shared.metrics import NO_REASON
from shared.redis import AsyncRedis, Redis, close_ingest, connect, connect_ingest
from shared.settings import Settings, environment, read_settings
from shared.tally import Tally

_CANCELLATIONS_MAX = 10
_CANCEL_SECONDS = 0.1

ROUTES: tuple[tuple[str, Dialect], ...] = (
    ("/postback", swaarm.POSTBACK),
    ("/s2sevent", swaarm.S2SEVENT),
    ("/click", swaarm.CLICK),
    ("/impression", swaarm.IMPRESSION),
    ("/event", adjust.EVENT),
    ("/revenue", adjust.REVENUE),
    ("/session", adjust.SESSION),
    ("/ad_revenue", adjust.AD_REVENUE),
)


@dataclass(frozen=True)
class Parts:
    """What this process is made of; `redis` writes and watches, `rq` asks for drains."""

    redis: AsyncRedis
    grants: CredentialStore
    gate: Gate
    writer: InboxWriter
    batcher: Batcher
    watch: Watch
    rejections: RejectionLog
    checks: CheckLog
    ready: ReadinessProbe
    counts: ProcessCounts
    tally: Tally
    now: Clock
    forwarded_hops: int = 0


def get_app() -> Application:
    """The application, from the environment.

    Raises gunicorn's AppImportError that names every fault: it ends the master with these words
    and no traceback, before a request is taken.
    """
    try:
        settings = read_settings(environment())
    except OperatorError as fault:
        raise AppImportError(fault.message) from None
    redis = connect_ingest(settings.redis_url, settings.flush_wait_ms_max)
    rq = connect(settings.redis_url)
    return create_app(assemble(settings, redis, rq, now_ms, TALLY, SHARED))


def assemble(
    settings: Settings,
    redis: AsyncRedis,
    rq: Redis,
    now: Clock,
    tally: Tally,
    shared: SharedCounts | None = None,
) -> Parts:
    grants = CredentialStore(settings.secret_key, now)
    gate = Gate(LoadLimits(settings.backlog_events_max, settings.memory_percent_max))
    writer = InboxWriter(redis, rq, now, _confirmation(settings), FlushCounts(tally))
    limits = BatchLimits(
        settings.batch_events_max, settings.batch_bytes_max, settings.waiting_events_max
    )
    batcher = Batcher(writer.append, lambda: grants.refresh(redis), grants, gate, limits)
    watch = Watch(redis, grants, gate, settings.durability == "strict", settings.replicas_min)
    ready = ReadinessProbe(grants, gate, watch)
    gauges = Gauges(grants, gate, watch, batcher, ready)
    return Parts(
        redis=redis,
        grants=grants,
        gate=gate,
        writer=writer,
        batcher=batcher,
        watch=watch,
        rejections=RejectionLog(redis, settings.rejections_max),
        checks=CheckLog(redis),
        ready=ready,
        counts=ProcessCounts(tally, gauges.read, shared),
        tally=tally,
        now=now,
        forwarded_hops=settings.forwarded_hops,
    )


def _confirmation(settings: Settings) -> Confirmation:
    # Shorter than Redis itself may take, so that its answer still comes.
    return Confirmation(settings.replicas_min, settings.flush_wait_ms_max * 3 // 4)


def create_app(parts: Parts) -> Application:
    lifespan = Lifespan(parts)
    app: App[Request, Response] = App(media_type=falcon.MEDIA_JSON, middleware=[lifespan])
    intake = _intake(parts)
    for path, dialect in ROUTES:
        counts = EndpointCounts(parts.tally, path, dialect.name)
        app.add_route(path, Endpoint(dialect, intake, counts))
    app.add_route("/health/live", LivenessProbe(lifespan.ended))
    app.add_route("/health/ready", parts.ready)
    app.add_route("/metrics", IngestMetrics(parts.counts))
    strays = UnroutedRequests(
        parts.rejections, EndpointCounts(parts.tally, NO_REASON, NO_REASON), parts.now
    )
    app.add_error_handler(falcon.HTTPNotFound, strays.not_found)
    app.add_error_handler(falcon.HTTPMethodNotAllowed, strays.method_not_allowed)
    return WholeBodies(app)


def _intake(parts: Parts) -> EndpointServices:
    return EndpointServices(
        admissions=Authenticator(parts.grants, parts.watch),
        batcher=parts.batcher,
        devices=KnownDevices(parts.redis, parts.now),
        rejections=parts.rejections,
        checks=parts.checks,
        bad_tokens=BadTokens(parts.now),
        now=parts.now,
        forwarded_hops=parts.forwarded_hops,
    )


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel, more than once: redis-py may take a cancellation for a timeout of its own."""
    pending = set(tasks)
    for _ in range(_CANCELLATIONS_MAX):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=_CANCEL_SECONDS)


class Lifespan:
    """Starts and stops the work beside the requests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tasks: list[asyncio.Task[None]] = []

    def ended(self) -> list[str]:
        """The work that a fault has ended: what it was for is not done any more."""
        return [task.get_name() for task in self._tasks if task.done()]

    async def process_startup(self, _scope: Any, _event: Any) -> None:
        parts = self._parts
        work = {
            "batcher": parts.batcher.run(),
            "watch": parts.watch.run(),
            "rejections": parts.rejections.run(),
            "checks": parts.checks.run(),
            "counts": parts.counts.run(),
        }
        self._tasks += [asyncio.create_task(each, name=name) for name, each in work.items()]

    async def process_shutdown(self, _scope: Any, _event: Any) -> None:
        await self._parts.batcher.finish()
        await _end(self._tasks)
        await self._parts.rejections.write()
        await self._parts.checks.write()
        self._parts.counts.write()
        await self._parts.writer.close()
        await close_ingest(self._parts.redis)
