"""Holds the callbacks of one endpoint that this process has claimed: in flight, or next in turn."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from workers.deliver.endpoint_load import EndpointLoad
from workers.deliver.outbox_claims import Claim, DueEndpoint

# Of a claim for its turn. An endpoint that answers takes what was claimed ahead within
# milliseconds; of one that has stopped to, it is given back before it takes places from others.
WAIT_SECONDS_MAX = 1.0


@dataclass
class EndpointQueue:
    """The claims of an endpoint in their order, and how many requests are in flight."""

    load: EndpointLoad
    endpoint: DueEndpoint
    waiting: deque[tuple[Claim, float]] = field(default_factory=deque)
    flights: int = 0

    def add(self, claimed: Claim, now_seconds: float) -> None:
        self.load.begin(now_seconds, 1)
        self.waiting.append((claimed, now_seconds))

    def is_forgotten(self, oldest_seconds: float) -> bool:
        """Tells whether nothing was claimed since this time, and nothing is left of before."""
        is_busy = self.waiting or self.flights or self.load.in_flight
        return not is_busy and self.load.begun_at < oldest_seconds

    def flights_to_begin(self) -> int:
        """Returns how many more requests may be in flight at once, and have something to send."""
        return min(len(self.waiting), self.load.concurrency_max - self.flights)

    async def fly(self, send: Callable[[Claim, "EndpointQueue"], Awaitable[None]]) -> None:
        """Sends one after another until nothing waits, or the endpoint has broken."""
        was_open = self.load.is_open
        try:
            while self.waiting and (was_open or not self.load.is_open):
                claimed, _ = self.waiting.popleft()
                await send(claimed, self)
        finally:
            self.flights -= 1

    def take_back(self, oldest_seconds: float) -> list[Claim]:
        """Takes out what has waited since this time; of a broken endpoint whatever waits."""
        returned = []
        while self.waiting and (self.load.is_open or self.waiting[0][1] <= oldest_seconds):
            returned.append(self.waiting.popleft()[0])
            self.load.release()
        return returned
