"""Defines every error that Waybill raises on purpose, as one tree.

    WaybillError
    ├── RequestError                 the sender can fix it; names the field
    │   ├── MissingField             400 missing_field
    │   ├── MalformedField           400 malformed_field
    │   ├── ConflictingValues        400 conflicting_values
    │   ├── TooManyParameters        400 too_many_parameters
    │   ├── UnknownLink              400 unknown_link
    │   ├── IncompleteBody           400 incomplete_body
    │   ├── BadEventState            400 bad_event_state
    │   ├── Unauthorized             401 unauthorized
    │   ├── UnknownEndpoint          404 unknown_endpoint
    │   ├── UnknownApp               404 unknown_app
    │   ├── UnknownDevice            404 unknown_device
    │   ├── MethodNotAllowed         405 method_not_allowed
    │   ├── RequestTooLarge          413 request_too_large
    │   ├── UnsupportedBody          415 unsupported_body
    │   └── DeviceForgotten          451 device_forgotten
    ├── Unavailable                  503 unavailable: nothing was stored, send it again
    │   ├── InboxUnreachable         503 inbox_unreachable
    │   ├── InboxNotDurable          503 inbox_not_durable
    │   ├── InboxNotReplicated       503 inbox_not_replicated
    │   ├── Overloaded               503 overloaded
    │   ├── NotReady                 503 not_ready
    │   └── Prefetch                 503 prefetch
    ├── OperatorError                one plain sentence for the person at the console
    │   ├── BadValue                 a value breaks a rule; named like its option
    │   └── NotAllowed               403 not_allowed
    ├── ingest.inbox.Stale           the snapshot changed during a batch; stays inside ingest
    ├── shared.logs.UnsafeField      a field of a log line is free text, which could hold anything
    ├── shared.tally.UnlistedMetric  a metric is counted that shared.metrics does not declare
    ├── shared.zones.app_days.UnknownZone  no data of an app's time zone
    └── workers.job_errors.JobFailed the failure that RQ records for a job

Refusals of a connection are in `ingest.http.refusals`, those of limits in `ingest.rate_limits`.

`code` is stable: senders, the rejection log and metrics use the same word. A message says what is
wrong and what to do, and never repeats what was sent, so that it carries no secret and no markup.
"""

import re

from shared.tokens import TokenFault

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\- ]{1,64}")


def _shown(field: str) -> str:
    """Returns a field's name for a message, which must not repeat a name the sender made up."""
    return field if _PLAIN_NAME.fullmatch(field) else "A parameter"


class WaybillError(Exception):
    """The root of the tree. `message` says what is wrong and what to do about it."""

    code = "error"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestError(WaybillError):
    """A refused request. `field` names the parameter or header, None for the whole request."""

    code = "bad_request"
    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class MissingField(RequestError):
    code = "missing_field"

    def __init__(self, field: str, hint: str = "") -> None:
        super().__init__(f"{field} is required. {hint or f'Send {field} with every call.'}", field)


class MalformedField(RequestError):
    code = "malformed_field"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{_shown(field)} {rule}", field)
        self.rule = rule


class ConflictingValues(RequestError):
    code = "conflicting_values"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{_shown(field)} was sent twice, with different values. Send it once.", field
        )


class TooManyParameters(RequestError):
    code = "too_many_parameters"

    def __init__(self, parameters_max: int) -> None:
        super().__init__(
            f"The request has more than {parameters_max} parameters. "
            "Move additional data into event_value."
        )


class UnknownLink(RequestError):
    code = "unknown_link"

    def __init__(self) -> None:
        # Not a 404, which in Swaarm's dialect means that the path is wrong.
        super().__init__(
            "This app has no such link. Compare the address with the one that "
            "`waybill link list` shows."
        )


class IncompleteBody(RequestError):
    code = "incomplete_body"

    def __init__(self) -> None:
        super().__init__("The body is shorter than its Content-Length. Send the whole request.")


