"""Tokens and enforcement under any order of changes, against a model that knows the rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from console.apps.apps import App, create_app
from console.resources import Resources
from console.security import new_tokens, tokens
from console.security.enforcement import (
    SWITCHED_OFF,
    disable_enforcement,
    enable_enforcement,
    enforced_scopes,
)
from console.security.new_tokens import NewToken
from console.security.tokens import ChangedToken
from shared.errors import OperatorError
from shared.scopes import Scope
from shared.snapshot import decode_snapshot
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

SCOPES = st.sets(st.sampled_from(Scope)).map(lambda some: tuple(s for s in Scope if s in some))
SOME = SCOPES.filter(bool)


@dataclass(frozen=True)
class Model:
    """A token according to the rules."""

    scopes: tuple[Scope, ...]
    stopped: bool = False
    revoked: bool = False
    expired: bool = False
    test: bool = False

    @property
    def active(self) -> bool:
        return not (self.stopped or self.revoked or self.expired)

    @property
    def state(self) -> str:
        named = [("revoked", self.revoked), ("inactive", self.stopped), ("expired", self.expired)]
        return next((state for state, holds in named if holds), "active")

    @property
    def protects(self) -> bool:
        return self.active and not self.test

    def covers(self, scope: Scope) -> bool:
        return self.protects and (not self.scopes or scope in self.scopes)


class Protection(RuleBasedStateMachine):
    """Each rule changes the product and the model; the invariants compare them."""

    resources: Resources
    _apps = 0

    @initialize(scopes=SCOPES)
    def begin(self, scopes: tuple[Scope, ...]) -> None:
        """Starts with one token that is accepted for everything, and these scopes enforced."""
        Protection._apps += 1
        self.app: App = create_app(self.resources, ADMIN, f"App {Protection._apps}")
        self.model: dict[str, Model] = {}
        self.enforced: set[Scope] = set()
        self.create(())
        if scopes:
            self.enable(scopes)

    def attempt(self, done: Callable[[], object], *, allowed: bool) -> object:
        if allowed:
            return done()
        with pytest.raises(OperatorError):
            done()
        return None

    def draw_name(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.model)))

    @rule(scopes=SCOPES, test=st.booleans())
    def create(self, scopes: tuple[Scope, ...], test: bool = False) -> None:
        name = f"token {len(self.model)}"
        allowed = bool(scopes) or not self.enforced
        new = NewToken(name, scopes, test)
        self.attempt(
            lambda: new_tokens.create_token(self.resources, ADMIN, self.app, new), allowed=allowed
        )
        if allowed:
            self.model[name] = Model(scopes, test=test)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def rotate(self, data: st.DataObject) -> None:
        first, second = self.draw_name(data), f"token {len(self.model)}"
        stands = self.model[first]
        allowed = stands.active and (bool(stands.scopes) or not self.enforced)
        self.attempt(
            lambda: new_tokens.rotate_token(self.resources, ADMIN, self.app, first, second),
            allowed=allowed,
        )
        if allowed:
            self.model[second] = Model(stands.scopes, test=stands.test)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), scopes=SCOPES)
    def edit(self, data: st.DataObject, scopes: tuple[Scope, ...]) -> None:
        name = self.draw_name(data)
        stands = self.model[name]
        loses_all = bool(stands.scopes) and not scopes and bool(self.enforced)
        allowed = not stands.revoked and not loses_all
        self.attempt(
            lambda: tokens.edit_token(self.resources, ADMIN, self.app, name, scopes),
            allowed=allowed,
        )
        if allowed:
            self.model[name] = replace(stands, scopes=scopes)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        name = self.draw_name(data)
        stands = self.model[name]
        self.attempt(
            lambda: tokens.activate_token(self.resources, ADMIN, self.app, name),
            allowed=not stands.revoked,
        )
        self.model[name] = replace(stands, stopped=stands.stopped and stands.revoked)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def deactivate(self, data: st.DataObject) -> None:
        name = self.draw_name(data)
        stands = self.model[name]
        changed = self.attempt(
            lambda: tokens.deactivate_token(self.resources, ADMIN, self.app, name),
            allowed=not stands.revoked,
        )
        if not stands.revoked:
            self.model[name] = replace(stands, stopped=True)
            self.after_stopping(stands, changed)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        name = self.draw_name(data)
        stands = self.model[name]
        changed = tokens.revoke_token(self.resources, ADMIN, self.app, name)
        self.model[name] = replace(stands, revoked=True)
        self.after_stopping(stands, changed)

    def after_stopping(self, stands: Model, changed: object) -> None:
        """Stopping the last active production token turns enforcement off, with a warning."""
        assert isinstance(changed, ChangedToken)
        was_last = stands.protects and not any(token.protects for token in self.model.values())
        assert (SWITCHED_OFF in changed.warnings) is (was_last and bool(self.enforced))
        if was_last:
            self.enforced = set()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        """Expires a token, as time does; nothing else changes."""
        name = self.draw_name(data)
        self.resources.connection.execute(
            "UPDATE tokens SET expires_at = now() WHERE app_id = %s AND name = %s",
            (self.app.id, name),
        )
        self.model[name] = replace(self.model[name], expired=True)

    @rule(scopes=SOME)
    def enable(self, scopes: tuple[Scope, ...]) -> None:
        covered = {scope for scope in Scope if any(t.covers(scope) for t in self.model.values())}
        allowed = set(scopes) - self.enforced <= covered
        self.attempt(
            lambda: enable_enforcement(self.resources, ADMIN, self.app, scopes), allowed=allowed
        )
        if allowed:
            self.enforced |= set(scopes)

    @rule(scopes=SOME)
    def disable(self, scopes: tuple[Scope, ...]) -> None:
        disable_enforcement(self.resources, ADMIN, self.app, scopes)
        self.enforced -= set(scopes)

    @invariant()
    def enforcement_is_what_the_rules_make_of_it_in_the_tables_and_for_ingest(self) -> None:
        assert set(enforced_scopes(self.resources.connection, self.app)) == self.enforced
        data = self.resources.redis.get(NAMES.snapshot)
        assert isinstance(data, bytes)
        assert set(decode_snapshot(data).apps[self.app.app_token].enforced) == self.enforced

    @invariant()
    def tokens_are_what_the_rules_make_of_them(self) -> None:
        listed = {token.name: token for token in tokens.list_tokens(self.resources, self.app)}
        assert listed.keys() == self.model.keys()
        for name, model in self.model.items():
            assert (listed[name].state, listed[name].scopes) == (model.state, model.scopes)


def test_tokens_and_enforcement_keep_their_rules_whatever_is_done_to_them(
    resources: Resources,
) -> None:
    Protection.resources = resources
    run_state_machine_as_test(
        Protection,
        settings=settings(
            max_examples=50,
            stateful_step_count=12,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),  # to shrink a history takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
