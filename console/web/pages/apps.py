"""Apps: their figures of today, a new one, and their settings."""

from console.apps import settings
from console.apps.apps import App, create_app, list_apps
from console.apps.rules import SETTINGS, read_rules
from console.reports.overview import figures_of_apps
from console.web.page_request import Visit
from console.web.responses import Answer, Page, Redirect
from shared.errors import BadValue


def start(_: Visit) -> Answer:
    return Redirect("/apps")


def show_list(visit: Visit) -> Answer:
    apps = list_apps(visit.connection)
    figures = figures_of_apps(visit.connection, apps, visit.environment, visit.services.clock())
    return Page("apps.html", {"figures": figures})


def show_new(_: Visit) -> Answer:
    return Page("app_new.html")


def create(visit: Visit) -> Answer:
    name, app_token = visit.form.get("name"), visit.form.get("app_token") or None
    made = create_app(visit.installation, visit.actor, name, app_token)
    return Redirect(f"/apps/{made.id}", f"{made.name} is created.")


def show(visit: Visit, app: App) -> Answer:
    (figures,) = figures_of_apps(visit.connection, [app], visit.environment, visit.services.clock())
    return Page("app.html", {"figures": figures})


def show_settings(visit: Visit, app: App) -> Answer:
    rules = read_rules(visit.connection, app)
    settings = [
        (setting, f"{getattr(rules, setting.rule) / setting.unit_ms:g}") for setting in SETTINGS
    ]
    return Page("app_settings.html", {"rules": rules, "settings": settings})


def change_settings(visit: Visit, app: App) -> Answer:
    form = visit.form
    described = {name: form.get(name) for name in ("name", "currency", "destination")}
    rules = {
        setting.option: _whole(setting.option, form.get(setting.option)) for setting in SETTINGS
    }
    before = read_rules(visit.connection, app)
    settings.change_settings(visit.installation, visit.actor, app, {**described, **rules})
    after = read_rules(visit.connection, app)
    kept = (
        ""
        if after == before
        else (" Earlier decisions stand until a new fact touches them, or the app is decided anew.")
    )
    return Redirect(f"/apps/{app.id}/settings", f"Saved.{kept}")


def _whole(option: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise BadValue(option, "must be a whole number.")
    return int(text)