class BadEventState(RequestError):
    """A refusal by earlier events, only for apps that enabled Adjust's stateful refusals."""

    code = "bad_event_state"


class Unauthorized(RequestError):
    """A request whose token is missing or not valid.

    `fault` is what is wrong with the token: for the app's own team, never for the response.
    `app_id` and `token_id` are the app and the token, as far as they are known.
    """

    code = "unauthorized"
    status = 401

    def __init__(
        self, fault: TokenFault, app_id: int | None = None, token_id: int | None = None
    ) -> None:
        self.fault = fault
        self.app_id = app_id
        self.token_id = token_id
        # The same message for missing, unknown, revoked and ambiguous: it must not help a guesser.
        super().__init__(
            "The token is missing or not valid. Send one active token, in the Authorization "
            "header or as s2s_token."
        )


class UnknownEndpoint(RequestError):
    code = "unknown_endpoint"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no such endpoint. Check the path: events go to /postback.")


class UnknownApp(RequestError):
    code = "unknown_app"
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "No app has this app token. Compare it with the one that `waybill app list` shows.",
            "app_token",
        )


class UnknownDevice(RequestError):
    code = "unknown_device"
    status = 404


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405

    def __init__(self) -> None:
        super().__init__(
            "This endpoint does not support the method. Use one from the Allow header."
        )


class RequestTooLarge(RequestError):
    code = "request_too_large"
    status = 413

    def __init__(self, request_bytes_max: int) -> None:
        super().__init__(f"The request is larger than {request_bytes_max} bytes. Send less data.")


class UnsupportedBody(RequestError):
    code = "unsupported_body"
    status = 415
    sentence = (
        "The body is neither application/x-www-form-urlencoded nor application/json. "
        "Send parameters in the query string, as a form or as a JSON object."
    )

    def __init__(self, message: str = "", field: str = "Content-Type") -> None:
        super().__init__(message or self.sentence, field)


class DeviceForgotten(RequestError):
    code = "device_forgotten"
    status = 451


class Unavailable(WaybillError):
    """A valid request of which nothing was stored. The response has a Retry-After header."""

    code = "unavailable"
    status = 503
    sentence = "The event cannot be stored at the moment. Send it again later."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.sentence)


class InboxUnreachable(Unavailable):
    code = "inbox_unreachable"
    sentence = "The event could not be written to disk. Send it again later."


class InboxNotDurable(Unavailable):
    code = "inbox_not_durable"
    sentence = "The inbox could lose the event, so it was not accepted. Send it again later."


class InboxNotReplicated(Unavailable):
    """An event that too few replicas confirmed in time. What was written stays written."""

    code = "inbox_not_replicated"
    sentence = (
        "No second machine confirmed the event in time. Send it again with the same "
        "idempotency key: it may have been stored."
    )


class Overloaded(Unavailable):
    code = "overloaded"
    sentence = "Too many events are waiting. Send it again later."


class NotReady(Unavailable):
    code = "not_ready"
    sentence = "This process has not loaded its tokens yet. Send it again later."


class Prefetch(Unavailable):
    """A browser's prefetch of a click, which is not stored because nobody has clicked."""

    code = "prefetch"
    sentence = "This is a prefetch, not a click. Send it again when somebody clicks."


class OperatorError(WaybillError):
    """An action of a person that failed; at a terminal, `hint` names the command that helps."""

    code = "operator_error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def at_terminal(self) -> str:
        """Returns the message for a terminal, with the hint."""
        return f"{self.message} {self.hint}".rstrip()


class BadValue(OperatorError):
    """A person's value that breaks a rule. `name` is that of its option, without the hyphens."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name.replace('-', ' ').capitalize()} {rule}")
        self._option = f"--{name} {rule}"

    @property
    def at_terminal(self) -> str:
        return self._option


class NotAllowed(OperatorError):
    """A change by a person who may only view."""

    code = "not_allowed"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "Only an admin may change this. Ask an admin to do it, or to make you an admin."
        )
