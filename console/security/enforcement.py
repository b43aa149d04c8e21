"""Enforcement: the scopes for which a request in the Adjust dialect requires a token.

It is off for a new app. While it is off, every request is accepted, and the integration check tells
what enforcement would have answered. The Swaarm dialect always requires a token, as the token
identifies the app.

Source of the rules: Adjust, "Set up server-to-server (S2S) security".
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.security.token_table import Token, ordered_scopes, read_tokens
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.scopes import Scope

# Shown before it is turned on.
ONLY_CONFIGURED_TOKENS = (
    "From now on only requests with a configured token will work. In the Adjust dialect, a request "
    "without an active token of this app, or with one that lacks its scope, will be refused (401) "
    "and not stored. Google Tag Manager cannot send a token: its requests will be refused."
)
SWITCHED_OFF = (
    "This was the app's last active production token, so authentication is turned off: in the "
    "Adjust dialect requests without a token are accepted again."
)


@dataclass(frozen=True)
class ScopeEnforcement:
    """A scope, whether it is enforced, and the names of the production tokens that cover it."""

    scope: Scope
    enforced: bool
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Enforcement:
    """An app's enforcement, scope by scope. Warnings are sentences for its team."""

    scopes: tuple[ScopeEnforcement, ...]
    warnings: tuple[str, ...] = ()

    @property
    def enforced(self) -> tuple[Scope, ...]:
        return tuple(entry.scope for entry in self.scopes if entry.enforced)


def read_enforcement(connection: Connection, app: App) -> Enforcement:
    return _enforcement_of(enforced_scopes(connection, app), read_tokens(connection, app))


def enable_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope] = tuple(Scope)
) -> Enforcement:
    """Enforces these scopes in addition. The caller must have accepted ONLY_CONFIGURED_TOKENS.

    Raises OperatorError when no active production token covers one of them, or the change cannot
    be published, and NotAllowed for a viewer.
    """
    return _change(resources, actor, app, lambda current: [*current, *scopes])


def disable_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope] = tuple(Scope)
) -> Enforcement:
    """Stops enforcing these scopes.

    Raises OperatorError when the change cannot be published, and NotAllowed for a viewer.
    """
    return _change(
        resources, actor, app, lambda current: [scope for scope in current if scope not in scopes]
    )


def set_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope]
) -> Enforcement:
    """Enforces these scopes and no others, in one step; otherwise as `enable_enforcement`."""
    return _change(resources, actor, app, lambda _: [*scopes])


def enforced_scopes(connection: Connection, app: App) -> tuple[Scope, ...]:
    return _read(connection, app, "SELECT enforced_scopes FROM apps WHERE id = %s")


def lock_enforcement(connection: Connection, app: App) -> tuple[Scope, ...]:
    """Returns the enforced scopes; they and the tokens stay locked until the transaction ends."""
    return _read(
        connection, app, "SELECT enforced_scopes FROM apps WHERE id = %s FOR NO KEY UPDATE"
    )


def reconcile_enforcement(
    connection: Connection, actor: Actor, app: App, enforced: tuple[Scope, ...], before: Token
) -> tuple[str, ...]:
    """Adjusts enforcement after a token changed from `before`, and returns warnings for the team.

    Enforcement without any active production token would lock every production sender out, so it
    is turned off with the last one; test tokens do not count. Expiry of a token does not turn it
    off: nobody has decided that, and an attacker could wait for it.
    """
    if not enforced:
        return ()
    tokens = read_tokens(connection, app)
    if before.protects and not any(token.protects for token in tokens):
        _enforce(connection, actor, app, enforced, ())
        return (SWITCHED_OFF,)
    return _uncovered_warnings(enforced, tokens)


def _change(
    resources: Resources,
    actor: Actor,
    app: App,
    choose: Callable[[tuple[Scope, ...]], list[Scope]],
) -> Enforcement:
    """Enforces the scopes that `choose` returns for the current ones."""
    require_admin(actor)
    with publishing_transaction(resources):
        current = lock_enforcement(resources.connection, app)
        enforced = ordered_scopes(choose(current))
        tokens = read_tokens(resources.connection, app)
        _require_covered([scope for scope in enforced if scope not in current], tokens)
        _enforce(resources.connection, actor, app, current, enforced)
    return _enforcement_of(enforced, tokens)


def _read(connection: Connection, app: App, statement: str) -> tuple[Scope, ...]:
    row = run(connection, statement, (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return ordered_scopes(row[0])


def _require_covered(scopes: Sequence[Scope], tokens: Sequence[Token]) -> None:
    if scopes and not any(token.protects for token in tokens):
        raise OperatorError(
            "Authentication cannot be turned on without an active token for production: every "
            "production sender would be refused. Create one; test tokens do not count.",
            "See `waybill token create`.",
        )
    uncovered = [scope for scope in scopes if not any(token.covers(scope) for token in tokens)]
    if uncovered:
        raise OperatorError(
            f"No active production token covers {' and '.join(uncovered)}, so all such requests "
            "would be refused. Add the scope to a token, or create one that has it.",
            "See `waybill token edit`.",
        )


def _enforce(
    connection: Connection,
    actor: Actor,
    app: App,
    before: tuple[Scope, ...],
    enforced: tuple[Scope, ...],
) -> None:
    if enforced == before:
        return
    run(connection, "UPDATE apps SET enforced_scopes = %s WHERE id = %s", (list(enforced), app.id))
    change = Change(Action.ENFORCEMENT, app.name, {"scopes": before}, {"scopes": enforced})
    record_change(connection, actor, app.id, change)


def _enforcement_of(enforced: tuple[Scope, ...], tokens: Sequence[Token]) -> Enforcement:
    scopes = tuple(
        ScopeEnforcement(
            scope, scope in enforced, tuple(token.name for token in tokens if token.covers(scope))
        )
        for scope in Scope
    )
    return Enforcement(scopes, _uncovered_warnings(enforced, tokens))


def _uncovered_warnings(enforced: Sequence[Scope], tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(
        f"Authentication is on for {scope}, and no active production token covers it: all such "
        "requests are refused. Activate a token that covers it, create one, or turn authentication "
        "off."
        for scope in enforced
        if not any(token.covers(scope) for token in tokens)
    )
