"""Decides how much an endpoint may be sent: concurrency, rate and circuit breaker. Pure.

The breaker opens after so many failures in a row, or when more than half of at least twenty
attempts within a minute failed. While it is open one request is let through every 30 seconds; the
first that succeeds closes it. So one dead endpoint costs one request every half minute.
"""

from collections import deque

FAILURES_MAX = 10
WINDOW_SECONDS = 60.0
WINDOW_ATTEMPTS_MIN = 20
PROBE_SECONDS = 30.0
AHEAD_MAX = 256  # callbacks that are claimed beyond those in flight
QUICK_SECONDS_MAX = 1.0  # an answer within it keeps nobody waiting


class EndpointLoad:
    """The state of one endpoint in the process that delivers. Times are of a monotonic clock."""

    def __init__(self, concurrency_max: int, rate_max: int | None) -> None:
        self.concurrency_max = concurrency_max
        self.rate_max = rate_max
        self.in_flight = 0
        self.begun_at = float("-inf")
        self._delivered = 0
        self._failures = 0
        self._recent: deque[tuple[float, bool]] = deque()
        self._failed_recently = 0
        self._opened_at: float | None = None
        self._allowance = float(rate_max or 0)
        self._refilled_at: float | None = None
        self._ended_at: float | None = None
        self._last_seconds = 0.0

    @property
    def is_open(self) -> bool:
        """Tells whether the breaker is open: nothing is sent but a probe now and then."""
        return self._opened_at is not None

    def is_quick(self, now_seconds: float) -> bool:
        """Tells whether it answers within a second; not so before its first answer."""
        if self._ended_at is None or self._last_seconds > QUICK_SECONDS_MAX:
            return False
        return self.in_flight == 0 or now_seconds - self._ended_at <= QUICK_SECONDS_MAX

    def room(self, now_seconds: float) -> int:
        """Returns how many requests may begin now."""
        if self._opened_at is not None:
            waited = now_seconds - self._opened_at
            return 1 if waited >= PROBE_SECONDS and not self.in_flight else 0
        # Beyond those in flight as many are claimed as end until the next look.
        ahead = min(AHEAD_MAX, 2 * self._delivered) if self._failures == 0 else 0
        self._delivered = 0
        free = self.concurrency_max + ahead - self.in_flight
        return min(free, self._rate_room(now_seconds))

    def release(self) -> None:
        """Counts a callback that was claimed and is given back."""
        self.in_flight -= 1

    def begin(self, now_seconds: float, count: int) -> None:
        """Counts requests that begin."""
        self.in_flight += count
        self.begun_at = now_seconds
        self._allowance -= count
        if self._opened_at is not None:
            self._opened_at = now_seconds  # the next probe has to wait again

    def end(self, now_seconds: float, *, is_failure: bool, took_seconds: float = 0.0) -> None:
        """Counts a request that ended. A refusal by the other side is no failure: it answers."""
        self.in_flight -= 1
        self._ended_at, self._last_seconds = now_seconds, took_seconds
        self._failures = self._failures + 1 if is_failure else 0
        self._delivered += not is_failure
        self._recent.append((now_seconds, is_failure))
        self._failed_recently += is_failure
        while self._recent[0][0] < now_seconds - WINDOW_SECONDS:
            self._failed_recently -= self._recent.popleft()[1]
        if not is_failure:
            if self._opened_at is not None:
                self._opened_at = None
                self._recent.clear()
                self._failed_recently = 0
        elif self._opened_at is None:
            attempts = len(self._recent)
            half = attempts >= WINDOW_ATTEMPTS_MIN and self._failed_recently * 2 > attempts
            if self._failures >= FAILURES_MAX or half:
                self._opened_at = now_seconds

    def _rate_room(self, now_seconds: float) -> int:
        if self.rate_max is None:
            return self.concurrency_max + AHEAD_MAX
        if self._refilled_at is not None:
            gained = (now_seconds - self._refilled_at) * self.rate_max
            self._allowance = min(float(self.rate_max), self._allowance + gained)
        self._refilled_at = now_seconds
        return int(self._allowance)
