"""Serves OpenDSR, the protocol of data subject requests, and Adjust's reset of a test device.

Both as their senders know them: OpenDSR 2 at `/v1/requests`, AppsFlyer's form of it at
`/api/gdpr/v1/opendsr_requests`, each with an API key of the console. Only erasure is offered: the
answer of `/discovery` says so. Source: opendsr/OpenDSR specification.md; AppsFlyer, "OpenDSR API".
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import falcon
import msgspec

from console.apps.apps import App
from console.privacy.erasures import (
    ErasureAction,
    ErasureRecord,
    WantedErasure,
    cancel_erasure,
    find_external,
    request_erasure,
)
from console.web.api.dispatcher import BODY_BYTES_MAX, AdmittedCall, ApiDispatcher
from console.web.page_errors import BadRequest, NotFound, status_of
from shared.clock import now_ms
from shared.errors import BadValue, OperatorError, WaybillError
from shared.privacy.identities import IdKind, PersonId, person_id

API_VERSION = "2.0"
COMPLETED_WITHIN = timedelta(days=1)
IDENTITIES_MAX = 20
REQUEST_PATHS = ("/requests", "/v1/requests", "/api/gdpr/v1/opendsr_requests")
_ALSO_POSTED_TO = "/api/gdpr/v1/opendsr_request"  # as one large client spells it
_STUB = "/api/gdpr/v1/stub"
_DISCOVERY_PATHS = ("/discovery", "/v1/discovery", "/api/gdpr/v1/discovery")
_RESET_PATH = "/device_service/api/v1/forget_device"
_UNKNOWN_APP = "e411"

_KINDS = {
    **dict.fromkeys(("controller_customer_id", "email"), IdKind.USER),
    **dict.fromkeys(
        (
            *("android_advertising_id", "android_id", "fire_advertising_id", "appsflyer_id"),
            *("ios_advertising_id", "ios_vendor_id", "microsoft_advertising_id"),
            *("microsoft_publisher_id", "roku_advertising_id", "roku_publisher_id", "adjust_id"),
        ),
        IdKind.DEVICE,
    ),
}
_STATUS = {
    "received": "pending",
    "running": "in_progress",
    "done": "completed",
    "cancelled": "cancelled",
}


class SubjectIdentity(msgspec.Struct, frozen=True):
    """An id of the person."""

    identity_type: str
    identity_value: str
    identity_format: str = "raw"


class SubjectRequest(msgspec.Struct, frozen=True):
    """A request about a person."""

    subject_request_id: UUID
    subject_request_type: str
    subject_identities: list[SubjectIdentity]
    submitted_time: datetime | None = None
    property_id: str = ""
    api_version: str = API_VERSION
    status_callback_urls: list[str] = []


class UnknownProperty(OperatorError):
    code = "unknown_property"
    status = 400


def add_opendsr(app: falcon.App[falcon.Request, falcon.Response], calls: ApiDispatcher) -> None:
    """Adds the paths to the console's application."""
    protocol = OpenDsr(calls)
    for path in REQUEST_PATHS:
        app.add_route(path, SimpleNamespace(on_post=protocol.create))
        one = SimpleNamespace(on_get=protocol.show, on_delete=protocol.cancel)
        app.add_route(f"{path}/{{request_id}}", one)
    app.add_route(_ALSO_POSTED_TO, SimpleNamespace(on_post=protocol.create))
    app.add_route(_STUB, SimpleNamespace(on_post=protocol.try_out))
    for path in _DISCOVERY_PATHS:
        app.add_route(path, SimpleNamespace(on_get=discover))
    app.add_route(_RESET_PATH, SimpleNamespace(on_post=protocol.reset))


class OpenDsr:
    """The calls of the protocol. Each needs an API key that may change something."""

    def __init__(self, calls: ApiDispatcher) -> None:
        self._calls = calls

    def create(self, request: falcon.Request, response: falcon.Response) -> None:
        """Requests an erasure; the same request once more changes nothing."""
        self._serve(request, response, self.make_erasure)

    def try_out(self, request: falcon.Request, response: falcon.Response) -> None:
        """Checks a request as `create` does, and does nothing."""
        self._serve(request, response, self.check_request)

    def show(self, request: falcon.Request, response: falcon.Response, request_id: str) -> None:
        """Answers with the state of a request."""
        self._serve(request, response, lambda call: _show(call, request_id))

    def cancel(self, request: falcon.Request, response: falcon.Response, request_id: str) -> None:
        """Cancels a request that no worker has begun."""
        self._serve(request, response, lambda call: self.cancel_request(call, request_id))

    def reset(self, request: falcon.Request, response: falcon.Response) -> None:
        """Lets a test device count as new, as Adjust's device API does."""
        self._serve(request, response, self.reset_device)

    def _serve(
        self,
        request: falcon.Request,
        response: falcon.Response,
        handle: Callable[[AdmittedCall], tuple[int, dict[str, Any]]],
    ) -> None:
        try:
            with self._calls.admitted(request) as call:
                status, document = handle(call)
        except WaybillError as error:
            # The protocol knows one status for what is wrong with a request.
            status = 400 if isinstance(error, BadValue) else status_of(error)
            shown: dict[str, Any] = {"code": status, "message": error.message}
            if isinstance(error, UnknownProperty):
                shown["af_gdpr_code"] = _UNKNOWN_APP
            document = {"error": shown}
        response.status = status
        response.content_type = falcon.MEDIA_JSON
        response.data = msgspec.json.encode(document)

    def make_erasure(self, call: AdmittedCall) -> tuple[int, dict[str, Any]]:
        """Requests an erasure, unless this request was received before.

        Raises BadRequest if another app received one of this ID: nothing would be erased in this.
        """
        wanted, app, ids, body = _read_request(call)
        record = find_external(call.connection, str(wanted.subject_request_id))
        if record is None:
            erasure = WantedErasure(ids, external_id=str(wanted.subject_request_id))
            record = request_erasure(call.resources, call.actor(app), app, erasure, now_ms())
        if record.app != app.name:
            raise BadRequest("subject_request_id was used before. Send each request under its own.")
        return 201, _receipt(wanted, app.name, record.requested_at, body)

    def check_request(self, call: AdmittedCall) -> tuple[int, dict[str, Any]]:
        """Answers as if an erasure was requested."""
        wanted, app, _, body = _read_request(call)
        received = datetime.fromtimestamp(now_ms() / 1000).astimezone()
        return 201, _receipt(wanted, app.name, received, body)

    def cancel_request(self, call: AdmittedCall, request_id: str) -> tuple[int, dict[str, Any]]:
        """Cancels a request. Raises BadRequest if a worker has begun it."""
        record, app = _find(call, request_id)
        if not cancel_erasure(call.resources, call.actor(app), app.id, record.id):
            raise BadRequest("The request is being carried out already and cannot be cancelled.")
        return 202, {
            "controller_id": record.app,
            "subject_request_id": record.external_id,
            "received_time": record.requested_at,
        }

    def reset_device(self, call: AdmittedCall) -> tuple[int, dict[str, Any]]:
        """Requests the reset of a device."""
        values = _reset_values(call)
        app = _app_of(call, values.get("app_token", ""))
        identity = person_id(IdKind.DEVICE, values.get("advertising_id", ""))
        wanted = WantedErasure([identity], ErasureAction.RESET)
        request_erasure(call.resources, call.actor(app), app, wanted, now_ms())
        return 200, {"message": "Forgot device"}


