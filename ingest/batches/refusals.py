"""Defines the errors that only a batch can have. Those of a whole batch mean: nothing was read."""

from shared.errors import RequestError


class MalformedBody(RequestError):
    """A body that is no batch."""

    code = "malformed_body"


class TooManyEvents(RequestError):
    code = "too_many_events"
    status = 413

    def __init__(self, events_max: int) -> None:
        super().__init__(
            f"The batch has more than {events_max} events. Send the rest in another one."
        )


class EventTooLarge(RequestError):
    """An event of a batch, refused alone."""

    code = "event_too_large"
    status = 413

    def __init__(self, event_bytes_max: int) -> None:
        super().__init__(f"The event is larger than {event_bytes_max} bytes. Send less data in it.")
