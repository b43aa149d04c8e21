"""An app's settings, as on its page: read all, change those that are named."""

import msgspec
from msgspec import UNSET, UnsetType

from console.apps.apps import App
from console.apps.refusal_mode import read_refusals
from console.apps.rules import SETTINGS, read_rules
from console.apps.settings import change_settings
from console.web.api.api_call import ApiCall


class AppSettings(msgspec.Struct, kw_only=True):
    """Reports convert to `currency` (ISO 4217); `destination` is offered for new links. The rules
    hold for what is decided from now on; `rules_version` grows with each change of them.
    """

    name: str
    currency: str
    destination: str | None
    click_window_days: int
    probabilistic_window_hours: int
    reattribution_window_days: int
    inactivity_days: int
    session_timeout_minutes: int
    rules_version: int
    adjust_refusals: bool


class ChangedSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays; a destination of null is none."""

    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    destination: str | UnsetType | None = UNSET
    click_window_days: int | UnsetType = UNSET
    probabilistic_window_hours: int | UnsetType = UNSET
    reattribution_window_days: int | UnsetType = UNSET
    inactivity_days: int | UnsetType = UNSET
    session_timeout_minutes: int | UnsetType = UNSET
    adjust_refusals: bool | UnsetType = UNSET


def show(call: ApiCall, app: App) -> AppSettings:
    connection = call.connection
    rules = read_rules(connection, app)
    in_units = {
        setting.option.replace("-", "_"): getattr(rules, setting.rule) // setting.unit_ms
        for setting in SETTINGS  # which are only ever set in whole units
    }
    return AppSettings(
        name=app.name,
        currency=app.currency,
        destination=app.destination,
        rules_version=rules.version,
        adjust_refusals=read_refusals(connection, app),
        **in_units,
    )


def change(call: ApiCall, app: App) -> AppSettings:
    """All of it, or nothing."""
    given = {
        name: value
        for name, value in msgspec.structs.asdict(call.body).items()
        if value is not UNSET
    }
    return show(call, change_settings(call.resources, call.actor, app, given))
