"""Lists every call of the API: its path, its handler, and what it takes and returns."""

from console.apps.apps import App
from console.apps.event_types import EventType, NewEventType
from console.delivery.delivery_log import Delivery, DeliveryCount
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import EndpointRow, EndpointWithSecret
from console.delivery.trial import CallbackTest
from console.lookup.trace import Trace
from console.lookup.user_timeline import UserTimeline
from console.lookup.why import QuestionAnswer
from console.pipeline.health import Status
from console.pipeline.quarantine import QuarantinedBatch, QuarantineEntry
from console.pipeline.rejections import RejectionReport
from console.reports.activity import ActiveUsers
from console.reports.report import Report
from console.reports.retention import Cohort
from console.security.enforcement import Enforcement
from console.security.new_tokens import IssuedToken
from console.security.token_table import Token
from console.security.tokens import ChangedToken
from console.web.api import apps, callbacks, operations, reports, settings, tokens, users
from console.web.api.api_call import APP, ApiEndpoint
from console.web.api.apps import ChangedEventType, NewApp
from console.web.api.callbacks import ReplayedCallbacks, ReplayReport
from console.web.api.links import LINK_ENDPOINTS
from console.web.api.privacy import PRIVACY_ENDPOINTS
from console.web.api.settings import AppSettings, ChangedSettings
from console.web.api.tokens import Scopes, TokenRequest

