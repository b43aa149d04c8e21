"""Admits requests within the limits of their app, or says when to come again.

A request that no limit is set for costs one look-up.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from time import monotonic
from typing import NamedTuple

import msgspec
from falcon.asgi import Request

from ingest.authentication import Principal
from ingest.client import request_address
from ingest.credential_store import CredentialStore
from ingest.rate_limits.queue_watch import QueueWatch
from ingest.rate_limits.rate_schedule import RateSchedule
from shared.clock import Clock
from shared.errors import RequestError
from shared.limits.app_limits import DEFAULT_LIMITS, AppLimits
from shared.snapshot import NO_TOKEN, Snapshot

RATES_MAX = 20_000  # limits in use of one process; beyond it the longest unused is forgotten
DAY_MS = 86_400_000
_RETRY_SECONDS_MAX = 3_600
_QUEUE_SECONDS = 5.0  # after which workers will have stored some of a long queue
_NO_LIMITS = (DEFAULT_LIMITS, False)


class RateLimited(RequestError):
    """A request beyond a limit of its app. `retry_seconds` is when the limit has room again."""

    code = "rate_limited"
    status = 429

    def __init__(self, subject: str, retry_seconds: float) -> None:
        self.retry_seconds = max(1, min(_RETRY_SECONDS_MAX, math.ceil(retry_seconds)))
        super().__init__(
            f"The limit {subject} is reached. Send it again after {self.retry_seconds} s, and more "
            "slowly, or have the limit raised in the app's settings."
        )


class RateName(NamedTuple):
    """The limit that a rate belongs to, and whose: of the app, or of one token, link or address."""

    app_id: int
    limit: str
    subject: int | str = 0


class DayUse(msgspec.Struct):
    """The bytes of one day: of all processes as last read, and of this one since then."""

    day: int
    published_bytes: int = 0
    own_bytes: int = 0


class RateLimiter:
    """The rates of this process. `usage` publishes them and reads those of the others."""

    def __init__(
        self,
        credential_store: CredentialStore,
        now: Clock,
        forwarded_hops: int = 0,
        queues: QueueWatch | None = None,
    ) -> None:
        self._credential_store = credential_store
        self._queues = queues
        self._now = now
        self._forwarded_hops = forwarded_hops
        self._snapshot: Snapshot | None = None
        self._limits: dict[int, tuple[AppLimits, bool]] = {}
        self.rates: OrderedDict[RateName, RateSchedule] = OrderedDict()
        self.days: dict[RateName, DayUse] = {}

    def admit_request(self, request: Request, principal: Principal | None, size_bytes: int) -> None:
        """Takes a request from the limits of its principal. Raises RateLimited."""
        if principal is None:
            return
        is_stranger = principal.is_stranger
        address = request_address(request, self._forwarded_hops) if is_stranger else None
        self.admit(principal, address, size_bytes)

    def admit(self, principal: Principal, address: str | None, size_bytes: int) -> None:
        """Takes a request from its limits. Raises RateLimited, and then takes nothing."""
        snapshot = self._credential_store.snapshot
        if snapshot is not self._snapshot:
            self._use(snapshot)
        app_id = principal.grant.app_id
        limits, has_own = self._limits.get(app_id, _NO_LIMITS)
        if not (has_own or principal.is_stranger):
            return
        self._require_queue_room(app_id, limits)
        now_seconds = monotonic()
        names = list(_names(principal, address))
        days = self._days(principal, limits)
        taken: list[tuple[RateSchedule, float, int]] = []
        waits: list[tuple[float, str]] = []
        for name in names:
            per_second_max = limit_of(limits, name)
            if per_second_max:
                rate = self._rate(name)
                amount = 1.0 if "requests" in name.limit else float(size_bytes)
                rate.demand += amount
                taken.append((rate, amount, per_second_max))
                if wait_seconds := rate.wait_seconds(now_seconds):
                    waits.append((wait_seconds, name.limit))
        if waits:
            wait_seconds, limit = max(waits)
            raise RateLimited(_described(limit), wait_seconds)
        for rate, amount, per_second_max in taken:
            rate.take(now_seconds, amount, per_second_max)
        for use in days:
            use.own_bytes += size_bytes

    def _require_queue_room(self, app_id: int, limits: AppLimits) -> None:
        """Raises RateLimited while the app has as many events queued as it may."""
        queued = 0 if self._queues is None else self._queues.events.get(app_id, 0)
        if 0 < limits.queued_events_max <= queued:
            raise RateLimited(_described("queued_events_max"), _QUEUE_SECONDS)

    def limits_of(self, app_id: int) -> AppLimits:
        return self._limits.get(app_id, _NO_LIMITS)[0]

    def _use(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        apps = () if snapshot is None else snapshot.apps.values()
        self._limits = {app.app_id: (app.limits, _limits_tokens(app.limits)) for app in apps}

    def _rate(self, name: RateName) -> RateSchedule:
        rate = self.rates.get(name)
        if rate is None:
            rate = self.rates[name] = RateSchedule()
            if len(self.rates) > RATES_MAX:
                self.rates.popitem(last=False)
        else:
            self.rates.move_to_end(name)
        return rate

    def _days(self, principal: Principal, limits: AppLimits) -> list[DayUse]:
        """Returns the days' bytes that a request counts for. Raises RateLimited if any is used."""
        now_ms = self._now()
        day, past_ms = divmod(now_ms, DAY_MS)
        uses: list[DayUse] = []
        for limit in ("bytes_per_day_max", "open_bytes_per_day_max"):
            per_day_max = getattr(limits, limit)
            if not per_day_max or (limit.startswith("open") and not principal.is_stranger):
                continue
            name = RateName(principal.grant.app_id, limit)
            use = self.days.get(name)
            if use is None or use.day != day:
                use = self.days[name] = DayUse(day)
            if use.published_bytes + use.own_bytes >= per_day_max:
                raise RateLimited(_described(limit), (DAY_MS - past_ms) / 1000)
            uses.append(use)
        return uses


def limit_of(limits: AppLimits, name: RateName) -> int:
    return int(getattr(limits, name.limit))


def _names(principal: Principal, address: str | None) -> Iterator[RateName]:
    """Yields the rates that a request counts for."""
    app_id, token_id = principal.grant.app_id, principal.grant.token_id
    subjects: list[tuple[str, int | str]] = [("", 0)]
    if token_id != NO_TOKEN:
        subjects.append(("token_", token_id))
    if principal.link is not None:
        subjects.append(("link_", principal.link.link_id))
    if principal.is_stranger:
        subjects += [("open_", 0), ("address_", address or "")]
    for prefix, subject in subjects:
        yield RateName(app_id, f"{prefix}requests_per_second_max", subject)
        yield RateName(app_id, f"{prefix}bytes_per_second_max", subject)


def _limits_tokens(limits: AppLimits) -> bool:
    """Tells whether requests with a token have a limit."""
    return any(
        value and not name.startswith(("open_", "address_"))
        for name, value in msgspec.structs.asdict(limits).items()
    )


def _described(limit: str) -> str:
    """Describes a limit for its sender: of requests per second for each token, and so on."""
    subject = next((word for word in ("token", "link", "address") if limit.startswith(word)), "app")
    measure = limit.removesuffix("_max").replace("_", " ")
    for word in ("token ", "link ", "address ", "open "):
        measure = measure.removeprefix(word)
    without = " without a token" if limit.startswith(("open", "address")) else ""
    return f"of {measure} of this {subject}{without}"
