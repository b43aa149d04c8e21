"""What a refusal is to HTTP."""

from console.store_errors import StoreFault
from shared.errors import OperatorError, WaybillError


def status_of(refusal: WaybillError) -> int:
    """What an operation refuses has no HTTP status of its own."""
    if isinstance(refusal, StoreFault):
        return 503
    return 422 if refusal.status == OperatorError.status else refusal.status
