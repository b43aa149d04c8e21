"""Handles calls that read or change the settings of an app, the same as on its page."""

import msgspec
from msgspec import UNSET, UnsetType

from console.apps.apps import ActiveBy, App
from console.apps.limits import read_limits
from console.apps.rules import SETTINGS, read_rules
from console.apps.settings import change_settings
from console.apps.switches import read_switches
from console.web.api.api_call import ApiCall


class AppSettings(msgspec.Struct, kw_only=True):
    """The settings of an app.

    Reports are converted to `currency` (ISO 4217); `destination` is the default of new links, which
    may lead to the `destination_hosts`.
    Days are those of the `time_zone`, by its IANA name; after a change, those so far are counted
    again. Active users are counted by `active_users_by`, null for what most of the traffic has. The
    rules apply to decisions from now on; `rules_version` increases with each change of them.
    `click_id_postbacks` lets whoever knows a click ID report events for it, and
    `security_token_postbacks` lets networks send a token as `security_token`; with `sdk_traffic`,
    SDKs may send from devices. With `truncate_addresses` no complete IP address is stored.
    `limits` are those of the app's traffic, by name; 0 is no limit.
    """

    name: str
    currency: str
    destination: str | None
    destination_hosts: list[str]
    active_users_by: ActiveBy | None
    time_zone: str
    click_window_days: int
    probabilistic_window_hours: int
    reattribution_window_days: int
    inactivity_days: int
    session_timeout_minutes: int
    uncertain_match_devices: int
    identifier_users: int
    users_per_click: int
    view_window_hours: int
    view_probabilistic_window_hours: int
    rules_version: int
    adjust_refusals: bool
    click_id_postbacks: bool
    security_token_postbacks: bool
    sdk_traffic: bool
    truncate_addresses: bool
    limits: dict[str, int]


class ChangedSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings to change; those omitted stay as they are. A destination of null removes it."""

    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    destination: str | UnsetType | None = UNSET
    destination_hosts: list[str] | UnsetType = UNSET
    active_users_by: ActiveBy | UnsetType | None = UNSET
    time_zone: str | UnsetType = UNSET
    click_window_days: int | UnsetType = UNSET
    probabilistic_window_hours: int | UnsetType = UNSET
    reattribution_window_days: int | UnsetType = UNSET
    inactivity_days: int | UnsetType = UNSET
    session_timeout_minutes: int | UnsetType = UNSET
    uncertain_match_devices: int | UnsetType = UNSET
    identifier_users: int | UnsetType = UNSET
    users_per_click: int | UnsetType = UNSET
    view_window_hours: int | UnsetType = UNSET
    view_probabilistic_window_hours: int | UnsetType = UNSET
    adjust_refusals: bool | UnsetType = UNSET
    click_id_postbacks: bool | UnsetType = UNSET
    security_token_postbacks: bool | UnsetType = UNSET
    sdk_traffic: bool | UnsetType = UNSET
    truncate_addresses: bool | UnsetType = UNSET
    limits: dict[str, int] | UnsetType = UNSET


def show(call: ApiCall, app: App) -> AppSettings:
    connection = call.connection
    rules = read_rules(connection, app)
    values = {
        setting.option.replace("-", "_"): getattr(rules, setting.rule) // setting.unit_ms
        for setting in SETTINGS  # rules are only ever set in whole units
    }
    return AppSettings(
        name=app.name,
        currency=app.currency,
        destination=app.destination,
        destination_hosts=list(app.destination_hosts),
        active_users_by=ActiveBy(app.active_users_by) if app.active_users_by else None,
        time_zone=app.time_zone,
        rules_version=rules.version,
        limits=msgspec.structs.asdict(read_limits(connection, app)),
        **read_switches(connection, app),
        **values,
    )


def change(call: ApiCall, app: App) -> AppSettings:
    """Changes all given settings, or none if one is invalid."""
    changes = {
        name: value
        for name, value in msgspec.structs.asdict(call.body).items()
        if value is not UNSET
    }
    return show(call, change_settings(call.resources, call.actor, app, changes))