def discover(_: falcon.Request, response: falcon.Response) -> None:
    """Says what is supported; it needs no key."""
    document = {
        "api_version": API_VERSION,
        "supported_identities": [
            {"identity_type": kind, "identity_format": "raw"} for kind in _KINDS
        ],
        "supported_subject_request_types": ["erasure"],
    }
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(document)


def _read_request(call: AdmittedCall) -> tuple[SubjectRequest, App, list[PersonId], bytes]:
    """Reads a request to erase. Raises BadRequest, BadValue, UnknownProperty."""
    body = _read_body(call.request)
    try:
        wanted = msgspec.json.decode(body, type=SubjectRequest)
    except msgspec.MsgspecError as error:
        raise BadRequest(f"The body is not a request of OpenDSR: {error}.") from None
    if wanted.subject_request_type != "erasure":
        raise BadRequest("subject_request_type must be erasure; others are not supported here.")
    if not 1 <= len(wanted.subject_identities) <= IDENTITIES_MAX:
        raise BadRequest(f"subject_identities must name 1 to {IDENTITIES_MAX} IDs.")
    app = _app_of(call, wanted.property_id)
    return wanted, app, [_person_id(identity) for identity in wanted.subject_identities], body


def _person_id(identity: SubjectIdentity) -> PersonId:
    kind = _KINDS.get(identity.identity_type)
    if kind is None or identity.identity_format != "raw":
        raise BadRequest(
            "An identity has a type or a format that is not supported. See /discovery."
        )
    return person_id(kind, identity.identity_value)


def _app_of(call: AdmittedCall, named: str) -> App:
    """Finds the app by app token, number or name; without any, the only app there is.

    A name comes last: it alone can be changed, and no app may pass for another.
    """
    apps = call.apps
    references = (
        {app.app_token: app for app in apps},
        {str(app.id): app for app in apps},
        {app.name: app for app in apps},
    )
    found = [known[named] for known in references if named in known][:1]
    if not named and len(apps) == 1:
        found = apps
    if not found:
        raise UnknownProperty(
            "AppID given in 'property_id' is incorrect or does not belong to your account"
        )
    call.actor(found[0])  # which the key has to be allowed to change
    return found[0]


def _find(call: AdmittedCall, request_id: str) -> tuple[ErasureRecord, App]:
    record = find_external(call.connection, request_id)
    app = next((app for app in call.apps if record and app.name == record.app), None)
    if record is None or app is None:
        raise NotFound("There is no request with this subject_request_id.")
    call.actor(app)
    return record, app


def _show(call: AdmittedCall, request_id: str) -> tuple[int, dict[str, Any]]:
    record, _ = _find(call, request_id)
    return 200, {
        "controller_id": record.app,
        "subject_request_id": record.external_id,
        "request_status": _STATUS[record.state],
        "received_time": record.requested_at,
        "expected_completion_time": record.requested_at + COMPLETED_WITHIN,
        "api_version": API_VERSION,
    }


def _receipt(
    wanted: SubjectRequest, controller: str, received: datetime, body: bytes
) -> dict[str, Any]:
    return {
        "controller_id": controller,
        "subject_request_id": str(wanted.subject_request_id),
        "received_time": received,
        "expected_completion_time": received + COMPLETED_WITHIN,
        "encoded_request": base64.b64encode(body).decode(),
        "api_version": API_VERSION,
    }


def _reset_values(call: AdmittedCall) -> dict[str, Any]:
    """Reads the parameters of a reset, from the query, a form or a JSON object."""
    values = dict(call.request.params)
    body = _read_body(call.request)
    if body.lstrip().startswith(b"{"):
        try:
            values |= msgspec.json.decode(body, type=dict[str, str])
        except msgspec.MsgspecError:
            raise BadRequest("The body is not a JSON object of strings.") from None
    elif body:
        values |= falcon.uri.parse_query_string(body.decode(errors="replace"))
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _read_body(request: falcon.Request) -> bytes:
    body: bytes = request.bounded_stream.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise BadRequest("The body is too large.")
    return body
