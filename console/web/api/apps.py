"""Handles calls about apps and their event types."""

from dataclasses import dataclass

import msgspec

from console.apps.apps import App, create_app
from console.apps.event_types import (
    EventType,
    create_event_type,
    list_event_types,
    set_multiple_postbacks,
)
from console.onboarding.attention import AttentionItem, read_attention
from console.onboarding.checklist import SetupStep, read_checklist
from console.web.api.api_call import ApiCall
from console.web.lookups import event_type_of, visible_apps
from shared.clock import now_ms


class NewApp(msgspec.Struct, forbid_unknown_fields=True):
    """An app to create. If `app_token` is omitted, one is generated."""

    name: str
    app_token: str | None = None


class ChangedEventType(msgspec.Struct, forbid_unknown_fields=True):
    """The changes of an event type.

    With multiple postbacks, every event is a conversion for the partner; otherwise only the first
    event of each click is.
    """

    multiple_postbacks: bool


@dataclass(frozen=True)
class AppState:
    """What needs attention in an environment of an app, and the steps of setting it up."""

    attention: list[AttentionItem]
    steps: list[SetupStep]


def list_all(call: ApiCall) -> list[App]:
    return visible_apps(call.connection, call.reach)


def create(call: ApiCall) -> App:
    new: NewApp = call.body
    return create_app(call.resources, call.actor, new.name, new.app_token)


def show(_: ApiCall, app: App) -> App:
    return app


def overview(call: ApiCall, app: App) -> AppState:
    attention = [
        item
        for item in read_attention(call.resources, app, call.environment, now_ms())
        if call.reach.is_everywhere or item.is_of(app)  # as on the page
    ]
    return AppState(attention, read_checklist(call.connection, app))


def list_types(call: ApiCall, app: App) -> list[EventType]:
    return list_event_types(call.connection, app)


def create_type(call: ApiCall, app: App) -> EventType:
    return create_event_type(call.resources, call.actor, app, call.body)


def change_type(call: ApiCall, app: App, event_type_id: int) -> EventType:
    event_type = event_type_of(call.connection, app, event_type_id)
    change: ChangedEventType = call.body
    return set_multiple_postbacks(
        call.connection, call.actor, app, event_type, change.multiple_postbacks
    )
