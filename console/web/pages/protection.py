"""Protection of an app: S2S security, step by step as on Adjust's page of that name.

Source: Adjust, "Set up server-to-server (S2S) security".
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from console.apps.apps import App
from console.audit import list_changes
from console.security.enforcement import (
    ONLY_CONFIGURED_TOKENS,
    disable_enforcement,
    read_enforcement,
    set_enforcement,
)
from console.security.token_table import TokenState
from console.security.tokens import (
    ChangedToken,
    NewToken,
    activate_token,
    create_token,
    deactivate_token,
    edit_token,
    list_tokens,
    revoke_token,
    rotate_token,
)
from console.web.lookups import token_of
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from shared.errors import BadValue, OperatorError
from shared.scopes import Scope

LOG_ENTRIES = 100
SCOPES = ((Scope.EVENTS, "Events"), (Scope.SESSIONS, "Sessions"), (Scope.AD_REVENUE, "Ad revenue"))


def show(request: PageRequest, app: App) -> Answer:
    tokens = list_tokens(request.resources, app)
    shown = "inactive" in request.query
    values = {
        "enforcement": read_enforcement(request.connection, app),
        "tokens": [token for token in tokens if token.active or shown],
        "hidden": sum(not token.active for token in tokens),
        "shows_inactive": shown,
        "scopes": dict(SCOPES),
        "states": TokenState,
    }
    return Page("protection.html", values)


def show_new(request: PageRequest, app: App) -> Answer:
    enforced = read_enforcement(request.connection, app).enforced
    return Page("token_new.html", {"scopes": SCOPES, "enforced": enforced})


def create(request: PageRequest, app: App) -> Answer:
    new = NewToken(
        request.form.get("name"),
        _scopes(request),
        test="test" in request.form,
        expires_at=_end_of(request.form.get("expires")),
    )
    made = create_token(request.resources, request.actor, app, new)
    return Page("token_made.html", {"made": made, "scopes": dict(SCOPES), "first": None})


def show_token(request: PageRequest, app: App, token_id: int) -> Answer:
    token = token_of(request.resources, app, token_id)
    return Page("token.html", {"token": token, "scopes": SCOPES, "states": TokenState})


def edit(request: PageRequest, app: App, token_id: int) -> Answer:
    token = token_of(request.resources, app, token_id)
    changed = edit_token(request.resources, request.actor, app, token.name, _scopes(request))
    return _changed(app, changed, f"{token.name} is saved.")


def activate(request: PageRequest, app: App, token_id: int) -> Answer:
    return _switch(request, app, token_id, activate_token, "is active")


def deactivate(request: PageRequest, app: App, token_id: int) -> Answer:
    return _switch(request, app, token_id, deactivate_token, "is not active any more")


def revoke(request: PageRequest, app: App, token_id: int) -> Answer:
    return _switch(request, app, token_id, revoke_token, "is revoked for good")


def rotate(request: PageRequest, app: App, token_id: int) -> Answer:
    first = token_of(request.resources, app, token_id)
    new_name = request.form.get("new_name")
    made = rotate_token(request.resources, request.actor, app, first.name, new_name)
    return Page("token_made.html", {"made": made, "scopes": dict(SCOPES), "first": first})


def show_enforcement(request: PageRequest, app: App) -> Answer:
    values = {
        "enforcement": read_enforcement(request.connection, app),
        "warning": ONLY_CONFIGURED_TOKENS,
        "scopes": dict(SCOPES),
    }
    return Page("enforcement.html", values)


def enforce(request: PageRequest, app: App) -> Answer:
    """For the scopes that are ticked, and no others."""
    wanted = _scopes(request)
    if not wanted:
        raise OperatorError("Tick what is to need a token, or turn enforcement off.")
    stand = set_enforcement(request.resources, request.actor, app, wanted)
    return _told(app, "Enforcement is on.", stand.warnings)


def stop_enforcing(request: PageRequest, app: App) -> Answer:
    disable_enforcement(request.resources, request.actor, app)
    return _told(app, "Enforcement is off: requests without a token are accepted.")


def show_log(request: PageRequest, app: App) -> Answer:
    return Page(
        "protection_log.html", {"entries": list_changes(request.connection, app.id, LOG_ENTRIES)}
    )


_Change = Callable[..., ChangedToken]


def _switch(request: PageRequest, app: App, token_id: int, change: _Change, what: str) -> Answer:
    token = token_of(request.resources, app, token_id)
    changed = change(request.resources, request.actor, app, token.name)
    return _changed(app, changed, f"{token.name} {what}.")


def _changed(app: App, changed: ChangedToken, sentence: str) -> Answer:
    return _told(app, sentence, changed.warnings)


def _told(app: App, sentence: str, warnings: Sequence[str] = ()) -> Answer:
    told = " ".join([sentence, *warnings])
    return Redirect(f"/apps/{app.id}/protection", told)


def _scopes(request: PageRequest) -> tuple[Scope, ...]:
    try:
        return tuple(Scope(text) for text in request.form.all("scope"))
    except ValueError:
        raise BadRequest("There is no such scope.") from None


def _end_of(text: str) -> datetime | None:
    """The last moment of that day is not reached: it is good through the day before."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        raise BadValue("expires", "must be a day, such as 2027-01-31.") from None
