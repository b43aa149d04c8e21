"""Serves OpenDSR, the protocol of data subject requests, and Adjust's reset of a test device.

Both as their senders know them: OpenDSR 2 at `/v1/requests`, AppsFlyer's form of it at
`/api/gdpr/v1/opendsr_requests`, each with an API key of the console. Erasure, access and
portability are offered: the answer of `/discovery` says so. Source: opendsr/OpenDSR
specification.md; AppsFlyer, "OpenDSR API".
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import falcon
import msgspec

from console.apps.apps import App
from console.privacy.access_requests import (
    AccessRequest,
    find_access_request,
    forget_access_request,
    request_access,
)
from console.privacy.erasures import (
    ErasureAction,
    ErasureRecord,
    RequestTaken,
    WantedErasure,
    cancel_erasure,
    find_external,
    request_erasure,
)
from console.privacy.person_file import export_person
from console.web.api.dispatcher import AdmittedCall, ApiDispatcher
from console.web.api.opendsr_request import (
    API_VERSION,
    IDENTITY_KINDS,
    TYPES,
    SubjectRequest,
    UnknownProperty,
    app_of,
    read_request,
    reset_values,
)
from console.web.page_errors import BadRequest, NotFound, status_of
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import BadValue, WaybillError
from shared.privacy.identities import IdKind, person_id

COMPLETED_WITHIN = timedelta(days=1)
REQUEST_PATHS = ("/requests", "/v1/requests", "/api/gdpr/v1/opendsr_requests")
OPENDSR_PREFIXES = ("/requests", "/discovery", "/v1/", "/device_service/")  # and below /api/
_ALSO_POSTED_TO = "/api/gdpr/v1/opendsr_request"  # as one large client spells it
_STUB = "/api/gdpr/v1/stub"
_DOWNLOAD = "/api/gdpr/v1/download"
_DISCOVERY_PATHS = ("/discovery", "/v1/discovery", "/api/gdpr/v1/discovery")
_RESET_PATH = "/device_service/api/v1/forget_device"
_UNKNOWN_APP = "e411"

_STATUS = {
    "received": "pending",
    "running": "in_progress",
    "done": "completed",
    "cancelled": "cancelled",
}


def add_opendsr(app: falcon.App[falcon.Request, falcon.Response], calls: ApiDispatcher) -> None:
    """Adds the paths to the console's application."""
    protocol = OpenDsr(calls)
    for path in REQUEST_PATHS:
        app.add_route(path, SimpleNamespace(on_post=protocol.create))
        one = SimpleNamespace(on_get=protocol.show, on_delete=protocol.cancel)
        app.add_route(f"{path}/{{request_id}}", one)
        results = SimpleNamespace(on_get=protocol.download)
        app.add_route(f"{path}/{{request_id}}/results", results)
    app.add_route(f"{_DOWNLOAD}/{{request_id}}", SimpleNamespace(on_get=protocol.download))
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
        """Takes a request; the same one once more changes nothing."""
        self._serve(request, response, self.take_request)

    def try_out(self, request: falcon.Request, response: falcon.Response) -> None:
        """Checks a request as `create` does, and does nothing."""
        self._serve(request, response, self.check_request)

    def show(self, request: falcon.Request, response: falcon.Response, request_id: str) -> None:
        """Answers with the state of a request."""
        self._serve(request, response, lambda call: _show(call, request_id))

    def cancel(self, request: falcon.Request, response: falcon.Response, request_id: str) -> None:
        """Cancels a request that no worker has begun, or forgets one for access."""
        self._serve(request, response, lambda call: self.cancel_request(call, request_id))

    def download(self, request: falcon.Request, response: falcon.Response, request_id: str) -> None:
        """Answers with what a request for access or portability asked for."""
        self._serve(request, response, lambda call: _results(call, request_id))

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

    def take_request(self, call: AdmittedCall) -> tuple[int, dict[str, Any]]:
        """Takes a request, unless it was received before.

        Raises BadRequest if another app, or another kind of request, had this ID: nothing would be
        done of this.
        """
        wanted, app, ids, body = read_request(call)
        external_id, is_erasure = str(wanted.subject_request_id), wanted.is_erasure
        connection, actor = call.connection, call.actor(app)
        erasure, access = _known(connection, external_id)
        if erasure is None and access is None:
            try:
                if is_erasure:
                    new = WantedErasure(ids, external_id=external_id)
                    erasure = request_erasure(call.resources, actor, app, new, now_ms())
                else:
                    access = request_access(connection, actor, app, external_id, ids)
            except RequestTaken:  # by the same one, which was sent twice at once
                erasure, access = _known(connection, external_id)
        taken = erasure if is_erasure else access
        if taken is None or taken.app != app.name:
            raise BadRequest("subject_request_id was used before. Send each request under its own.")
        return 201, _receipt(wanted, app.name, taken.requested_at, body)

    def check_request(self, call: AdmittedCall) -> tuple[int, dict[str, Any]]:
        """Answers as if the request was taken."""
        wanted, app, _, body = read_request(call)
        received = datetime.fromtimestamp(now_ms() / 1000).astimezone()
        return 201, _receipt(wanted, app.name, received, body)

    def cancel_request(self, call: AdmittedCall, request_id: str) -> tuple[int, dict[str, Any]]:
        """Cancels a request. Raises BadRequest if a worker has begun it."""
        access = find_access_request(call.connection, request_id)
        if access is not None:
            app = _app_named(call, access.app)
            forget_access_request(call.connection, call.actor(app), app, access)
            return 202, {
                "controller_id": access.app,
                "subject_request_id": access.external_id,
                "received_time": access.requested_at,
            }
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
        values = reset_values(call)
        app = app_of(call, values.get("app_token", ""))
        identity = person_id(IdKind.DEVICE, values.get("advertising_id", ""))
        wanted = WantedErasure([identity], ErasureAction.RESET)
        request_erasure(call.resources, call.actor(app), app, wanted, now_ms())
        return 200, {"message": "Forgot device"}


