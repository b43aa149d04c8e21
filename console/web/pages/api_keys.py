"""The page of API keys: create and revoke the keys of the HTTP API."""

from console.accounts.api_keys import (
    DAYS_DEFAULT,
    DAYS_MAX,
    IssuedKey,
    KeyLimits,
    create_key,
    list_keys,
    revoke_key,
)
from console.actor import Role
from console.apps.apps import list_apps
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import OperatorError


def show(request: PageRequest) -> Answer:
    return _page(request)


def create(request: PageRequest) -> Answer:
    """Creates a key and shows its secret, only this once."""
    try:
        role = Role(request.form.get("role"))
    except ValueError:
        raise BadRequest("The role must be admin or viewer.") from None
    secret_key, name = request.services.settings.secret_key, request.form.get("name")
    days = request.form.get("days", str(DAYS_DEFAULT))
    if not (days.isascii() and days.isdecimal() and len(days) <= len(str(DAYS_MAX))):
        raise OperatorError(f"A key is valid for 1 to {DAYS_MAX} days.")
    app_id = request.form.get("app")
    if app_id and app_id not in {str(app.id) for app in list_apps(request.connection)}:
        raise BadRequest("There is no such app.")
    limits = KeyLimits(int(days), int(app_id) if app_id else None, request.me.id)
    key = create_key(request.connection, secret_key, request.actor, name, role, limits)
    return _page(request, key)


def revoke(request: PageRequest, key_id: int) -> Answer:
    key = revoke_key(request.connection, request.actor, key_id)
    return Redirect("/keys", f"{key.name} is permanently revoked.")


def _page(request: PageRequest, new_key: IssuedKey | None = None) -> Answer:
    values = {
        "keys": list_keys(request.connection),
        "new_key": new_key,
        "apps": [
            ("", "All apps"),
            *((str(app.id), app.name) for app in list_apps(request.connection)),
        ],
        "days": (DAYS_DEFAULT, DAYS_MAX),
        "base": request.services.settings.console_url,
    }
    return Page("api_keys.html", values)
