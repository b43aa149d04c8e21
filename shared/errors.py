"""Every error that Waybill raises on purpose, as one tree.

    WaybillError
    ├── RequestError                 the sender can mend it; carries the field
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
    │   └── UnsupportedBody          415 unsupported_body
    ├── Unavailable                  503 unavailable: nothing was kept, send it again
    │   ├── InboxUnreachable         503 inbox_unreachable
    │   ├── InboxNotDurable          503 inbox_not_durable
    │   ├── InboxNotReplicated       503 inbox_not_replicated
    │   ├── Overloaded               503 overloaded
    │   ├── NotReady                 503 not_ready
    │   └── Prefetch                 503 prefetch
    ├── OperatorError                one plain sentence for the person who asked for it
    │   ├── BadValue                 a value breaks a rule; named as its option is
    │   └── NotAllowed               403 not_allowed
    ├── ingest.inbox.Stale           the snapshot has changed under a batch; never leaves ingest
    ├── shared.logs.UnsafeField      a text is noted in a log, which could hold anything
    ├── shared.tally.UnlistedMetric  something is counted that shared.metrics does not declare
    └── workers.job_errors.JobFailed what RQ is told of a job that failed

What a connection refuses before a request reaches Falcon stands in `ingest.http.refusals`.

`code` is stable: senders, the rejection log and metrics use the same word. Messages never repeat
what the sender sent, so that no secret and no markup can travel in them.
"""

import re

from shared.tokens import TokenFault

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\- ]{1,64}")


def _called(field: str) -> str:
    """A field as a message may call it: a name of the sender's own stays out of it."""
    return field if _PLAIN_NAME.fullmatch(field) else "A parameter"


class WaybillError(Exception):
    """Root of the tree. `message` says what is wrong and what to do about it."""

    code = "error"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestError(WaybillError):
    """A request is refused. `field` names the parameter or header, None when it is the whole."""

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
        super().__init__(f"{_called(field)} {rule}", field)
        self.rule = rule


class ConflictingValues(RequestError):
    code = "conflicting_values"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{_called(field)} was sent twice with two different values. Send it once.", field
        )


class TooManyParameters(RequestError):
    code = "too_many_parameters"

    def __init__(self, parameters_max: int) -> None:
        super().__init__(
            f"The request has more than {parameters_max} parameters. "
            "Put additional data into event_value."
        )


class UnknownLink(RequestError):
    code = "unknown_link"

    def __init__(self) -> None:
        # Not a 404, which in Swaarm's dialect says that the path is wrong.
        super().__init__(
            "There is no such link of this app. Compare the address with the one that "
            "`waybill link list` shows."
        )


class IncompleteBody(RequestError):
    code = "incomplete_body"

    def __init__(self) -> None:
        super().__init__("The body ended before its announced length. Send the whole request.")


class BadEventState(RequestError):
    """Only for an app that wants Adjust's stateful refusals too."""

    code = "bad_event_state"


class Unauthorized(RequestError):
    """What is wrong with its token is for the app's own team, never for the answer.

    `app_id` and `token_id`: whose team, and of which of its tokens, as far as that is known.
    """

    code = "unauthorized"
    status = 401

    def __init__(
        self, fault: TokenFault, app_id: int | None = None, token_id: int | None = None
    ) -> None:
        self.fault = fault
        self.app_id = app_id
        self.token_id = token_id
        # One answer for missing, unknown, revoked and ambiguous: it must not help a guesser.
        super().__init__(
            "The token is missing or not valid. Send one active token, in the Authorization "
            "header or as s2s_token."
        )


class UnknownEndpoint(RequestError):
    code = "unknown_endpoint"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no such endpoint. Check the path; events go to /postback.")


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

    def __init__(self, hint: str) -> None:
        super().__init__(hint)


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405

    def __init__(self) -> None:
        super().__init__("This method is not served here. Use one that the Allow header names.")


class RequestTooLarge(RequestError):
    code = "request_too_large"
    status = 413

    def __init__(self, request_bytes_max: int) -> None:
        super().__init__(f"The request is larger than {request_bytes_max} bytes. Send less data.")


class UnsupportedBody(RequestError):
    code = "unsupported_body"
    status = 415

    def __init__(self) -> None:
        super().__init__(
            "The body is not application/x-www-form-urlencoded. "
            "Send parameters in the query string or as a form.",
            "Content-Type",
        )


class Unavailable(WaybillError):
    """The request was good and nothing of it was kept. The answer carries Retry-After."""

    code = "unavailable"
    status = 503


class InboxUnreachable(Unavailable):
    code = "inbox_unreachable"

    def __init__(self) -> None:
        super().__init__("The event could not be written to disk. Send it again later.")


class InboxNotDurable(Unavailable):
    code = "inbox_not_durable"

    def __init__(self) -> None:
        super().__init__(
            "The inbox could lose the event, so it was not taken. Send it again later."
        )


class InboxNotReplicated(Unavailable):
    """Like InboxUnreachable after a timeout: what was written, if it was, stays written."""

    code = "inbox_not_replicated"

    def __init__(self) -> None:
        super().__init__(
            "No second machine has confirmed the event in time. Send it again, with the same "
            "idempotency key: it may have been kept."
        )


class Overloaded(Unavailable):
    code = "overloaded"

    def __init__(self) -> None:
        super().__init__("More events are waiting than there is room for. Send it again later.")


class NotReady(Unavailable):
    code = "not_ready"

    def __init__(self) -> None:
        super().__init__("This process has not read its tokens yet. Send it again later.")


class Prefetch(Unavailable):
    """Nothing was kept because nobody has clicked: a browser only prepares for it."""

    code = "prefetch"

    def __init__(self) -> None:
        super().__init__("This is a prefetch, not a click. Send it again when somebody clicks.")


class OperatorError(WaybillError):
    """What a person asked for cannot be done. `message` says what is wrong and what would help;
    `hint` which command helps, for who is at a terminal.
    """

    code = "operator_error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def at_terminal(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class BadValue(OperatorError):
    """A value that a person gave breaks this rule. `name` is its option's, without the hyphens."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name.replace('-', ' ').capitalize()} {rule}")
        self._option = f"--{name} {rule}"

    @property
    def at_terminal(self) -> str:
        return self._option


class NotAllowed(OperatorError):
    """A viewer asked for a change."""

    code = "not_allowed"
    status = 403

    def __init__(self) -> None:
        super().__init__("Only an admin may change this. Ask one to do it, or to make you one.")
