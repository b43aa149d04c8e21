"""The page of API keys: create and revoke the keys of the HTTP API."""

from console.accounts.api_keys import IssuedKey, create_key, list_keys, revoke_key
from console.actor import Role
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect


def show(request: PageRequest) -> Answer:
    return _page(request)


def create(request: PageRequest) -> Answer:
    """Creates a key and shows its secret, only this once."""
    try:
        role = Role(request.form.get("role"))
    except ValueError:
        raise BadRequest("The role must be admin or viewer.") from None
    secret_key, name = request.services.settings.secret_key, request.form.get("name")
    return _page(request, create_key(request.connection, secret_key, request.actor, name, role))


def revoke(request: PageRequest, key_id: int) -> Answer:
    key = revoke_key(request.connection, request.actor, key_id)
    return Redirect("/keys", f"{key.name} is permanently revoked.")


def _page(request: PageRequest, new_key: IssuedKey | None = None) -> Answer:
    values = {
        "keys": list_keys(request.connection),
        "new_key": new_key,
        "base": request.services.settings.console_url,
    }
    return Page("api_keys.html", values)
