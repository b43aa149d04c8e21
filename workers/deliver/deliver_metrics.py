"""Counts attempts by outcome, and how long they took."""

from shared import metrics
from shared.callbacks.attempts import AttemptResult
from shared.tally import Tally
from shared.vocabulary import CallbackOutcome


class DeliverCounts:
    """Counts for the metrics of a worker."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def attempted(self, result: AttemptResult, seconds: float) -> None:
        """Counts one attempt."""
        self._tally.counter(metrics.CALLBACK_ATTEMPTS, outcome_of(result)).add()
        self._tally.histogram(metrics.CALLBACK_SECONDS).observe(seconds)


def outcome_of(result: AttemptResult) -> CallbackOutcome:
    """Returns the label of an attempt."""
    if result.is_delivered:
        return CallbackOutcome.DELIVERED
    if result.status is not None:
        return CallbackOutcome.ANSWERED
    return CallbackOutcome.REFUSED if result.is_final else CallbackOutcome.UNANSWERED
