"""Admits requests within the limits of their app, or says when to come again.

A request that no limit is set for costs one look-up.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
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
_OF_STRANGERS = ("open", "address")
_SUBJECTS = ("", "token", "link", "address")  # that a limit may be of, by the first word of it


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


class _Rate(NamedTuple):
    """A rate that an app limits; `of` is the place of its subject in `_SUBJECTS`."""

    limit: str
    of: int
    per_second_max: int
    is_of_requests: bool


class _LimitedApp(NamedTuple):
    """The limits of an app, prepared: those of a second and of a day that are set.

    `of_all` are those for any request, which `of_strangers` has too; `limits_tokens` tells whether
    requests with a token have a limit.
    """

    limits: AppLimits
    limits_tokens: bool
    of_all: tuple[_Rate, ...]
    of_strangers: tuple[_Rate, ...]
    days: tuple[tuple[str, int], ...]


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
        self._limited: dict[int, _LimitedApp] = {}
        # By what a RateName has: one is made in five times the time of a plain tuple.
        self.rates: OrderedDict[tuple[int, str, int | str], RateSchedule] = OrderedDict()
        self.days: dict[tuple[int, str], DayUse] = {}

    def admit_request(self, request: Request, principal: Principal | None, size_bytes: int) -> None:
        """Takes a request from the limits of its principal. Raises RateLimited."""
        if principal is None:
            return
        address = None
        if principal.is_stranger:
            address = request_address(request, self._forwarded_hops)
        self.admit(principal, address, size_bytes)

    def admit(self, principal: Principal, address: str | None, size_bytes: int) -> None:
        """Takes a request from its limits. Raises RateLimited, and then takes nothing."""
        grant, link, is_stranger = principal.grant, principal.link, principal.is_stranger
        app_id = grant.app_id
        limited = self._limits(app_id)
        if not (limited.limits_tokens or is_stranger):
            return
        if self._queues is not None and limited.limits.queued_events_max:
            self._require_queue_room(self._queues, app_id, limited.limits)
        days = self._days(app_id, limited.days, is_stranger) if limited.days else ()
        now_seconds = monotonic()
        subjects = (
            *(0, None if grant.token_id == NO_TOKEN else grant.token_id),
            *(None if link is None else link.link_id, address or ""),
        )
        taken: list[tuple[RateSchedule, float, int]] = []
        waits: list[tuple[float, str]] = []
        limits = limited.of_strangers if is_stranger else limited.of_all
        for limit, of, per_second_max, is_of_requests in limits:
            subject = subjects[of]
            if subject is not None:
                rate = self._rate((app_id, limit, subject))
                amount = 1.0 if is_of_requests else float(size_bytes)
                rate.demand += amount
                taken.append((rate, amount, per_second_max))
                if rate.due_seconds > now_seconds:
                    waits.append((rate.wait_seconds(now_seconds), limit))
        if waits and max(waits)[0]:
            wait_seconds, limit = max(waits)
            raise RateLimited(_described(limit), wait_seconds)
        for rate, amount, per_second_max in taken:
            rate.take(now_seconds, amount, per_second_max)
        for use in days:
            use.own_bytes += size_bytes

    @staticmethod
    def _require_queue_room(queues: QueueWatch, app_id: int, limits: AppLimits) -> None:
        """Raises RateLimited while the app has as many events queued as it may."""
        if 0 < limits.queued_events_max <= queues.events.get(app_id, 0):
            raise RateLimited(_described("queued_events_max"), _QUEUE_SECONDS)

    def is_limited(self, principal: Principal) -> bool:
        """Tells whether any limit concerns the requests of a principal, until the next snapshot."""
        return principal.is_stranger or self._limits(principal.grant.app_id).limits_tokens

    def limits_of(self, app_id: int) -> AppLimits:
        return self._limited.get(app_id, _DEFAULT).limits

    def _limits(self, app_id: int) -> _LimitedApp:
        snapshot = self._credential_store.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            apps = () if snapshot is None else snapshot.apps.values()
            self._limited = {app.app_id: _limited(app.limits) for app in apps}
        return self._limited.get(app_id, _DEFAULT)

    def _rate(self, name: tuple[int, str, int | str]) -> RateSchedule:
        rate = self.rates.get(name)
        if rate is None:
            rate = self.rates[name] = RateSchedule()
            if len(self.rates) > RATES_MAX:
                self.rates.popitem(last=False)
        else:
            self.rates.move_to_end(name)
        return rate

    def _days(
        self, app_id: int, limits: Sequence[tuple[str, int]], is_stranger: bool
    ) -> list[DayUse]:
        """Returns the days' bytes that a request counts for. Raises RateLimited if any is used."""
        now_ms = self._now()
        day = now_ms // DAY_MS
        uses: list[DayUse] = []
        for limit, per_day_max in limits:
            if not is_stranger and limit.startswith("open"):
                continue
            use = self.days.get((app_id, limit))
            if use is None or use.day != day:
                use = self.days[app_id, limit] = DayUse(day)
            if use.published_bytes + use.own_bytes >= per_day_max:
                raise RateLimited(_described(limit), (DAY_MS - now_ms % DAY_MS) / 1000)
            uses.append(use)
        return uses


def limit_of(limits: AppLimits, name: RateName) -> int:
    return int(getattr(limits, name.limit))


@lru_cache(maxsize=1_000)  # of all apps after each change, most of which have the same
def _limited(limits: AppLimits) -> _LimitedApp:
    """Prepares the limits of an app, in the order of their declaration."""
    set_ones = [(name, value) for name, value in msgspec.structs.asdict(limits).items() if value]
    of_strangers = tuple(
        _Rate(
            name,
            _SUBJECTS.index(subject) if (subject := name.partition("_")[0]) in _SUBJECTS else 0,
            value,
            "requests" in name,
        )
        for name, value in set_ones
        if name.endswith("_per_second_max")
    )
    of_all = tuple(rate for rate in of_strangers if not rate.limit.startswith(_OF_STRANGERS))
    days = tuple((name, value) for name, value in set_ones if name.endswith("_per_day_max"))
    limits_tokens = any(not name.startswith(_OF_STRANGERS) for name, _ in set_ones)
    return _LimitedApp(limits, limits_tokens, of_all, of_strangers, days)


_DEFAULT = _limited(DEFAULT_LIMITS)


def _described(limit: str) -> str:
    """Describes a limit for its sender: of requests per second for each token, and so on."""
    subject = next((word for word in ("token", "link", "address") if limit.startswith(word)), "app")
    measure = limit.removesuffix("_max").replace("_", " ")
    for word in ("token ", "link ", "address ", "open "):
        measure = measure.removeprefix(word)
    without = " without a token" if limit.startswith(("open", "address")) else ""
    return f"of {measure} of this {subject}{without}"
