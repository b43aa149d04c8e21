"""Reads requests of OpenDSR: what is asked for, about whom, in which app."""

from datetime import datetime
from typing import Any
from uuid import UUID

import falcon
import msgspec

from console.apps.apps import App
from console.moments import check_times
from console.web.api.body import BODY_BYTES_MAX
from console.web.api.dispatcher import AdmittedCall
from console.web.page_errors import BadRequest
from shared.errors import OperatorError
from shared.privacy.identities import IdKind, PersonId, person_id

API_VERSION = "2.0"
IDENTITIES_MAX = 20
ERASURE = "erasure"
# Both are answered by everything that is stored of the person, in one JSON document.
TYPES = (ERASURE, "access", "portability")

IDENTITY_KINDS = {
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

    @property
    def is_erasure(self) -> bool:
        return self.subject_request_type == ERASURE


class UnknownProperty(OperatorError):
    code = "unknown_property"
    status = 400


def read_request(call: AdmittedCall) -> tuple[SubjectRequest, App, list[PersonId], bytes]:
    """Reads a request. Raises BadRequest, BadValue, UnknownProperty."""
    body = _read_body(call.request)
    try:
        wanted = msgspec.json.decode(body, type=SubjectRequest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadRequest(f"The body is not a request of OpenDSR: {error}.") from None
    check_times(wanted)
    if wanted.subject_request_type not in TYPES:
        raise BadRequest(f"subject_request_type must be one of {', '.join(TYPES)}.")
    if not 1 <= len(wanted.subject_identities) <= IDENTITIES_MAX:
        raise BadRequest(f"subject_identities must name 1 to {IDENTITIES_MAX} IDs.")
    app = app_of(call, wanted.property_id)
    return wanted, app, [_person_id(identity) for identity in wanted.subject_identities], body


def _person_id(identity: SubjectIdentity) -> PersonId:
    kind = IDENTITY_KINDS.get(identity.identity_type)
    if kind is None or identity.identity_format != "raw":
        raise BadRequest(
            "An identity has a type or a format that is not supported. See /discovery."
        )
    return person_id(kind, identity.identity_value)


def app_of(call: AdmittedCall, named: str) -> App:
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


def reset_values(call: AdmittedCall) -> dict[str, Any]:
    """Reads the parameters of a reset, from the query, a form or a JSON object."""
    values = dict(call.request.params)
    body = _read_body(call.request)
    if body.lstrip().startswith(b"{"):
        try:
            values |= msgspec.json.decode(body, type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise BadRequest("The body is not a JSON object of strings.") from None
    elif body:
        values |= falcon.uri.parse_query_string(body.decode(errors="replace"))
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _read_body(request: falcon.Request) -> bytes:
    body: bytes = request.bounded_stream.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise BadRequest("The body is too large.")
    return body
