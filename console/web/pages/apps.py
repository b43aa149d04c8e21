"""Apps: their figures of today, a new one, and their settings."""

from console.apps import settings
from console.apps.apps import App, create_app, list_apps
from console.apps.rules import SETTINGS, read_rules
from console.reports.overview import read_overviews
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import BadValue


def start(_: PageRequest) -> Answer:
    return Redirect("/apps")


def show_list(request: PageRequest) -> Answer:
    apps = list_apps(request.connection)
    figures = read_overviews(
        request.connection, apps, request.environment, request.services.clock()
    )
    return Page("apps.html", {"figures": figures})


def show_new(_: PageRequest) -> Answer:
    return Page("app_new.html")


def create(request: PageRequest) -> Answer:
    name, app_token = request.form.get("name"), request.form.get("app_token") or None
    made = create_app(request.resources, request.actor, name, app_token)
    return Redirect(f"/apps/{made.id}", f"{made.name} is created.")


def show(request: PageRequest, app: App) -> Answer:
    (figures,) = read_overviews(
        request.connection, [app], request.environment, request.services.clock()
    )
    return Page("app.html", {"figures": figures})


def show_settings(request: PageRequest, app: App) -> Answer:
    rules = read_rules(request.connection, app)
    settings = [
        (setting, f"{getattr(rules, setting.rule) / setting.unit_ms:g}") for setting in SETTINGS
    ]
    return Page("app_settings.html", {"rules": rules, "settings": settings})


def change_settings(request: PageRequest, app: App) -> Answer:
    form = request.form
    described = {name: form.get(name) for name in ("name", "currency", "destination")}
    rules = {
        setting.option: _whole(setting.option, form.get(setting.option)) for setting in SETTINGS
    }
    before = read_rules(request.connection, app)
    settings.change_settings(request.resources, request.actor, app, {**described, **rules})
    after = read_rules(request.connection, app)
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
