"""Defines every job. RQ finds jobs by name, and a worker runs only those in `LISTED`.

A job's result is displayed on the dashboard: it holds counts, never data of events.
"""

from functools import partial
from pathlib import Path

from rq import get_current_job

from shared.clock import now_ms
from shared.imports.line_import import import_limits
from shared.privacy.erasure_log import ErasureLog
from shared.privacy.requests import has_waiting_requests
from shared.privacy.tombstones import publish_forgotten
from shared.rq_queue import enqueue, waiting_jobs
from workers.alerts.evaluation import evaluate_alerts
from workers.alerts.message_claims import has_due_messages
from workers.alerts.sender import process_alerts
from workers.decisions.decide_due import decide_due as decide_due_step
from workers.decisions.published_attributions import AttributionPublisher
from workers.decisions.recompute import is_left_undone
from workers.decisions.recompute import recompute as recompute_step
from workers.decisions.retry_set_aside import retry_set_aside as retry_set_aside_step
from workers.deliver.courier_thread import courier_call, process_courier
from workers.deliver.delivery_call import is_courier_needed
from workers.drain.drain import Drain, DrainLimits, DrainRequests
from workers.drain.drain_metrics import DrainMetrics
from workers.drain.inbox_reader import InboxReader
from workers.facts.backfill_event_types import backfill_event_types as backfill_step
from workers.imports.upload_claims import has_unfinished_uploads
from workers.imports.upload_import import import_lines
from workers.job_errors import without_data
from workers.maintenance.close_days import DayCloser
from workers.maintenance.expiry import expire as expire_step
from workers.maintenance.expiry import summary_of
from workers.maintenance.restore_seen import restore_seen as restore_seen_step
from workers.maintenance.restore_seen import seen_markers_are_lost
from workers.maintenance.upkeep import (
    days_kept,
    restore_snapshot,
    snapshot_is_lost,
    wake_waiting_inbox,
)
from workers.maintenance.upkeep import upkeep as upkeep_step
from workers.patient_database import Patience
from workers.privacy.erasure import Eraser
from workers.privacy.intake import has_unfinished_erasures, take_in_requests
from workers.privacy.redis_log import rewrite_late_log
from workers.privacy.tombstone_filter import TombstoneFilter
from workers.process import WorkerStores, process_stores
from workers.rollups.schedule import STATEMENT_SECONDS_MAX
from workers.rollups.schedule import roll_up as roll_up_step
from workers.shutdown import is_stopping

ROLL_UP_SECONDS = DECIDE_DUE_SECONDS = IMPORT_SECONDS = 1.0  # short: events get their turn
ROLL_UP_PATIENCE = Patience(STATEMENT_SECONDS_MAX + 20.0, 5_000)

LISTED = frozenset({
    "workers.jobs.drain",
    "workers.jobs.sweep",
    "workers.jobs.upkeep",
    "workers.jobs.recompute",
    "workers.jobs.roll_up",
    "workers.jobs.restore_seen",
    "workers.jobs.backfill_event_types",
    "workers.jobs.retry_set_aside",
    "workers.jobs.deliver",
    "workers.jobs.erase",
    "workers.jobs.decide_due",
    "workers.jobs.expire",
    "workers.jobs.alert",
    "workers.jobs.import_uploads",
    "workers.jobs.close_days",
    # Names of version 0.1, under which jobs are still enqueued; see `shared.rq_queue`.
    "workers.jobs.count",
    "workers.jobs.remember",
    "workers.jobs.claim",
})  # fmt: skip


