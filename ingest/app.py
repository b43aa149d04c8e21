"""Builds the ingest application: its routes, its parts, and how it starts and stops.

gunicorn calls `get_app`.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import falcon
from falcon.asgi import App, Request, Response
from gunicorn.errors import AppImportError

from ingest.authentication import Authenticator
from ingest.bad_tokens import BadTokens
from ingest.batcher import Batcher, BatchLimits
from ingest.batches.batch_journal import BatchJournal
from ingest.batches.endpoint import BATCH, BatchEndpoint
from ingest.batches.segment_batch import SegmentBatchEndpoint
from ingest.credential_store import CredentialStore
from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT, REVENUE
from ingest.dialects.adjust.privacy import PRIVACY_ROUTES
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.adjust_sdk.event import SDK_AD_REVENUE, SDK_EVENT, SDK_SESSION
from ingest.dialects.adjust_sdk.privacy import PRIVACY_CALLS
from ingest.dialects.adjust_sdk.sdk_click import SDK_CLICK_CALL
from ingest.dialects.affiliate.conversion import CONVERSIONS
from ingest.dialects.affiliate.keitaro import KEITARO
from ingest.dialects.appsflyer.inappevent import INAPPEVENT
from ingest.dialects.dialect import Dialect
from ingest.dialects.segment.message import MESSAGES, SEGMENT
from ingest.dialects.singular.call import CALLS as SINGULAR_CALLS
from ingest.dialects.swaarm.click import CLICK, IMPRESSION
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT
from ingest.endpoint import Endpoint, LinkEndpoint
from ingest.fast_path import GrantedPrincipals
from ingest.forgotten_devices import ForgottenDevices
from ingest.gate import Gate, LoadLimits
from ingest.gauges import Gauges
from ingest.health import LivenessProbe, ReadinessProbe
from ingest.http.limits import BATCH_PATH, SEGMENT_BATCH_PATH
from ingest.http.whole_bodies import Application, WholeBodies
from ingest.inbox import Confirmation, InboxWriter
from ingest.known_devices import KnownDevices
from ingest.link_file import LinkFile
from ingest.rate_limits.limiter import RateLimiter
from ingest.rate_limits.queue_watch import QueueWatch
from ingest.rate_limits.usage import RateUsage
from ingest.request_log.checks import CheckLog
from ingest.request_log.journal import RequestJournal
from ingest.request_log.rejections import RejectionLog
from ingest.resource import EndpointServices
from ingest.sdks.adjust_paths import AdjustSdk
from ingest.sdks.lookup import AttributionLookup
from ingest.sdks.resource import SdkEndpoint, SdkResource
from ingest.sdks.swaarm_paths import SwaarmSdk
from ingest.telemetry.counts import EndpointCounts, FlushCounts, IngestMetrics, ProcessCounts
from ingest.telemetry.shared_counts import SHARED, TALLY, SharedCounts
from ingest.unrouted import UnroutedRequests
from ingest.watch import Watch
from shared.clock import Clock, now_ms
from shared.errors import OperatorError
from shared.http.host_names import NameCheck, name_check
from shared.metrics import NO_REASON
from shared.redis import AsyncRedis, Redis, close_ingest, connect, connect_ingest
from shared.settings import Settings, environment, read_ingest_settings
from shared.tally import Tally

# Without Redis a process serves after this: redirects, probes and 503.
START_SECONDS_MAX = 2.0
_CANCELLATIONS_MAX = 10
_CANCEL_SECONDS = 0.1

ROUTES: tuple[tuple[str, Dialect], ...] = (
    ("/postback", POSTBACK),
    ("/s2sevent", S2SEVENT),
    ("/click", CLICK),
    ("/impression", IMPRESSION),
    ("/event", replace(EVENT, sdk=SDK_EVENT)),
    ("/revenue", REVENUE),
    ("/session", replace(SESSION, sdk=SDK_SESSION)),
    ("/ad_revenue", replace(AD_REVENUE, sdk=SDK_AD_REVENUE)),
    ("/inappevent/{app_id}", INAPPEVENT),
    ("/conversion", CONVERSIONS),
    ("/{s2s_token}/postback", KEITARO),
    *((f"/v1/{call}", dialect) for call, dialect in MESSAGES.items()),
    *SINGULAR_CALLS.items(),
)


@dataclass(frozen=True)
class Parts:
    """The parts of this process."""

    redis: AsyncRedis
    credential_store: CredentialStore
    gate: Gate
    writer: InboxWriter
    batcher: Batcher
    watch: Watch
    link_file: LinkFile
    rejections: RejectionLog
    checks: CheckLog
    ready: ReadinessProbe
    counts: ProcessCounts
    tally: Tally
    forgotten_devices: ForgottenDevices
    now: Clock
    is_known_host: NameCheck
    limiter: RateLimiter
    usage: RateUsage
    queues: QueueWatch
    forwarded_hops: int = 0


def get_app() -> Application:
    """Builds the application from the environment.

    Raises gunicorn's AppImportError that names every error of the settings: it ends the master with
    this message and no traceback, before a request is accepted.
    """
    try:
        settings = read_ingest_settings(environment())
    except OperatorError as error:
        raise AppImportError(error.message) from None
    redis = connect_ingest(settings.redis_url, settings.names, settings.flush_wait_ms_max)
    rq = connect(settings.redis_url, settings.names)
    return create_app(assemble(settings, redis, rq, now_ms, TALLY, SHARED))


def assemble(
    settings: Settings,
    redis: AsyncRedis,
    rq: Redis,
    now: Clock,
    tally: Tally,
    shared: SharedCounts | None = None,
) -> Parts:
    """Builds the parts of a process; `redis` writes and watches, `rq` enqueues drains."""
    store = CredentialStore(settings.secret_key, now)
    gate = Gate(LoadLimits(settings.backlog_events_max, settings.memory_percent_max))
    # Shorter than Redis itself may take, so that its answer still comes.
    confirmation = Confirmation(settings.replicas_min, settings.flush_wait_ms_max * 3 // 4)
    writer = InboxWriter(redis, rq, now, confirmation, FlushCounts(tally))
    limits = BatchLimits(
        settings.batch_events_max, settings.batch_bytes_max, settings.waiting_events_max
    )
    batcher = Batcher(writer.append, lambda: store.refresh(redis), store, gate, limits)
    watch = Watch(redis, store, gate, settings.durability == "strict", settings.replicas_min)
    ready = ReadinessProbe(store, gate, watch)
    queues = QueueWatch(redis, store)
    limiter = RateLimiter(store, now, settings.forwarded_hops, queues)
    gauges = Gauges(store, gate, watch, batcher, ready)
    return Parts(
        redis=redis,
        credential_store=store,
        gate=gate,
        writer=writer,
        batcher=batcher,
        watch=watch,
        link_file=LinkFile(settings.links_file, store),
        rejections=RejectionLog(redis, settings.rejections_max),
        checks=CheckLog(redis, now, store.report_rehashed),
        ready=ready,
        counts=ProcessCounts(tally, gauges.read, shared),
        tally=tally,
        forgotten_devices=ForgottenDevices(
            redis, store, settings.secret_key, partial(writer.wake, "erase")
        ),
        now=now,
        is_known_host=name_check(settings.hosts, settings.ingest_url),
        limiter=limiter,
        usage=RateUsage(limiter, redis, now),
        queues=queues,
        forwarded_hops=settings.forwarded_hops,
    )


def create_app(parts: Parts) -> Application:
    """Builds the application: its routes, its probes, its metrics and its error handlers."""
    background = BackgroundTasks(parts)
    app: App[Request, Response] = App(media_type=falcon.MEDIA_JSON, middleware=[background])
    authenticator = Authenticator(parts.credential_store, parts.watch.catch_up)
    services = EndpointServices(
        authenticator=authenticator,
        batcher=parts.batcher,
        known_devices=KnownDevices(parts.redis, parts.now),
        forgotten_devices=parts.forgotten_devices,
        limiter=parts.limiter,
        journal=RequestJournal(
            rejections=parts.rejections,
            checks=parts.checks,
            bad_tokens=BadTokens(parts.now),
            now=parts.now,
            forwarded_hops=parts.forwarded_hops,
            truncating_apps=lambda: parts.batcher.truncating_apps,
        ),
        granted_principals=GrantedPrincipals(parts.credential_store, authenticator, parts.limiter),
        now=parts.now,
        forwarded_hops=parts.forwarded_hops,
    )
    for path, dialect in (*ROUTES, ("/sdk_click", SDK_CLICK_CALL)):
        counts = EndpointCounts(parts.tally, path, dialect.name)
        endpoint: type[Endpoint] = LinkEndpoint if dialect in (CLICK, IMPRESSION) else Endpoint
        endpoint = SdkEndpoint if dialect.is_sdk or dialect.sdk else endpoint
        app.add_route(path, endpoint(dialect, services, counts))
    for path, dialect in PRIVACY_ROUTES:
        counts = EndpointCounts(parts.tally, path, dialect.name)
        private = SdkEndpoint(replace(dialect, sdk=PRIVACY_CALLS[path]), services, counts)
        # What erases somebody must not be done by whoever follows a link.
        served = SimpleNamespace(on_post=private.on_post, on_options=private.on_options)
        app.add_route(path, served)
    lookup = AttributionLookup(parts.redis, parts.now)
    for name, sdk in (("swaarm", SwaarmSdk), ("adjust", AdjustSdk)):
        for path, answer in sdk(services, lookup).answers().items():
            counts = EndpointCounts(parts.tally, path, name)
            app.add_route(path, SdkResource(name, answer, services, counts))
    app.add_route(
        BATCH_PATH,
        BatchEndpoint(
            services,
            parts.credential_store,
            BatchJournal(services.journal, parts.tally),
            EndpointCounts(parts.tally, BATCH_PATH, BATCH.name),
        ),
    )
    app.add_route(
        SEGMENT_BATCH_PATH,
        SegmentBatchEndpoint(
            services,
            parts.credential_store,
            BatchJournal(services.journal, parts.tally, SEGMENT_BATCH_PATH),
            EndpointCounts(parts.tally, SEGMENT_BATCH_PATH, SEGMENT.name),
        ),
    )
    app.add_route("/health/live", LivenessProbe(background.ended))
    app.add_route("/health/ready", parts.ready)
    app.add_route("/metrics", IngestMetrics(parts.counts, parts.is_known_host))
    unrouted = UnroutedRequests(
        parts.rejections, EndpointCounts(parts.tally, NO_REASON, NO_REASON), parts.now
    )
    app.add_error_handler(falcon.HTTPNotFound, unrouted.not_found)
    app.add_error_handler(falcon.HTTPMethodNotAllowed, unrouted.method_not_allowed)
    return WholeBodies(app)


class BackgroundTasks:
    """Starts and stops the tasks that run beside the requests, with the application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tasks: list[asyncio.Task[None]] = []

    def ended(self) -> list[str]:
        """Names the tasks that an error has ended: their work is not done any more."""
        return [task.get_name() for task in self._tasks if task.done()]

    async def process_startup(self, _scope: Any, _event: Any) -> None:
        """Starts the tasks, and returns when the process can serve: connections wait until then."""
        parts = self._parts
        parts.link_file.load()
        runs = {
            "batcher": parts.batcher.run(),
            "watch": parts.watch.run(),
            "link_file": parts.link_file.run(),
            "rejections": parts.rejections.run(),
            "checks": parts.checks.run(),
            "counts": parts.counts.run(),
            "usage": parts.usage.run(),
            "queues": parts.queues.run(),
        }
        self._tasks += [asyncio.create_task(run, name=name) for name, run in runs.items()]
        await parts.watch.await_snapshot(START_SECONDS_MAX)

    async def process_shutdown(self, _scope: Any, _event: Any) -> None:
        """Answers everybody who waits, ends the tasks and writes what is left."""
        await self._parts.batcher.finish()
        pending = set(self._tasks)
        # More than once: redis-py may take a cancellation for a timeout of its own.
        for _ in range(_CANCELLATIONS_MAX):
            for task in pending:
                task.cancel()
            if pending:
                _, pending = await asyncio.wait(pending, timeout=_CANCEL_SECONDS)
        await self._parts.rejections.write()
        await self._parts.checks.write()
        self._parts.counts.write()
        await self._parts.writer.close()
        await close_ingest(self._parts.redis)
