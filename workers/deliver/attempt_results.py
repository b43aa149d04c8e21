"""Decides what becomes of a callback after an attempt: pure."""

from collections.abc import Callable
from decimal import Decimal

from shared.callbacks.activities import Activity
from shared.callbacks.attempts import DISABLING_STATUS, AttemptResult
from shared.callbacks.consent import NO_CONSENT, is_consent_denied
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.masking import MASK, masked_url
from shared.privacy.sharing import SHARING_DISABLED
from workers.deliver.outbox_claims import GONE, Claim, DueEndpoint, Result
from workers.deliver.retry_schedule import delay_seconds

ERASED, NO_PAYOUT, NO_URL = "erased", "no_payout", "no_url"
_WITHHELD = {
    ERASED: "nothing is left",
    NO_CONSENT: "the user did not consent to sharing data",
    SHARING_DISABLED: "the owner of the device chose not to share data",
    NO_PAYOUT: "the link has no price above zero for this",
    NO_URL: "the click carries no URL that may be used",
}


def attempt_result(
    claimed: Claim,
    request: HttpRequest,
    result: AttemptResult,
    began_ms: int,
    ended_ms: int,
    random: Callable[[], float],
) -> Result:
    """Returns what is written of an attempt, with the state that the callback is in then."""
    delay = delay_seconds(claimed.attempts, result.retry_after, ended_ms / 1000, random)
    state = "failed"
    reason: str | None = result.outcome
    due_seconds: float | None = None
    if result.is_delivered:
        state, reason = "delivered", None
    elif result.status == DISABLING_STATUS:
        # It waits: whoever resumes the endpoint has it sent.
        state, reason, due_seconds = "waiting", GONE, 0.0
    elif not result.is_final and delay is not None:
        state, due_seconds = "waiting", delay
    return Result(
        callback_id=claimed.id,
        number=claimed.attempts,
        endpoint_id=claimed.endpoint_id,
        state=state,
        reason=reason,
        due_seconds=due_seconds,
        at_ms=began_ms,
        request=_shown_request(claimed, request),
        outcome=result.outcome,
        status=result.status,
        took_ms=ended_ms - began_ms,
        answer="" if _names_erased(claimed) else result.answer,
        is_failure=is_failure(result),
    )


def _shown_request(claimed: Claim, request: HttpRequest) -> str:
    """Returns what the log keeps of a request: of one about an erased person, where it went."""
    url = masked_url(request.url)
    if _names_erased(claimed):
        url = "/".join(url.split("/")[:3]).partition("?")[0] + f"/{MASK}"
    return f"{request.method} {url}"


def _names_erased(claimed: Claim) -> bool:
    return claimed.facts is not None and claimed.facts.activity == Activity.ERASED


def withheld_reason(claimed: Claim, endpoint: DueEndpoint, url: str) -> str | None:
    """Returns why a callback is not sent to this URL, if it is not."""
    if claimed.facts is None or (_names_erased(claimed) and not claimed.facts.erased_ids):
        return ERASED
    if claimed.is_unshared:
        return SHARING_DISABLED
    if endpoint.is_partners and is_consent_denied(claimed.facts):
        return NO_CONSENT
    if endpoint.payout_only and not Decimal(claimed.facts.payout or 0):
        return NO_PAYOUT
    return None if url else NO_URL


def withheld_result(claimed: Claim, reason: str, now_ms: int) -> Result:
    """Returns what is written of a callback that is not sent."""
    return Result(
        callback_id=claimed.id,
        number=claimed.attempts,
        endpoint_id=claimed.endpoint_id,
        state="withheld",
        reason=reason,
        due_seconds=None,
        at_ms=now_ms,
        request="",
        outcome=_WITHHELD[reason],
        status=None,
        took_ms=0,
        answer="",
        is_failure=False,
    )


def faulty_result(claimed: Claim, fault: str, now_ms: int, random: Callable[[], float]) -> Result:
    """Returns what is written of an attempt that a fault of our own ended; it is tried again."""
    delay = delay_seconds(claimed.attempts, None, now_ms / 1000, random)
    return Result(
        callback_id=claimed.id,
        number=claimed.attempts,
        endpoint_id=claimed.endpoint_id,
        state="failed" if delay is None else "waiting",
        reason="an internal error",
        due_seconds=delay,
        at_ms=now_ms,
        request="",
        outcome=f"an internal error ({fault}); the callback may have arrived",
        status=None,
        took_ms=0,
        answer="",
        is_failure=False,
    )


def is_failure(result: AttemptResult) -> bool:
    """Tells whether an endpoint failed, rather than refuse this one request."""
    is_refusal = result.is_final and result.status is not None and 400 <= result.status < 500
    return not result.is_delivered and not is_refusal