CALLBACK = f"{APP}/callback-endpoints/{{endpoint_id:int}}"
TOKEN = f"{APP}/tokens/{{token_id:int}}"

ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint("GET", "/apps", "List all apps by name.", apps.list_all, list[App]),
    ApiEndpoint("POST", "/apps", "Create an app.", apps.create, App, NewApp, status=201),
    ApiEndpoint("GET", APP, "Return an app.", apps.show, App),
    ApiEndpoint(
        "GET", f"{APP}/settings", "Return the settings of an app.", settings.show, AppSettings
    ),
    ApiEndpoint(
        "PATCH",
        f"{APP}/settings",
        "Change the given settings of an app; if one is invalid, none is changed.",
        settings.change,
        AppSettings,
        ChangedSettings,
    ),
    ApiEndpoint(
        "GET", f"{APP}/event-types", "List an app's event types.", apps.list_types, list[EventType]
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/event-types",
        "Create an event type.",
        apps.create_type,
        EventType,
        NewEventType,
        status=201,
    ),
    ApiEndpoint(
        "PATCH",
        f"{APP}/event-types/{{event_type_id:int}}",
        "Turn multiple postbacks of an event type on or off.",
        apps.change_type,
        EventType,
        ChangedEventType,
    ),
    *LINK_ENDPOINTS,
    ApiEndpoint(
        "GET",
        f"{APP}/why",
        "Explain an install, found by an ID or by address and time, click by click.",
        users.why,
        QuestionAnswer,
        query=("environment", "id", "address", "time"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callback-endpoints",
        "List the app's callback endpoints.",
        callbacks.list_all,
        list[EndpointRow],
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/callback-endpoints",
        "Create a callback endpoint, and its partner if new; the answer has its secret.",
        callbacks.create,
        EndpointWithSecret,
        EndpointForm,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        CALLBACK,
        "Change a callback endpoint; what is left out becomes the default.",
        callbacks.edit,
        EndpointRow,
        EndpointForm,
    ),
    ApiEndpoint("POST", f"{CALLBACK}/pause", "Stop sending.", callbacks.pause, EndpointRow),
    ApiEndpoint("POST", f"{CALLBACK}/resume", "Send again.", callbacks.resume, EndpointRow),
    ApiEndpoint(
        "POST",
        f"{CALLBACK}/secret",
        "Replace the signing secret; the answer has the new one.",
        callbacks.rotate,
        EndpointWithSecret,
    ),
    ApiEndpoint(
        "POST",
        f"{CALLBACK}/test",
        "Send one callback now and get what came back.",
        callbacks.test,
        CallbackTest,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callbacks",
        "List callbacks with their attempts, newest first.",
        callbacks.deliveries,
        list[Delivery],
        query=("state", "user_id", "click_id", "partner", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callback-counts",
        "Count callbacks by day, endpoint and state.",
        callbacks.counts,
        list[DeliveryCount],
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/callbacks/{{callback_id:uuid}}",
        "Get one callback with its attempts.",
        callbacks.delivery,
        Delivery,
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/callbacks/replay",
        "Send the callbacks again that match and were not delivered.",
        callbacks.replay,
        ReplayReport,
        ReplayedCallbacks,
    ),
    ApiEndpoint(
        "GET", f"{APP}/tokens", "List the tokens of an app, masked.", tokens.list_all, list[Token]
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/tokens",
        "Create a token; only this response contains the secret.",
        tokens.create,
        IssuedToken,
        TokenRequest,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        f"{TOKEN}/scopes",
        "Replace the scopes of a token.",
        tokens.edit,
        ChangedToken,
        Scopes,
    ),
    ApiEndpoint(
        "POST", f"{TOKEN}/activate", "Activate a token again.", tokens.activate, ChangedToken
    ),
    ApiEndpoint(
        "POST",
        f"{TOKEN}/deactivate",
        "Deactivate a token; it can be activated again.",
        tokens.deactivate,
        ChangedToken,
    ),
    ApiEndpoint(
        "POST", f"{TOKEN}/revoke", "Revoke a token permanently.", tokens.revoke, ChangedToken
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/enforcement",
        "Return the scopes that require a token.",
        tokens.enforcement,
        Enforcement,
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/enforcement",
        "Require a token for these scopes and for no others.",
        tokens.enforce,
        Enforcement,
        Scopes,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/users/{{user_id}}",
        "Return a user's clicks, events, sessions and attributions, with the reason of each "
        "attribution.",
        users.timeline,
        UserTimeline,
        query=("environment", "count"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/report",
        "Report events, users, installs, sessions and revenue, by default of the last 28 days.",
        reports.report,
        Report,
        query=(
            *("environment", "period", "from", "to", "compare", "by", "split"),
            *("partner", "link", "campaign", "country", "event", "currency"),
        ),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/active-users",
        "Report daily, weekly and monthly active users by day.",
        reports.activity,
        list[ActiveUsers],
        query=("environment", "period", "from", "to"),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/retention",
        "Report how many of each day's new users returned, overall or of one partner.",
        reports.cohorts,
        list[Cohort],
        query=("environment", "period", "from", "to", "partner"),
    ),
    ApiEndpoint(
        "GET",
        "/receipts/{receipt:uuid}",
        "Return the state of an event, and the event once it is stored.",
        users.trace_event,
        Trace,
    ),
    ApiEndpoint(
        "GET",
        "/status",
        "Return the events that wait in the inbox and the number accepted.",
        operations.status,
        Status,
    ),
    ApiEndpoint(
        "GET",
        "/rejections",
        "List the latest rejected requests, and count all by reason.",
        operations.rejections,
        RejectionReport,
        query=("count",),
    ),
    ApiEndpoint(
        "GET",
        "/quarantine",
        "List the events that could not be stored, newest first.",
        operations.quarantine,
        list[QuarantineEntry],
        query=("count",),
    ),
    ApiEndpoint(
        "GET",
        "/quarantine/{receipt:uuid}",
        "Return an entry of the quarantine with its events.",
        operations.show_entry,
        QuarantinedBatch,
    ),
    ApiEndpoint(
        "POST",
        "/quarantine/{receipt:uuid}/replay",
        "Put an entry of the quarantine back into the inbox.",
        operations.replay_entry,
        QuarantineEntry,
    ),
    *PRIVACY_ENDPOINTS,
)
