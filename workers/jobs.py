"""Every job there is. RQ finds them by name; `LISTED` is all that a worker will run.

A job's result is what the dashboard shows: counts, never data of events.
"""

from functools import partial

from rq import get_current_job

from shared.clock import now_ms
from shared.rq_queue import enqueue, waiting_jobs
from workers.decisions.recompute import is_left_undone
from workers.decisions.recompute import recompute as recompute_step
from workers.decisions.retry_set_aside import retry_set_aside as retry_set_aside_step
from workers.drain.drain import Asks, Drain, DrainLimits
from workers.drain.drain_metrics import DrainCounts
from workers.drain.inbox_reader import InboxReader
from workers.facts.backfill_event_types import backfill_event_types as backfill_step
from workers.job_errors import without_data
from workers.maintenance import upkeep as care
from workers.maintenance.restore_seen import restore_seen as restore_seen_step
from workers.maintenance.restore_seen import seen_markers_are_lost
from workers.process import WorkerStores, process_stores
from workers.rollups.schedule import roll_up as roll_up_step
from workers.shutdown import is_stopping

COUNT_SECONDS = 1.0  # then the events that wait have their turn

LISTED = frozenset({
    "workers.jobs.drain",
    "workers.jobs.sweep",
    "workers.jobs.upkeep",
    "workers.jobs.recompute",
    "workers.jobs.roll_up",
    "workers.jobs.restore_seen",
    "workers.jobs.backfill_event_types",
    "workers.jobs.retry_set_aside",
    # Names of version 0.1, under which jobs are still enqueued; see `shared.rq_queue`.
    "workers.jobs.count",
    "workers.jobs.remember",
    "workers.jobs.claim",
})  # fmt: skip


@without_data
def drain() -> str:
    """Empty the inbox into the tables."""
    stores = process_stores()
    settings = stores.settings
    limits = DrainLimits(
        settings.drain_events_max, settings.drain_seconds_max, settings.deliveries_max
    )

    # It goes on whatever else waits: the jobs of the clock would leave the inbox to the sweep.
    asks = Asks(partial(_another, stores, "drain"), partial(enqueue, stores.redis, "drain"))
    counts = DrainCounts(stores.tally)
    drain = Drain(_inbox(stores), stores.lanes, limits, asks, is_stopping, counts)
    recorded = drain.run(stores.country_of)
    return (
        f"{recorded.events} events, {recorded.duplicates} duplicates, "
        f"{recorded.quarantined} quarantined"
    )


@without_data
def sweep() -> str:
    """See that nothing waits unnoticed."""
    stores = process_stores()
    done = []
    if care.wake_waiting_inbox(stores.redis):
        done.append("woke the inbox")
    if care.snapshot_is_lost(stores.redis):
        connection = stores.database.connection()
        care.restore_snapshot(connection, stores.redis, stores.settings.secret_key)
        done.append("published the snapshot")
    if is_left_undone(stores.redis):
        _another(stores, "recompute")
        done.append("went on recomputing")
    if seen_markers_are_lost(stores.redis):
        _another(stores, "restore_seen")
        done.append("went on remembering")
    return ", ".join(done) or "nothing to do"


@without_data
def recompute() -> str:
    """Decide every user of an app anew, as the console asked for."""
    stores = process_stores()
    seconds_max = stores.settings.drain_seconds_max
    if recompute_step(stores.database.connection(), stores.redis, seconds_max):
        enqueue(stores.redis, "recompute")
        return "more to do"
    return "done"


@without_data
def roll_up() -> str:
    """Count the hours and days anew in which something has changed."""
    stores = process_stores()
    counted = roll_up_step(stores.database.connection(), COUNT_SECONDS)
    if counted.more:
        _another(stores, "roll_up")
    return f"{counted.periods} hours and days"


@without_data
def restore_seen() -> str:
    """Mark again, for ingest, what the tables know of devices and unique events."""
    stores = process_stores()
    connection, seconds_max = stores.database.connection(), stores.settings.drain_seconds_max
    if restore_seen_step(connection, stores.redis, now_ms, seconds_max):
        enqueue(stores.redis, "restore_seen")
        return "more to do"
    return "done"


@without_data
def backfill_event_types() -> str:
    """Give event types the events that came before they were made."""
    stores = process_stores()
    claimed = backfill_step(stores.database.connection(), stores.settings.drain_seconds_max)
    if claimed.more:
        enqueue(stores.redis, "backfill_event_types")
    return f"{claimed.events} events"


@without_data
def retry_set_aside() -> str:
    """Decide users again who were set aside because their decision failed."""
    stores = process_stores()
    tries = retry_set_aside_step(stores.database.connection(), stores.settings.drain_seconds_max)
    if tries.more:
        enqueue(stores.redis, "retry_set_aside")
    return f"{tries.decided} of {tries.tried} users decided"


@without_data
def upkeep() -> str:
    """Make partitions ahead, forget what may be forgotten."""
    stores = process_stores()
    done = care.upkeep(
        stores.database.connection(),
        stores.redis,
        _inbox(stores),
        stores.settings.secret_key,
        stores.settings.key_days_min,
        now_ms,
    )
    return f"{done}"


def _another(stores: WorkerStores, job: str) -> None:
    """Ask for one more, unless one is waiting: an idle worker takes it up at once."""
    if not waiting_jobs(stores.redis):
        enqueue(stores.redis, job)


def _inbox(stores: WorkerStores) -> InboxReader:
    job = get_current_job()
    consumer = (job.worker_name if job else None) or "worker"
    return InboxReader(stores.redis, consumer, stores.settings.claim_idle_ms)


# Jobs wait in Redis under these names, and programs of version 0.1 enqueue them.
count, remember, claim = roll_up, restore_seen, backfill_event_types
