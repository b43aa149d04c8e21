"""The page of an app's privacy requests: erase a person, export one, reset a test device."""

from dataclasses import asdict

import msgspec

from console.apps.apps import App
from console.apps.switches import read_switches
from console.privacy.erasures import (
    ErasureAction,
    WantedErasure,
    allow_again,
    list_erasures,
    request_erasure,
)
from console.privacy.person_file import export_person
from console.privacy.preview import preview_erasure, read_ids
from console.privacy.retention import DAYS, change_retention, read_days, read_retention
from console.web.page_request import PageRequest
from console.web.responses import Answer, Download, Page, Redirect
from shared.clock import now_ms
from shared.privacy.identities import IdKind, PersonId

SHOWN_MAX = 100
KINDS = (
    (IdKind.USER, "User ID"),
    (IdKind.DEVICE, "Device ID or adid"),
    (IdKind.CLICK, "Click ID"),
    (IdKind.EVENT, "Receipt ID of an event"),
)


def show(request: PageRequest, app: App) -> Answer:
    records = list_erasures(request.connection, app, SHOWN_MAX)
    kept = asdict(read_retention(request.connection, app))
    days = [(name, *DAYS[name], kept[name]) for name in DAYS]
    is_truncated = read_switches(request.connection, app)["truncate_addresses"]
    values = {"records": records, "kinds": KINDS, "days": days, "is_truncated": is_truncated}
    return Page("privacy.html", values)


def change_days(request: PageRequest, app: App) -> Answer:
    """Changes for how many days the app keeps what."""
    wanted = read_days({name: request.form.get(name) for name in DAYS})
    change_retention(request.connection, request.actor, app, wanted)
    return _back(app, "The days have been saved.")


def preview(request: PageRequest, app: App) -> Answer:
    """Shows what would go; the IDs stay in the form, out of any address."""
    found = preview_erasure(request.resources, app, _ids(request))
    values = {"found": found, "kind": request.form.get("kind"), "id": request.form.get("id")}
    return Page("privacy_preview.html", values)


def erase(request: PageRequest, app: App) -> Answer:
    return _request(request, app, ErasureAction.ERASE, "The erasure was received.")


def reset(request: PageRequest, app: App) -> Answer:
    return _request(request, app, ErasureAction.RESET, "The reset was received.")


def allow(request: PageRequest, app: App) -> Answer:
    lifted = allow_again(request.resources, request.actor, app, _ids(request))
    return _back(app, f"{lifted} IDs of this person are stored again.")


def download(request: PageRequest, app: App) -> Answer:
    file = export_person(request.resources, request.actor, app, _ids(request))
    text = msgspec.json.format(msgspec.json.encode(file), indent=2)
    return Download("person.json", "application/json", [text])


def _request(request: PageRequest, app: App, action: ErasureAction, sentence: str) -> Answer:
    wanted = WantedErasure(_ids(request), action)
    request_erasure(request.resources, request.actor, app, wanted, now_ms())
    return _back(app, sentence)


def _ids(request: PageRequest) -> list[PersonId]:
    kind = request.form.get("kind")
    return read_ids({known: request.form.get("id") for known in IdKind if known == kind})


def _back(app: App, sentence: str) -> Answer:
    return Redirect(f"/apps/{app.id}/privacy", sentence)