@without_data
def drain() -> str:
    """Empties the inbox into the tables."""
    stores = process_stores()
    settings = stores.settings
    limits = DrainLimits(
        settings.drain_events_max, settings.drain_seconds_max, settings.deliveries_max
    )
    requests = DrainRequests(
        help=partial(_enqueue_unless_waiting, stores, "drain"),
        # Whatever else waits: periodic jobs in the queue would leave the inbox to the sweep.
        resume=partial(enqueue, stores.redis, "drain"),
        deliver=courier_call(stores, partial(_enqueue_unless_waiting, stores, "deliver")),
    )
    metrics = DrainMetrics(stores.tally)
    drain = Drain(_inbox(stores), stores.lanes, limits, requests, is_stopping, metrics)
    tombstones = TombstoneFilter(settings.secret_key, stores.redis)
    publisher = AttributionPublisher(stores.redis, now_ms)
    recorded = drain.run(
        stores.country_of, tombstones=tombstones, held=stores.held, publish=publisher.publish
    )
    _enqueue_delivery(stores)
    return recorded.summary


@without_data
def sweep() -> str:
    """Finds work that waits unnoticed, and resumes it."""
    stores = process_stores()
    done = []
    if wake_waiting_inbox(stores.redis):
        done.append("Enqueued a drain for the waiting inbox")
    if snapshot_is_lost(stores.redis):
        restore_snapshot(stores.database.connection(), stores.redis, stores.settings.secret_key)
        done.append("Published the lost snapshot again")
    if _enqueue_delivery(stores):
        done.append("Enqueued a delivery of callbacks")
    if is_left_undone(stores.redis):
        _enqueue_unless_waiting(stores, "recompute")
        done.append("Resumed an unfinished recompute")
    if has_waiting_requests(stores.redis) or has_unfinished_erasures(stores.database.connection()):
        _enqueue_unless_waiting(stores, "erase")
        done.append("Resumed an unfinished erasure")
    if seen_markers_are_lost(stores.redis):
        _enqueue_unless_waiting(stores, "restore_seen")
        done.append("Resumed restoring the seen set")
    if has_unfinished_uploads(stores.database.connection()):
        _enqueue_unless_waiting(stores, "import_uploads")
        done.append("Resumed an unfinished import")
    return "; ".join(done) or "Nothing to do"


@without_data
def recompute() -> str:
    """Recalculates the decisions of every user of an app, as requested in the console."""
    stores = process_stores()
    seconds_max = stores.settings.drain_seconds_max
    if recompute_step(stores.database.connection(), stores.redis, seconds_max):
        enqueue(stores.redis, "recompute")
        return "Time is up; enqueued the rest"
    return "Done"


@without_data
def roll_up() -> str:
    """Rolls up the hours and days in which something has changed."""
    stores = process_stores()
    rolled_up = roll_up_step(stores.database.connection(ROLL_UP_PATIENCE), ROLL_UP_SECONDS)
    if rolled_up.more:
        _enqueue_unless_waiting(stores, "roll_up")
    return f"Rolled up {rolled_up.periods} hours and days"


@without_data
def restore_seen() -> str:
    """Restores the seen markers of devices and unique events from the tables, for ingest."""
    stores = process_stores()
    connection, seconds_max = stores.database.connection(), stores.settings.drain_seconds_max
    if restore_seen_step(connection, stores.redis, now_ms, seconds_max):
        enqueue(stores.redis, "restore_seen")
        return "Time is up; enqueued the rest"
    return "Done"


@without_data
def backfill_event_types() -> str:
    """Assigns event types to the events that arrived before they were created."""
    stores = process_stores()
    backfilled = backfill_step(stores.database.connection(), stores.settings.drain_seconds_max)
    if backfilled.more:
        enqueue(stores.redis, "backfill_event_types")
    return f"Backfilled {backfilled.events} events"


@without_data
def retry_set_aside() -> str:
    """Retries the users who were set aside because their decision failed."""
    stores = process_stores()
    retries = retry_set_aside_step(stores.database.connection(), stores.settings.drain_seconds_max)
    if retries.more:
        enqueue(stores.redis, "retry_set_aside")
    return f"Decided {retries.decided} of {retries.tried} users that were set aside"


