"""`/gdpr_forget_device`, `/third_party_sharing`, `/measurement_consent`: a device's own data.

Each names its device as an event does, and is passed to the workers instead of being stored.
Source: Adjust, "Data erasure" and "Third-party sharing" (S2S); the parameters of its SDKs.
"""

from contextlib import suppress
from functools import partial

import msgspec

from ingest.dialects.adjust.event_fields import (
    AdjustFields,
    adjust_dialect,
    build_event,
    sole_adid,
)
from ingest.dialects.adjust.responses import (
    forget_error_reply,
    plain_reply,
    sharing_error_reply,
)
from ingest.dialects.common_fields import OTHER_TIMES, Z_BEFORE_OFFSET
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import usable
from shared.errors import MalformedField, MissingField, UnknownDevice
from shared.events import Event, Kind
from shared.names.invisible import trimmed
from shared.privacy.identities import device_person_ids, ids_of_user
from shared.privacy.requests import PrivacyAction, PrivacyRequest
from shared.privacy.sharing import read_partner_options, read_partner_settings
from shared.scopes import Scope

_SWITCH = {"enable": True, "disable": False}
_SHARING = ("sharing", "partner_sharing_settings", "granular_third_party_sharing_options")
_NO_DEVICE = "Send a device id, such as idfa, idfv, gps_adid, fire_adid, win_adid or adid."


def read_forget(path: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a request to erase a device. Raises RequestError."""
    return _parsed(_event(path, parameters, context), context, PrivacyAction.FORGET)


def read_sharing(path: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a choice about third parties. Raises RequestError."""
    switch, settings, options = (parameters.take(name) for name in _SHARING)
    if switch is None and settings is None and options is None:
        raise MissingField("sharing", "Or send partner_sharing_settings.")
    event = _event(path, parameters, context)
    parsed = _parsed(event, context, PrivacyAction.SHARING)
    assert parsed.privacy is not None
    privacy = msgspec.structs.replace(
        parsed.privacy,
        is_on=None if switch is None else _read_switch("sharing", switch),
        partners={} if settings is None else read_partner_settings(_SHARING[1], settings),
        options={} if options is None else read_partner_options(_SHARING[2], options),
    )
    return msgspec.structs.replace(parsed, privacy=privacy)


def read_measurement(path: str, parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads whether the device may be measured. Raises RequestError."""
    is_on = _read_switch("measurement", parameters.require("measurement"))
    parsed = _parsed(_event(path, parameters, context), context, PrivacyAction.MEASUREMENT)
    assert parsed.privacy is not None
    return msgspec.structs.replace(
        parsed, privacy=msgspec.structs.replace(parsed.privacy, is_on=is_on)
    )


def _event(path: str, parameters: Parameters, context: RequestContext) -> Event:
    """Reads whose request it is, and when it was made. Raises RequestError.

    A time that cannot be read or is too old for an event is no reason to refuse it.
    """
    time_ms = None
    for name in OTHER_TIMES:
        if (value := parameters.take(name)) and time_ms is None:
            text = Z_BEFORE_OFFSET.sub("", trimmed(value))
            with suppress(MalformedField):
                sent_ms = fields.event_time(name, text, context.received_at_ms)
                time_ms = min(sent_ms, context.received_at_ms)
    parameters.take("event_time")
    try:
        event = build_event(path, AdjustFields(Kind.OPEN, ""), parameters, context)
    except UnknownDevice as error:
        raise MissingField("device id", _NO_DEVICE) from error
    return msgspec.structs.replace(event, event_time_ms=time_ms)


def _parsed(event: Event, context: RequestContext, action: PrivacyAction) -> ParsedRequest:
    ids = device_person_ids(usable(event.device_ids)) | ids_of_user(event.app_id, event.user_id)
    request = PrivacyRequest(
        action=action,
        app_id=event.app_id,
        source=f"adjust:{event.endpoint}",
        ids=sorted(ids),
        at_ms=event.happened_at_ms,
    )
    return ParsedRequest(event, plain_reply(event), adid=sole_adid(event, context), privacy=request)


def _read_switch(name: str, value: str) -> bool:
    is_on = _SWITCH.get(trimmed(value).lower())
    if is_on is None:
        raise MalformedField(name, "must be enable or disable.")
    return is_on


PRIVACY_ROUTES = tuple(
    (path, adjust_dialect(partial(read, path), error_reply, Scope.EVENTS))
    for path, read, error_reply in (
        ("/gdpr_forget_device", read_forget, forget_error_reply),
        ("/third_party_sharing", read_sharing, sharing_error_reply),
        ("/measurement_consent", read_measurement, sharing_error_reply),
    )
)
