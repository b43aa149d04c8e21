"""Calls about the data of people: erase, export, reset, allow again."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from uuid import UUID

from console.apps.apps import App
from console.privacy.erasures import (
    ErasureAction,
    ErasureRecord,
    WantedErasure,
    allow_again,
    find_erasure,
    list_erasures,
    request_erasure,
)
from console.privacy.person_file import PersonFile, export_person
from console.privacy.preview import ErasurePreview, preview_erasure, read_ids
from console.privacy.retention import Retention, change_retention, read_retention
from console.web.api.api_call import ApiCall, ApiEndpoint
from console.web.page_errors import NotFound
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.privacy.identities import IdKind, PersonId

_APP = "/apps/{app_id:int}"


@dataclass(frozen=True)
class PersonIds:
    """The IDs of a person: at least one."""

    user_id: str | None = None
    device_id: str | None = None
    click_id: str | None = None
    receipt: str | None = None

    def read(self) -> list[PersonId]:
        """Returns the ids. Raises OperatorError."""
        return read_ids(
            {
                IdKind.USER: self.user_id,
                IdKind.DEVICE: self.device_id,
                IdKind.CLICK: self.click_id,
                IdKind.EVENT: self.receipt,
            }
        )


@dataclass(frozen=True)
class LiftedTombstones:
    """The number of IDs that are stored again."""

    lifted: int


def preview(call: ApiCall, app: App) -> ErasurePreview:
    return preview_erasure(call.resources, app, call.body.read())


def erase(call: ApiCall, app: App) -> ErasureRecord:
    wanted = WantedErasure(call.body.read())
    return request_erasure(call.resources, call.actor, app, wanted, now_ms())


def reset(call: ApiCall, app: App) -> ErasureRecord:
    wanted = WantedErasure(call.body.read(), ErasureAction.RESET)
    return request_erasure(call.resources, call.actor, app, wanted, now_ms())


def export(call: ApiCall, app: App) -> PersonFile:
    return export_person(call.resources, call.actor, app, call.body.read())


def allow(call: ApiCall, app: App) -> LiftedTombstones:
    return LiftedTombstones(allow_again(call.resources, call.actor, app, call.body.read()))


def list_all(call: ApiCall, app: App) -> list[ErasureRecord]:
    return list_erasures(call.connection, app, call.count)


def show(call: ApiCall, app: App, erasure_id: UUID) -> ErasureRecord:
    with suppress(OperatorError):  # a request of another app is like one that does not exist
        record = find_erasure(call.connection, erasure_id)
        if record.app == app.name:
            return record
    raise NotFound("This app has no such request.")


def retention(call: ApiCall, app: App) -> Retention:
    return read_retention(call.connection, app)


def keep(call: ApiCall, app: App) -> Retention:
    return change_retention(call.connection, call.actor, app, asdict(call.body))


PRIVACY_ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"{_APP}/retention-days",
        "Return for how many days an app keeps what; null: for good.",
        retention,
        Retention,
    ),
    ApiEndpoint(
        "PUT",
        f"{_APP}/retention-days",
        "Replace for how many days an app keeps what; what is left out is kept for good.",
        keep,
        Retention,
        Retention,
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/erasures/preview",
        "Count what the erasure of a person would touch; nothing is changed.",
        preview,
        ErasurePreview,
        PersonIds,
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/erasures",
        "Erase a person for good; nothing more of them is stored.",
        erase,
        ErasureRecord,
        PersonIds,
        status=201,
    ),
    ApiEndpoint(
        "GET",
        f"{_APP}/erasures",
        "List the requests to erase or reset, and their state.",
        list_all,
        list[ErasureRecord],
        query=("count",),
    ),
    ApiEndpoint(
        "GET",
        f"{_APP}/erasures/{{erasure_id:uuid}}",
        "Return the state of a request.",
        show,
        ErasureRecord,
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/erasures/allow",
        "Store the data of an erased person again; what was erased stays erased.",
        allow,
        LiftedTombstones,
        PersonIds,
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/resets",
        "Let a test device count as new; nothing is erased.",
        reset,
        ErasureRecord,
        PersonIds,
        status=201,
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/person-files",
        "Return everything that is stored about a person.",
        export,
        PersonFile,
        PersonIds,
    ),
)