def discover(_: falcon.Request, response: falcon.Response) -> None:
    """Says what is supported; it needs no key."""
    document = {
        "api_version": API_VERSION,
        "supported_identities": [
            {"identity_type": kind, "identity_format": "raw"} for kind in IDENTITY_KINDS
        ],
        "supported_subject_request_types": list(TYPES),
    }
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(document)


def _known(
    connection: Connection, external_id: str
) -> tuple[ErasureRecord | None, AccessRequest | None]:
    return find_external(connection, external_id), find_access_request(connection, external_id)


def _find(call: AdmittedCall, request_id: str) -> tuple[ErasureRecord, App]:
    record = find_external(call.connection, request_id)
    app = _app_named(call, (record and record.app) or "")
    assert record is not None  # no app has no name
    return record, app


def _app_named(call: AdmittedCall, name: str) -> App:
    """Returns the app of a request. Raises NotFound if the key does not reach it."""
    app = next((app for app in call.apps if app.name == name), None)
    if app is None:
        raise NotFound("There is no request with this subject_request_id.")
    call.actor(app)
    return app


def _show(call: AdmittedCall, request_id: str) -> tuple[int, dict[str, Any]]:
    access = find_access_request(call.connection, request_id)
    record = _find(call, request_id)[0] if access is None else None
    taken = record or access
    assert taken is not None  # or it was not found
    document = {
        "controller_id": taken.app,
        "subject_request_id": taken.external_id,
        "request_status": _STATUS[record.state if record else "done"],
        "received_time": taken.requested_at,
        "expected_completion_time": taken.requested_at + COMPLETED_WITHIN,
        "api_version": API_VERSION,
    }
    if access is not None:
        _app_named(call, access.app)
        document["results_url"] = f"{call.console_url}/v1/requests/{access.external_id}/results"
    return 200, document


def _results(call: AdmittedCall, request_id: str) -> tuple[int, dict[str, Any]]:
    access = find_access_request(call.connection, request_id)
    app = _app_named(call, access.app if access else "")
    assert access is not None  # no app has no name
    file = export_person(call.resources, call.actor(app), app, access.ids)
    return 200, msgspec.to_builtins(file)


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
