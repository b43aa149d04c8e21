"""Keeps one rate: a virtual schedule (GCRA), equal to a token bucket. Pure: times in, times out."""

import msgspec

BURST_SECONDS = 2.0  # of the rate may come at once
_BORDER_SECONDS = 1e-6  # a burst that is used up to the last has nothing left, whatever rounds


class RateSchedule(msgspec.Struct):
    """A schedule of what was taken of a limit: `due_seconds` is when all of it is paid."""

    due_seconds: float = 0.0
    demand: float = 0.0  # since usage was last published, refused requests included
    share: float = 1.0  # of the limit, for this process

    def wait_seconds(self, now_seconds: float) -> float:
        """Returns how long a request has to wait, 0 if it may pass now."""
        return max(0.0, self.due_seconds - now_seconds - BURST_SECONDS + _BORDER_SECONDS)

    def take(self, now_seconds: float, amount: float, per_second_max: int) -> None:
        """Takes an amount of the limit. A large one passes, and those behind it wait for it."""
        seconds = amount / (per_second_max * self.share)
        self.due_seconds = max(self.due_seconds, now_seconds) + seconds
