"""Handles calls that rename, archive and restore apps, event types, partners, links and tokens."""

from collections.abc import Callable
from functools import partial

import msgspec

from console.apps.apps import App
from console.apps.archive import (
    Archivable,
    ArchiveSubject,
    archive,
    rename,
    restore,
    set_destination,
)
from console.apps.links import Partner, list_partners
from console.security.tokens import ChangedToken, rename_token
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.lookups import event_type_of, link_of, token_of


class NewName(msgspec.Struct, forbid_unknown_fields=True):
    """A new name, which reports of the past show as well."""

    name: str


class NewDestination(msgspec.Struct, forbid_unknown_fields=True):
    """The address to which a link redirects, with macros."""

    destination: str


Change = Callable[[ApiCall, Archivable, int], ArchiveSubject]


def list_every_partner(call: ApiCall) -> list[Partner]:
    return list_partners(call.connection)


def repoint(call: ApiCall, app: App, link_id: int) -> ArchiveSubject:
    link_of(call.connection, app, link_id)
    return set_destination(call.resources, call.actor, link_id, call.body.destination)


def name_token(call: ApiCall, app: App, token_id: int) -> ChangedToken:
    token = token_of(call.resources, app, token_id)
    return rename_token(call.resources, call.actor, app, token.name, call.body.name)


def _rename(call: ApiCall, kind: Archivable, number: int) -> ArchiveSubject:
    return rename(call.resources, call.actor, kind, number, call.body.name)


def _archive(call: ApiCall, kind: Archivable, number: int) -> ArchiveSubject:
    return archive(call.resources, call.actor, kind, number)


def _restore(call: ApiCall, kind: Archivable, number: int) -> ArchiveSubject:
    return restore(call.resources, call.actor, kind, number)


def _of_app(change: Change, call: ApiCall, app: App) -> ArchiveSubject:
    return change(call, Archivable.APP, app.id)


def _of_event_type(change: Change, call: ApiCall, app: App, event_type_id: int) -> ArchiveSubject:
    event_type_of(call.connection, app, event_type_id)
    return change(call, Archivable.EVENT_TYPE, event_type_id)


def _of_link(change: Change, call: ApiCall, app: App, link_id: int) -> ArchiveSubject:
    link_of(call.connection, app, link_id)
    return change(call, Archivable.LINK, link_id)


def _of_partner(change: Change, call: ApiCall, partner_id: int) -> ArchiveSubject:
    return change(call, Archivable.PARTNER, partner_id)


_KINDS: tuple[tuple[str, str, Callable[..., ArchiveSubject]], ...] = (
    ("an app", APP, _of_app),
    ("an event type", f"{APP}/event-types/{{event_type_id:int}}", _of_event_type),
    ("a link", f"{APP}/links/{{link_id:int}}", _of_link),
    ("a partner", "/partners/{partner_id:int}", _of_partner),
)

ARCHIVE_ENDPOINTS = (
    ApiEndpoint(
        "GET", "/partners", "List all partners by name.", list_every_partner, list[Partner]
    ),
    *(
        ApiEndpoint(
            "PUT",
            f"{path}/name",
            f"Rename {named}.",
            partial(of_kind, _rename),
            ArchiveSubject,
            NewName,
        )
        for named, path, of_kind in _KINDS
    ),
    *(
        ApiEndpoint(
            "POST",
            f"{path}/archive",
            f"Archive {named}; it can be restored.",
            partial(of_kind, _archive),
            ArchiveSubject,
        )
        for named, path, of_kind in _KINDS
    ),
    *(
        ApiEndpoint(
            "POST",
            f"{path}/restore",
            f"Restore {named}.",
            partial(of_kind, _restore),
            ArchiveSubject,
        )
        for named, path, of_kind in _KINDS
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/links/{{link_id:int}}/destination",
        "Lead a link elsewhere.",
        repoint,
        ArchiveSubject,
        NewDestination,
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/tokens/{{token_id:int}}/name",
        "Rename a token.",
        name_token,
        ChangedToken,
        NewName,
    ),
)
