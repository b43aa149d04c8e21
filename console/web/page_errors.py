"""What a page refuses, each with its HTTP status."""

from shared.errors import WaybillError


class BadRequest(WaybillError):
    """The request itself is wrong; a browser that shows our forms does not send such."""

    code = "bad_request"
    status = 400


class NotFound(WaybillError):
    code = "not_found"
    status = 404

    def __init__(self, message: str = "There is nothing at this address.") -> None:
        super().__init__(message)


class ForgedRequest(WaybillError):
    """A form that this session did not show, or that another site sent."""

    code = "forged_request"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This form is out of date, or does not come from this console. Go back, load the page "
            "again and repeat what you did."
        )
