"""Enforcement: for which scopes a request in the Adjust dialect needs a token.

Off for a new app. Off, every request is accepted, and the integration check says what enforcement
would have answered. The Swaarm dialect always needs its token, which is what names the app.

Source of the rules: Adjust, "Set up server-to-server (S2S) security".
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from console.security.token_table import Token, in_order, read_tokens
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.scopes import Scope

# What has to be read before it is switched on.
ONLY_CONFIGURED_TOKENS = (
    "From now on only requests with a configured token will work. In the Adjust dialect, a request "
    "without an active token of this app, or with one that lacks its scope, will be refused (401) "
    "and not kept. Google Tag Manager cannot send a token: what it sends will be refused."
)
SWITCHED_OFF = (
    "This was the app's last active token, so enforcement is switched off: in the Adjust dialect "
    "requests without a token are accepted again."
)


@dataclass(frozen=True)
class ScopeProtection:
    """Whether a scope is enforced, and the names of the active tokens that cover it."""

    scope: Scope
    enforced: bool
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Enforcement:
    """How an app is protected, scope by scope. Warnings are sentences for its team."""

    scopes: tuple[ScopeProtection, ...]
    warnings: tuple[str, ...] = ()

    @property
    def enforced(self) -> tuple[Scope, ...]:
        return tuple(each.scope for each in self.scopes if each.enforced)


def read_enforcement(connection: Connection, app: App) -> Enforcement:
    return _described(enforced_scopes(connection, app), read_tokens(connection, app))


def enable_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope] = tuple(Scope)
) -> Enforcement:
    """Enforce these scopes too. Who asks must have agreed to ONLY_CONFIGURED_TOKENS.

    Raises OperatorError when one of them has no active token that covers it, or the change cannot
    be published; NotAllowed.
    """
    return _change(resources, actor, app, lambda stand: [*stand, *scopes])


def disable_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope] = tuple(Scope)
) -> Enforcement:
    """Enforce these scopes no more.

    Raises OperatorError when the change cannot be published; NotAllowed.
    """
    return _change(
        resources, actor, app, lambda stand: [scope for scope in stand if scope not in scopes]
    )


def set_enforcement(
    resources: Resources, actor: Actor, app: App, scopes: Collection[Scope]
) -> Enforcement:
    """Enforce these scopes and no others, in one step. Otherwise as `enable_enforcement`."""
    return _change(resources, actor, app, lambda _: [*scopes])


def enforced_scopes(connection: Connection, app: App) -> tuple[Scope, ...]:
    return _read(connection, app, "SELECT enforced_scopes FROM apps WHERE id = %s")


def lock_enforcement(connection: Connection, app: App) -> tuple[Scope, ...]:
    """The enforced scopes. Until the transaction ends nobody else changes them, or the tokens."""
    return _read(
        connection, app, "SELECT enforced_scopes FROM apps WHERE id = %s FOR NO KEY UPDATE"
    )


def settle_enforcement(
    connection: Connection, actor: Actor, app: App, enforced: tuple[Scope, ...], before: Token
) -> tuple[str, ...]:
    """After a token stopped to cover something; `before` is what it was. What its team must know.

    Enforcement without any active token would lock every sender out: it is switched off with the
    last one. One that merely expires does not: nobody has decided that, and an attacker could wait
    for it.
    """
    if not enforced:
        return ()
    tokens = read_tokens(connection, app)
    if before.active and not any(token.active for token in tokens):
        _enforce(connection, actor, app, enforced, ())
        return (SWITCHED_OFF,)
    return _uncovered_warnings(enforced, tokens)


def _change(
    resources: Resources,
    actor: Actor,
    app: App,
    choose: Callable[[tuple[Scope, ...]], list[Scope]],
) -> Enforcement:
    """Enforce what `choose` makes of what is enforced."""
    require_admin(actor)
    with published(resources):
        stand = lock_enforcement(resources.connection, app)
        enforced = in_order(choose(stand))
        tokens = read_tokens(resources.connection, app)
        _require_covered([scope for scope in enforced if scope not in stand], tokens)
        _enforce(resources.connection, actor, app, stand, enforced)
    return _described(enforced, tokens)


def _read(connection: Connection, app: App, statement: str) -> tuple[Scope, ...]:
    row = run(connection, statement, (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return in_order(row[0])


def _require_covered(scopes: Sequence[Scope], tokens: Sequence[Token]) -> None:
    if scopes and not any(token.active for token in tokens):
        raise OperatorError(
            "Enforcement cannot be switched on without an active token. Make one.",
            "See `waybill token create`.",
        )
    if bare := [scope for scope in scopes if not any(token.covers(scope) for token in tokens)]:
        raise OperatorError(
            f"No active token covers {' and '.join(bare)}, so all such requests would be refused. "
            "Add the scope to a token, or make one that has it.",
            "See `waybill token edit`.",
        )


def _enforce(
    connection: Connection,
    actor: Actor,
    app: App,
    stand: tuple[Scope, ...],
    enforced: tuple[Scope, ...],
) -> None:
    if enforced == stand:
        return
    run(connection, "UPDATE apps SET enforced_scopes = %s WHERE id = %s", (list(enforced), app.id))
    told = Change(Action.ENFORCEMENT, app.name, {"scopes": stand}, {"scopes": enforced})
    record_change(connection, actor, app.id, told)


def _described(enforced: tuple[Scope, ...], tokens: Sequence[Token]) -> Enforcement:
    scopes = tuple(
        ScopeProtection(
            scope, scope in enforced, tuple(token.name for token in tokens if token.covers(scope))
        )
        for scope in Scope
    )
    return Enforcement(scopes, _uncovered_warnings(enforced, tokens))


def _uncovered_warnings(enforced: Sequence[Scope], tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(
        f"{scope} is enforced, and no active token covers it: all such requests are refused. "
        "Activate a token that covers it, make one, or disable enforcement."
        for scope in enforced
        if not any(token.covers(scope) for token in tokens)
    )
