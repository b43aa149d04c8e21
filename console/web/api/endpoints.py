"""Lists every call of the API: its path, its handler, and what it takes and returns."""

from console.apps.apps import App
from console.apps.event_types import EventType, NewEventType
from console.audit import AuditPage
from console.audit_chain import ChainReport
from console.pipeline.health import Status
from console.pipeline.jobs import JobReport
from console.pipeline.quarantine import QuarantinedBatch, QuarantineEntry
from console.pipeline.rejections import RejectionReport
from console.reports.activity import ActiveUsers
from console.reports.cohorts.cohort_table import CohortTable
from console.reports.filters import DIMENSIONS
from console.reports.funnels.funnel import Funnel
from console.reports.report import Report
from console.reports.retention import Cohort
from console.security.enforcement import Enforcement
from console.security.new_tokens import IssuedToken
from console.security.token_table import Token
from console.security.tokens import ChangedToken
from console.web.api import apps, operations, reports, settings, tokens
from console.web.api.alerts import ALERT_ENDPOINTS
from console.web.api.api_call import APP, ApiEndpoint
from console.web.api.apps import AppState, ChangedEventType, NewApp
from console.web.api.archive import ARCHIVE_ENDPOINTS
from console.web.api.callbacks import CALLBACK_ENDPOINTS
from console.web.api.costs import COST_ENDPOINTS
from console.web.api.links import LINK_ENDPOINTS
from console.web.api.past_data import PAST_DATA_ENDPOINTS
from console.web.api.privacy import PRIVACY_ENDPOINTS
from console.web.api.schedules import SCHEDULE_ENDPOINTS
from console.web.api.settings import AppSettings, ChangedSettings
from console.web.api.tokens import Scopes, TokenRequest
from console.web.api.uploads import UPLOAD_ENDPOINTS
from console.web.api.users import USER_ENDPOINTS

TOKEN = f"{APP}/tokens/{{token_id:int}}"

ENDPOINTS: tuple[ApiEndpoint, ...] = (
    ApiEndpoint(
        "GET",
        "/apps",
        "List the apps that the key reaches, by name.",
        apps.list_all,
        list[App],
        for_members=True,
    ),
    ApiEndpoint("POST", "/apps", "Create an app.", apps.create, App, NewApp, status=201),
    ApiEndpoint("GET", APP, "Return an app.", apps.show, App),
    ApiEndpoint(
        "GET",
        f"{APP}/overview",
        "Return what needs attention, and the steps of setting the app up.",
        apps.overview,
        AppState,
        query=("environment",),
    ),
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
    *ALERT_ENDPOINTS,
    *ARCHIVE_ENDPOINTS,
    *USER_ENDPOINTS,
    *CALLBACK_ENDPOINTS,
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
        f"{APP}/report",
        "Report events, users, installs, sessions, revenue and clicks, by default of 28 days.",
        reports.report,
        Report,
        query=(
            *(
                "environment",
                "period",
                "from",
                "to",
                "compare",
                "by",
                "currency",
                "sort",
                "measure",
            ),
        ),
        repeated=("split", *DIMENSIONS, *(f"{split}!" for split in DIMENSIONS)),
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
        f"{APP}/cohorts",
        "Report retention, LTV or revenue of new users by age, up to 180 days.",
        reports.cohort_table,
        CohortTable,
        query=(
            *("environment", "period", "from", "to", "metric", "span", "split"),
            *("partner", "currency"),
        ),
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/funnel",
        "Count the users who went from one event type to the next, in the order of `step`.",
        reports.funnel,
        Funnel,
        query=(
            *("environment", "period", "from", "to", "step", "window_hours", "split"),
            "partner",
        ),
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
        "/audit-log",
        "List who changed what, newest first; `older` is the `before` of the next page.",
        operations.audit_log,
        AuditPage,
        query=("app", "actor", "action", "q", "from", "to", "before", "count"),
        for_members=True,
    ),
    ApiEndpoint(
        "GET",
        "/audit-log/chain",
        "Verify that no entry of the audit log was changed, removed or slipped in.",
        operations.audit_chain,
        ChainReport,
        query=("head",),
    ),
    ApiEndpoint(
        "GET",
        "/quarantine",
        "List events that could not be stored, newest first. The next page is `before` the last "
        "entry: its `quarantined_at` and `receipt`, joined by `_`.",
        operations.quarantine,
        list[QuarantineEntry],
        query=("before", "count"),
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
    ApiEndpoint(
        "GET",
        "/jobs",
        "Count the jobs of workers by state, and list those that failed within a day, newest "
        "first; `older` is the `before` of the next page.",
        operations.jobs,
        JobReport,
        query=("before", "count"),
    ),
    ApiEndpoint(
        "POST",
        "/jobs/{job_id}/retry",
        "Put a failed job back into the queue.",
        operations.retry,
        JobReport,
    ),
    ApiEndpoint("DELETE", "/jobs/{job_id}", "Delete a failed job.", operations.delete, JobReport),
    *COST_ENDPOINTS,
    *SCHEDULE_ENDPOINTS,
    *PAST_DATA_ENDPOINTS,
    *UPLOAD_ENDPOINTS,
    *PRIVACY_ENDPOINTS,
)
