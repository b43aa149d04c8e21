"""Every call of the API: its path, what it takes and what it gives."""

from console.apps.apps import App
from console.apps.event_types import EventType, NewEventType
from console.apps.links import NewLink
from console.lookup.trace import Trace
from console.lookup.user_timeline import UserTimeline
from console.pipeline.quarantine import Quarantined, QuarantinedBatch
from console.pipeline.rejections import RejectionReport
from console.pipeline.status import Status
from console.reports.activity import ActiveUsers, Cohort
from console.reports.report import Report
from console.security.enforcement import Enforcement
from console.security.token_table import Token
from console.security.tokens import ChangedToken, IssuedToken
from console.web.api import apps, links, operations, reports, settings, tokens, users
from console.web.api.api_call import ApiEndpoint
from console.web.api.apps import ChangedEventType, NewApp
from console.web.api.links import LinkWithUrl
from console.web.api.settings import AppSettings, ChangedSettings
from console.web.api.tokens import AskedToken, Scopes

APP = "/apps/{app_id:int}"
TOKEN = f"{APP}/tokens/{{token_id:int}}"

ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint("GET", "/apps", "All apps, by name.", apps.list_all, list[App]),
    ApiEndpoint("POST", "/apps", "Make an app.", apps.create, App, NewApp, status=201),
    ApiEndpoint("GET", APP, "One app.", apps.show, App),
    ApiEndpoint("GET", f"{APP}/settings", "Its settings.", settings.show, AppSettings),
    ApiEndpoint(
        "PATCH",
        f"{APP}/settings",
        "Change those that are named, all or none.",
        settings.change,
        AppSettings,
        ChangedSettings,
    ),
    ApiEndpoint("GET", f"{APP}/event-types", "Its event types.", apps.event_types, list[EventType]),
    ApiEndpoint(
        "POST",
        f"{APP}/event-types",
        "Make an event type.",
        apps.create_type,
        EventType,
        NewEventType,
        status=201,
    ),
    ApiEndpoint(
        "PATCH",
        f"{APP}/event-types/{{event_type_id:int}}",
        "Switch its multiple postbacks.",
        apps.change_type,
        EventType,
        ChangedEventType,
    ),
    ApiEndpoint("GET", f"{APP}/links", "Its tracking links.", links.list_all, list[LinkWithUrl]),
    ApiEndpoint(
        "POST",
        f"{APP}/links",
        "Make a tracking link, and its partner when new.",
        links.create,
        LinkWithUrl,
        NewLink,
        status=201,
    ),
    ApiEndpoint("GET", f"{APP}/tokens", "Its tokens, masked.", tokens.list_all, list[Token]),
    ApiEndpoint(
        "POST",
        f"{APP}/tokens",
        "Make a token; the answer holds it, this once.",
        tokens.create,
        IssuedToken,
        AskedToken,
        status=201,
    ),
    ApiEndpoint("PUT", f"{TOKEN}/scopes", "Change its scopes.", tokens.edit, ChangedToken, Scopes),
    ApiEndpoint("POST", f"{TOKEN}/activate", "Accept it again.", tokens.activate, ChangedToken),
    ApiEndpoint(
        "POST", f"{TOKEN}/deactivate", "Accept it no more.", tokens.deactivate, ChangedToken
    ),
    ApiEndpoint("POST", f"{TOKEN}/revoke", "Revoke it for good.", tokens.revoke, ChangedToken),
    ApiEndpoint(
        "GET",
        f"{APP}/enforcement",
        "For which scopes a token is needed.",
        tokens.enforcement,
        Enforcement,
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/enforcement",
        "Need a token for these scopes and no others.",
        tokens.enforce,
        Enforcement,
        Scopes,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/users/{{user_id}}",
        "A user's clicks, events, sessions and attributions, with their reasons.",
        users.timeline,
        UserTimeline,
        query=("environment", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/report",
        "Events, users, installs, sessions and revenue; the last 30 days unless others are named.",
        reports.figures,
        Report,
        query=(
            *("environment", "from", "to", "by", "split"),
            *("partner", "link", "campaign", "country", "event", "currency"),
        ),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/active-users",
        "Daily, weekly and monthly active users, by day.",
        reports.activity,
        list[ActiveUsers],
        query=("environment", "from", "to"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/retention",
        "How many of each day's new users came back, of all or of those who came by a partner.",
        reports.cohorts,
        list[Cohort],
        query=("environment", "from", "to", "partner"),
    ),
    ApiEndpoint("GET", "/receipts/{receipt:uuid}", "What became of an event.", users.follow, Trace),
    ApiEndpoint("GET", "/status", "What waits, and what was accepted.", operations.status, Status),
    ApiEndpoint(
        "GET",
        "/rejections",
        "The last refused requests, and how often each reason was.",
        operations.rejections,
        RejectionReport,
        query=("count",),
    ),
    ApiEndpoint(
        "GET",
        "/quarantine",
        "Events that could not be stored, newest first.",
        operations.quarantine,
        list[Quarantined],
        query=("count",),
    ),
    ApiEndpoint(
        "GET",
        "/quarantine/{receipt:uuid}",
        "One of them, with what it holds.",
        operations.show_one,
        QuarantinedBatch,
    ),
    ApiEndpoint(
        "POST",
        "/quarantine/{receipt:uuid}/replay",
        "Put it back into the inbox.",
        operations.replay_one,
        Quarantined,
    ),
)