@without_data
def erase() -> str:
    """Takes in what devices ask for about their data, and carries out erasures."""
    stores = process_stores()
    connection, settings = stores.database.connection(), stores.settings
    taken = take_in_requests(connection, stores.redis, settings.secret_key)
    log = ErasureLog(Path(settings.erasure_log)) if settings.erasure_log else None
    eraser = Eraser(connection, stores.redis, settings.secret_key, now_ms, log)
    # What is left waits for the inbox or for Redis: the sweep looks again.
    more = eraser.run(settings.drain_seconds_max)
    _enqueue_delivery(stores)
    return f"Took in {taken} requests" + ("; an erasure is left to finish" if more else "")


@without_data
def import_uploads() -> str:
    """Imports lines of files that were uploaded in the console."""
    stores = process_stores()
    connection, limits = stores.database.connection(), import_limits(stores.settings)
    imported = import_lines(connection, stores.redis, limits, now_ms, IMPORT_SECONDS)
    if imported.more:
        enqueue(stores.redis, "import_uploads")
    return f"Read {imported.lines} lines of an upload"


@without_data
def decide_due() -> str:
    """Decides users for whom no drain had time."""
    stores = process_stores()
    decided = decide_due_step(stores.database.connection(), DECIDE_DUE_SECONDS)
    if decided.more:
        _enqueue_unless_waiting(stores, "decide_due")
    return f"Decided {decided.users} users who were due"


@without_data
def expire() -> str:
    """Deletes what apps no longer want to keep, and truncates what they want to keep less of."""
    stores = process_stores()
    seconds_max = stores.settings.drain_seconds_max
    counts = expire_step(stores.database.connection(), stores.redis, now_ms, seconds_max)
    if counts["truncated addresses"]:
        enqueue(stores.redis, "expire")
    return summary_of(counts)


@without_data
def close_days() -> str:
    """Moves events of days long ago into day files, and looks after those files."""
    stores = process_stores()
    closer = DayCloser(stores.database.connection(ROLL_UP_PATIENCE), stores.settings, now_ms)
    closed = closer.run()
    if closed.more:
        _enqueue_unless_waiting(stores, "close_days")
    return closed.summary


@without_data
def deliver() -> str:
    """Wakes the courier of this worker, which sends the callbacks that are due."""
    is_woken = process_courier().wake()
    return "Sends the callbacks that are due" if is_woken else "Callbacks are being sent already"


@without_data
def alert() -> str:
    """Looks at what people want to hear of, and has them told."""
    stores = process_stores()
    report = evaluate_alerts(stores.database.connection(), stores.redis, now_ms)
    if has_due_messages(stores.database.connection()):
        process_alerts().wake()
    return (
        f"{report.conditions} conditions hold; {report.resolved} alerts ended; "
        f"{report.messages} messages are due"
    )


@without_data
def upkeep() -> str:
    """Creates partitions ahead and deletes what has expired."""
    stores = process_stores()
    publish_forgotten(stores.database.connection(), stores.redis)
    rewrite_late_log(stores.redis)
    connection, key, days = (
        stores.database.connection(),
        stores.settings.secret_key,
        days_kept(stores.settings),
    )
    return upkeep_step(connection, stores.redis, _inbox(stores), key, days, now_ms).summary


def _enqueue_unless_waiting(stores: WorkerStores, job: str) -> None:
    """Enqueues a job unless another waits: an idle worker starts it at once."""
    if not waiting_jobs(stores.redis):
        enqueue(stores.redis, job)


def _enqueue_delivery(stores: WorkerStores) -> bool:
    """Enqueues a delivery if callbacks are due and no worker is at it."""
    if not is_courier_needed(stores.redis, stores.database):
        return False
    _enqueue_unless_waiting(stores, "deliver")
    return True


def _inbox(stores: WorkerStores) -> InboxReader:
    job = get_current_job()
    consumer = (job.worker_name if job else None) or "worker"
    return InboxReader(stores.redis, consumer, stores.settings.claim_idle_ms)


# Jobs wait in Redis under these names, and programs of version 0.1 enqueue these names.
count, remember, claim = roll_up, restore_seen, backfill_event_types
