"""The pages of apps: the list with today's metrics, a new app, an app's overview and settings."""

from urllib.parse import urlencode

from console.apps import settings
from console.apps.apps import App, app_with_id, create_app
from console.apps.destination_hosts import split_hosts
from console.apps.limits import read_limits
from console.apps.rules import SETTINGS, read_rules
from console.apps.switches import SWITCHES, read_switches
from console.apps.time_zone import read_recount
from console.onboarding.attention import read_attention
from console.onboarding.checklist import read_checklist
from console.onboarding.sample_event import IngestCaller, send_sample_event
from console.reports.bounds import moment_of
from console.reports.overview import read_overviews
from console.reports.recent_days import ALL_REVENUE, INSTALLS, read_recent_days
from console.reports.report_charts import activity_chart, report_chart
from console.web.lookups import visible_apps
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import BadValue
from shared.limits.app_limits import LIMITS
from shared.zones.app_days import zone_names

_DIGITS_MAX = 16


def show_start(_: PageRequest) -> Answer:
    return Redirect("/apps")


def show_list(request: PageRequest) -> Answer:
    every_app = visible_apps(request.connection, request.reach)
    shows_archived = "archived" in request.query
    apps = [app for app in every_app if shows_archived or app.archived_at is None]
    metrics = read_overviews(
        request.connection, apps, request.environment, request.services.clock()
    )
    archived = sum(app.archived_at is not None for app in every_app)
    values = {
        "metrics": metrics,
        "shows_archived": shows_archived,
        "archived_count": archived,
    }
    return Page("apps.html", values)


def show_new(_: PageRequest) -> Answer:
    return Page("app_new.html")


def create(request: PageRequest) -> Answer:
    name, app_token = request.form.get("name"), request.form.get("app_token") or None
    app = create_app(request.resources, request.actor, name, app_token)
    return Redirect(f"/apps/{app.id}", f"App {app.name} has been created.")


def show(request: PageRequest, app: App) -> Answer:
    (metrics,) = read_overviews(
        request.connection, [app], request.environment, request.services.clock()
    )
    now_ms = request.services.clock()
    recent = read_recent_days(request.connection, app, request.environment, now_ms)
    now = moment_of(now_ms)
    charts = [
        (
            "Installs by source" if recent.sources else "Installs",
            report_chart(recent.sources or recent.money, INSTALLS, now),
        ),
        ("Revenue and ad revenue", report_chart(recent.money, ALL_REVENUE, now)),
        ("Active users", activity_chart(recent.activity)),
    ]
    period = recent.money.question.period
    query = {"environment": request.environment, "from": period.first, "to": period.last}
    values = {
        "metrics": metrics,
        "recent": recent,
        "charts": charts,
        "recount": read_recount(request.connection, app),
        "query": urlencode(query),
        "attention": [
            item
            for item in read_attention(request.resources, app, request.environment, now_ms)
            # What is wrong with the installation is for those who can see its pages.
            if request.reach.is_everywhere or item.is_of(app)
        ],
        "steps": read_checklist(request.connection, app),
    }
    return Page("app.html", values)


def send_test_event(request: PageRequest, app: App) -> Answer:
    """Sends a test event through ingest and shows what becomes of it."""
    services = request.services
    ingest = IngestCaller(services.settings.ingest_url, services.post_form)
    sent = send_sample_event(request.resources, request.actor, app, ingest, services.clock())
    flash = (
        f"Ingest accepted the test event {sent.event_id} of user {sent.user_id}, in the sandbox."
    )
    return Redirect(f"/receipts/{sent.receipt}", flash)


def show_settings(request: PageRequest, app: App) -> Answer:
    rules = read_rules(request.connection, app)
    values = [
        (setting, f"{getattr(rules, setting.rule) / setting.unit_ms:g}") for setting in SETTINGS
    ]
    turned = read_switches(request.connection, app)
    switches = [(switch, turned[switch.name]) for switch in SWITCHES]
    app_limits = read_limits(request.connection, app)
    limits = [(limit, getattr(app_limits, limit.name)) for limit in LIMITS]
    return Page(
        "app_settings.html",
        {
            "rules": rules,
            "settings": values,
            "switches": switches,
            "limits": limits,
            "time_zones": zone_names(),
            "recount": read_recount(request.connection, app),
        },
    )


def change_settings(request: PageRequest, app: App) -> Answer:
    changes: dict[str, str | int | bool | list[str] | dict[str, int]] = {
        name: request.form.get(name)
        for name in ("name", "currency", "destination", "active_users_by", "time_zone")
    }
    if "destination_hosts" in request.form:
        changes["destination_hosts"] = split_hosts(request.form.get("destination_hosts"))
    changes |= {switch.name: switch.name in request.form for switch in SWITCHES}
    for setting in SETTINGS:
        changes[setting.option] = _number(request, setting.option)
    changes["limits"] = {
        limit.name: _number(request, limit.option)
        for limit in LIMITS
        if limit.option in request.form
    }
    rules_before = read_rules(request.connection, app)
    settings.change_settings(request.resources, request.actor, app, changes)
    flash = "Settings saved."
    changed = app_with_id(request.connection, app.id) or app
    if changed.time_zone != app.time_zone:
        flash += (
            f" Days are counted in {changed.time_zone} from now on, and those so far again: that "
            "begins in half a minute."
        )
    if read_rules(request.connection, app) != rules_before:
        flash += (
            " Existing decisions stay as they are until new data affects them, or until you "
            "recalculate past data."
        )
    return Redirect(f"/apps/{app.id}/settings", flash)


def _number(request: PageRequest, option: str) -> int:
    """Reads a whole number of the form. Raises BadValue."""
    text = request.form.get(option)
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS_MAX:
        raise BadValue(option, "must be a whole number.")
    return int(text)
