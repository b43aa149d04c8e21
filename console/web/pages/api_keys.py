"""Keys of the HTTP API: make one, revoke one."""

from console.accounts.api_keys import IssuedKey, create_key, list_keys, revoke_key
from console.actor import Role
from console.web.page_errors import BadRequest
from console.web.page_request import Visit
from console.web.responses import Answer, Page, Redirect


def show(visit: Visit) -> Answer:
    return _page(visit)


def create(visit: Visit) -> Answer:
    """Shows the key, this once."""
    try:
        role = Role(visit.form.get("role"))
    except ValueError:
        raise BadRequest("The role is admin or viewer.") from None
    secret_key, name = visit.services.settings.secret_key, visit.form.get("name")
    return _page(visit, create_key(visit.connection, secret_key, visit.actor, name, role))


def revoke(visit: Visit, key_id: int) -> Answer:
    key = revoke_key(visit.connection, visit.actor, key_id)
    return Redirect("/keys", f"{key.name} is revoked for good.")


def _page(visit: Visit, made: IssuedKey | None = None) -> Answer:
    values = {
        "keys": list_keys(visit.connection),
        "made": made,
        "base": visit.services.settings.console_url,
    }
    return Page("keys.html", values)
