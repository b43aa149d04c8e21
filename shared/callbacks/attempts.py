"""Makes one attempt at a callback and says what it came to."""

from dataclasses import dataclass

from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import AddressRefused, HttpRequest, SendFault

ATTEMPT_SECONDS_MAX = 10.0
ANSWER_BYTES_KEPT_MAX = 1_024
DISABLING_STATUS = 410
# What may go well another time; every other status below 500 says that the request is wrong.
RETRIED_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The end of an attempt. `outcome` is a word or sentence for people, never what was sent.

    `is_final` tells that another attempt would come to the same.
    """

    outcome: str
    is_delivered: bool = False
    is_final: bool = False
    status: int | None = None
    retry_after: str | None = None
    answer: str = ""


async def attempt(
    client: HttpClient, request: HttpRequest, answer_contains: str | None, seconds_max: float
) -> AttemptResult:
    """Sends a request once. Raises nothing that the other side could cause."""
    try:
        answer = await client.send(request, seconds_max)
    except AddressRefused as fault:
        return AttemptResult(f"refused: {fault.reason}", is_final=True)
    except SendFault as fault:
        arrived = "; it may have arrived" if fault.may_have_arrived else ""
        return AttemptResult(f"{fault.reason}{arrived}")
    kept = answer.body[:ANSWER_BYTES_KEPT_MAX].decode("utf-8", "replace").replace("\0", "")
    status = answer.status
    if 200 <= status < 300:
        contains = not answer_contains or answer_contains.encode() in answer.body
        outcome = "delivered" if contains else "the answer lacks the text that it must contain"
        return AttemptResult(outcome, contains, not contains, status, answer=kept)
    note = ": the endpoint is gone" if status == DISABLING_STATUS else ""
    if 300 <= status < 400:
        note = ": redirects are not followed"
    return AttemptResult(
        f"status {status}{note}",
        is_final=status < 500 and status not in RETRIED_STATUSES,
        status=status,
        retry_after=answer.retry_after,
        answer=kept,
    )
