"""Runs the courier of a worker on a thread of its own, woken by the job `deliver`."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from functools import cache
from typing import Any

import uvloop

from shared.callbacks.guard_settings import guard_of
from shared.callbacks.http_client import HttpClient
from shared.clock import now_ms
from shared.ids import new_receipt
from shared.redis import Redis
from shared.settings import Settings
from shared.tally import Tally
from workers.deliver.courier import LINGER_SECONDS, Courier, CourierTools
from workers.deliver.deliver_metrics import DeliverCounts
from workers.deliver.delivery_call import DeliveryCall, is_courier_needed
from workers.deliver.lease import Lease
from workers.drain.group_store import LANE_PATIENCE
from workers.patient_database import Database
from workers.process import WorkerStores, process_stores
from workers.shutdown import is_stopping

LAND_SECONDS_MAX = 12.0  # an attempt takes at most 10

_log = logging.getLogger(__name__)


class CourierThread:
    """The courier of this process. Its thread ends with the process."""

    def __init__(
        self, settings: Settings, redis: Redis, tally: Tally, is_over: Callable[[], bool]
    ) -> None:
        self._is_over = is_over
        self._delivery: Future[None] | None = None
        self._loop = uvloop.new_event_loop()
        database = Database(settings.database_url)
        self._courier = Courier(
            CourierTools(
                connection=database.connection,
                lost_connection=database.close,
                key=settings.secret_key,
                client=HttpClient(guard_of(settings)),
                lease=Lease(redis, str(new_receipt(now_ms()))),
                counts=DeliverCounts(tally),
                now_ms=now_ms,
            )
        )
        threading.Thread(target=self._loop.run_forever, name="courier", daemon=True).start()

    def wake(self) -> bool:
        """Has the courier look for what is due. False: it is at it already."""
        if self._delivery is not None and not self._delivery.done():
            return False
        self._delivery = asyncio.run_coroutine_threadsafe(self._deliver(), self._loop)
        return True

    def spawn(self, work: Coroutine[Any, Any, int]) -> Future[int]:
        """Runs other work on the courier's event loop; it must not block it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, seconds_max: float) -> None:
        """Waits until the courier has nothing in flight, at most so long. Its faults are logged."""
        if self._delivery is not None and wait([self._delivery], seconds_max).not_done:
            _log.warning("callbacks are still in flight: they are sent again, with their ids")

    async def _deliver(self) -> None:
        try:
            await self._courier.deliver(self._is_over, LINGER_SECONDS)
        except Exception as error:
            _log.error("delivery failed with %s; the next job goes on", type(error).__name__)
            raise


@cache
def process_courier() -> CourierThread:
    """Returns the courier of this process, started by the first delivery."""
    stores = process_stores()
    return CourierThread(stores.settings, stores.redis, stores.tally, is_stopping)


def courier_call(stores: WorkerStores, enqueue: Callable[[], object]) -> DeliveryCall:
    """Returns the call that a drain of this process makes after each transaction."""
    return DeliveryCall(
        # With the connection of a lane, which rests meanwhile, and the lane's patience.
        lambda: is_courier_needed(stores.redis, stores.database, LANE_PATIENCE),
        enqueue,
        lambda: process_courier().wake(),
    )


def land_courier() -> None:
    """Waits for the requests in flight when the process ends, if it has a courier."""
    if process_courier.cache_info().currsize:
        process_courier().wait(LAND_SECONDS_MAX)
