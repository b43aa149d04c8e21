"""The pages of an app's authentication: its tokens, and the scopes that require one.

They follow the steps of Adjust's page Protection, S2S Security.

Source: Adjust, "Set up server-to-server (S2S) security".
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from console.apps.apps import App
from console.apps.archive import require_typed
from console.audit import list_changes
from console.moments import read_day
from console.security.enforcement import (
    ONLY_CONFIGURED_TOKENS,
    disable_enforcement,
    read_enforcement,
    set_enforcement,
)
from console.security.new_tokens import NewToken, create_token, rotate_token
from console.security.token_table import TokenState
from console.security.tokens import (
    ChangedToken,
    activate_token,
    deactivate_token,
    edit_token,
    list_tokens,
    rename_token,
    revoke_token,
)
from console.web.lookups import token_of
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import BadValue, OperatorError
from shared.scopes import Scope

LOG_ENTRIES = 100
EVERYTHING = "everything"
SCOPES = ((Scope.EVENTS, "Events"), (Scope.SESSIONS, "Sessions"), (Scope.AD_REVENUE, "Ad revenue"))


def show(request: PageRequest, app: App) -> Answer:
    tokens = list_tokens(request.resources, app)
    shows_inactive = "inactive" in request.query
    values = {
        "enforcement": read_enforcement(request.connection, app),
        "tokens": [token for token in tokens if token.active or shows_inactive],
        "inactive_count": sum(not token.active for token in tokens),
        "shows_inactive": shows_inactive,
        "scopes": dict(SCOPES),
        "states": TokenState,
    }
    return Page("protection.html", values)


def show_new(request: PageRequest, app: App) -> Answer:
    enforced = read_enforcement(request.connection, app).enforced
    return Page("token_new.html", {"scopes": SCOPES, "enforced": enforced})


def create(request: PageRequest, app: App) -> Answer:
    """Creates a token and shows its secret, only this once."""
    # A token that expires on a day is valid through the day before.
    expires = read_day("expires", request.form.get("expires"))
    expires_at = datetime.combine(expires, datetime.min.time(), UTC) if expires else None
    name, test = request.form.get("name"), "test" in request.form
    is_sdk = "sdk" in request.form  # public, and so without any scope
    scopes = _scopes(request) if is_sdk else _chosen_scopes(request)
    new = NewToken(name, scopes, test, expires_at, is_sdk)
    issued = create_token(request.resources, request.actor, app, new)
    return Page(
        "token_created.html", {"issued": issued, "scopes": dict(SCOPES), "previous_token": None}
    )


def show_token(request: PageRequest, app: App, token_id: int) -> Answer:
    token = token_of(request.resources, app, token_id)
    return Page("token.html", {"token": token, "scopes": SCOPES, "states": TokenState})


def edit(request: PageRequest, app: App, token_id: int) -> Answer:
    token = token_of(request.resources, app, token_id)
    change = edit_token(request.resources, request.actor, app, token.name, _chosen_scopes(request))
    return _back(app, f"{token.name} has been saved.", change.warnings)


def activate(request: PageRequest, app: App, token_id: int) -> Answer:
    return _set_state(request, app, token_id, activate_token, "is active")


def deactivate(request: PageRequest, app: App, token_id: int) -> Answer:
    return _set_state(request, app, token_id, deactivate_token, "is deactivated")


def rename(request: PageRequest, app: App, token_id: int) -> Answer:
    token = token_of(request.resources, app, token_id)
    new_name = request.form.get("name")
    changed = rename_token(request.resources, request.actor, app, token.name, new_name)
    flash = f"The token is called {changed.token.name} from now on."
    return Redirect(f"/apps/{app.id}/protection/tokens/{token_id}", flash)


def revoke(request: PageRequest, app: App, token_id: int) -> Answer:
    """Revokes a token for good, once its name was typed."""
    token = token_of(request.resources, app, token_id)
    require_typed(token.name, request.form.get("confirm"))
    return _set_state(request, app, token_id, revoke_token, "is permanently revoked")


def rotate(request: PageRequest, app: App, token_id: int) -> Answer:
    """Creates a second token with the same scopes, and shows its secret, only this once."""
    token = token_of(request.resources, app, token_id)
    new_name = request.form.get("new_name")
    issued = rotate_token(request.resources, request.actor, app, token.name, new_name)
    return Page(
        "token_created.html", {"issued": issued, "scopes": dict(SCOPES), "previous_token": token}
    )


def show_enforcement(request: PageRequest, app: App) -> Answer:
    values = {
        "enforcement": read_enforcement(request.connection, app),
        "warning": ONLY_CONFIGURED_TOKENS,
        "scopes": dict(SCOPES),
    }
    return Page("enforcement.html", values)


def enforce(request: PageRequest, app: App) -> Answer:
    """Requires a token for the selected scopes, and for no others."""
    scopes = _scopes(request)
    if not scopes:
        raise OperatorError(
            "Select the scopes that require a token, or turn authentication off instead."
        )
    enforcement = set_enforcement(request.resources, request.actor, app, scopes)
    return _back(app, "Authentication is on.", enforcement.warnings)


def stop_enforcing(request: PageRequest, app: App) -> Answer:
    disable_enforcement(request.resources, request.actor, app)
    return _back(app, "Authentication is off: requests without a token are accepted.")


def show_log(request: PageRequest, app: App) -> Answer:
    return Page(
        "protection_log.html", {"entries": list_changes(request.connection, app.id, LOG_ENTRIES)}
    )


_Change = Callable[..., ChangedToken]


def _set_state(
    request: PageRequest, app: App, token_id: int, change: _Change, outcome: str
) -> Answer:
    token = token_of(request.resources, app, token_id)
    changed = change(request.resources, request.actor, app, token.name)
    return _back(app, f"{token.name} {outcome}.", changed.warnings)


def _back(app: App, sentence: str, warnings: Sequence[str] = ()) -> Answer:
    """Redirects to the page of tokens, where the sentence and the warnings are shown."""
    return Redirect(f"/apps/{app.id}/protection", " ".join([sentence, *warnings]))


def _chosen_scopes(request: PageRequest) -> tuple[Scope, ...]:
    """Returns the scopes of a token: none for everything, which has to be chosen as well."""
    chosen = request.form.all("scope")
    if not chosen:
        raise BadValue("scope", "must be chosen: tick what the token may be used for.")
    if EVERYTHING not in chosen:
        return _scopes(request)
    if len(chosen) > 1:
        raise BadValue("scope", "must be either everything or some of the others, not both.")
    return ()


def _scopes(request: PageRequest) -> tuple[Scope, ...]:
    try:
        return tuple(Scope(text) for text in request.form.all("scope"))
    except ValueError:
        raise BadRequest("Unknown scope.") from None
