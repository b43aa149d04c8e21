"""Errors of pages and API calls, the HTTP status of every error, and the page that shows it."""

from console.store_errors import StoreError
from console.web.responses import Page
from shared.errors import OperatorError, WaybillError


class BadRequest(WaybillError):
    """An invalid request that a browser showing our forms does not send."""

    code = "bad_request"
    status = 400


class NotFound(WaybillError):
    code = "not_found"
    status = 404

    def __init__(self, message: str = "There is no page at this address.") -> None:
        super().__init__(message)


class ForgedRequest(WaybillError):
    """A form that was not shown to this session, or that another site sent."""

    code = "forged_request"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This form has expired or was not sent from this console. Go back, reload the page "
            "and try again."
        )


def status_of(error: WaybillError) -> int:
    """Returns the HTTP status. Errors of operations have none of their own and become 422."""
    if isinstance(error, StoreError):
        return 503
    return 422 if error.status == OperatorError.status else error.status


def error_page(error: WaybillError, status: int | None = None) -> Page:
    """Returns the page that shows an error, with the error's own status unless one is given."""
    status = status or status_of(error)
    return Page("error.html", {"status": status, "message": error.message}, status)
