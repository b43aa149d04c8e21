"""The tables of users in a few lines: facts and decisions, as `decisions.derive` keeps them."""

from dataclasses import dataclass, field

from tests.support.between_commits import Does, Step
from tests.support.oracle import Call, Click, newcomers_before
from tests.support.worlds import World
from tests.unit.workers.core.build import identity_of
from tests.unit.workers.core.oracle_facts import click_of, rules_of, signal_of, wide_identity
from workers.core.attribution import Attribution
from workers.core.decision import Tail, decide
from workers.core.history import Identity, Moment, Signal, in_order
from workers.core.sessions import Session

UserKey = tuple[str, str]  # app, user id


@dataclass
class User:
    """Their facts, and what stands: as of the last decision, which others may have overtaken."""

    known: Identity
    signals: dict[str, Signal] = field(default_factory=dict)
    attributions: list[Attribution] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    first: Signal | None = None


@dataclass
class Tables:
    world: World
    users: dict[UserKey, User] = field(default_factory=dict)
    clicks: dict[str, Click] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    decided_first: list[UserKey] = field(default_factory=list)

    def take(self, step: Step[Call | Click]) -> None:
        """Do what one transaction does. `decided_first` are then who had no decision before it."""
        self.decided_first = []
        match step.does:
            case Does.RECORD:
                self._record(step.facts)
            case Does.DERIVE:
                for user, from_ms in self._concerned(step.facts).items():
                    self._decide(user, from_ms)
            case Does.RECOMPUTE:
                for user in self.users:
                    self._decide(user, 0)

    def _record(self, facts: tuple[Call | Click, ...]) -> None:
        calls = [fact for fact in facts if isinstance(fact, Call)]
        made = {(it.app, it.user) for it in calls} - self.users.keys()
        for key in made:
            told = [signal_of(it) for it in calls if (it.app, it.user) == key]
            self.users[key] = User(identity_of(told))
        self.calls += calls
        for call in calls:
            self.users[call.app, call.user].signals[call.receipt] = signal_of(call)
        self.clicks |= {fact.id: fact for fact in facts if isinstance(fact, Click)}

    def _concerned(self, facts: tuple[Call | Click, ...]) -> dict[UserKey, int]:
        """A click concerns everybody here, a call those who came later: too many is harmless.

        Either may make an id a wide one, for everybody and all of the past.
        """
        concerned: dict[UserKey, int] = {}
        for fact in facts:
            own = [(fact.app, fact.user)] if isinstance(fact, Call) else list(self.users)
            if fact.device_ids or (isinstance(fact, Call) and fact.click_id):
                concerned |= dict.fromkeys(self.users, 0)
            for user in own:
                concerned[user] = min(fact.time_ms, concerned.get(user, fact.time_ms))
            if isinstance(fact, Call):
                self._add_coupled(fact, concerned)
        return concerned

    def _add_coupled(self, call: Call, concerned: dict[UserKey, int]) -> None:
        """Everybody who came after the call: whether it was first there, or moved its user."""
        for key, user in self.users.items():
            first_ms = min(signal.time_ms for signal in user.signals.values())
            if key[0] == call.app and first_ms >= call.time_ms:
                concerned[key] = min(first_ms, concerned.get(key, first_ms))

    def _decide(self, key: UserKey, from_ms: int) -> None:
        user = self.users[key]
        rules = rules_of(self.world.rules)
        signals = in_order(user.signals.values())
        start = self._start(signals, from_ms, rules.session_timeout_ms)
        tail = self._tail(key, signals, start)
        if tail.needs_all:
            start = Moment(0, "")
            tail = self._tail(key, signals, start)
        if not user.attributions:
            self.decided_first.append(key)
        clicks = tuple(click_of(it) for it in self.clicks.values())
        decision = decide(tail, clicks, rules)
        before = [it for it in user.attributions if it.moment < start]
        user.attributions = [*before, *decision.attributions]
        user.sessions = [*(it for it in user.sessions if it.start < start), *decision.sessions]
        user.known = decision.identity
        user.first = decision.first or user.first

    def _start(self, signals: tuple[Signal, ...], from_ms: int, timeout_ms: int) -> Moment:
        """Where the run around this moment starts."""
        start_ms = from_ms
        for signal in reversed(signals):
            if signal.time_ms < start_ms and start_ms - signal.time_ms < timeout_ms:
                start_ms = signal.time_ms
        return Moment(start_ms, "")

    def _tail(self, key: UserKey, signals: tuple[Signal, ...], start: Moment) -> Tail:
        user = self.users[key]
        prior = [it for it in user.attributions if it.moment < start]
        sessions = [it for it in user.sessions if it.start < start]
        return Tail(
            app=key[0],
            known=user.known,
            signals=tuple(it for it in signals if it.moment >= start),
            prior=prior[-1] if prior else None,
            last_session=sessions[-1] if sessions else None,
            has_earlier=any(it.moment < start for it in signals),
            last_signal_ms=max((it.time_ms for it in signals if it.moment < start), default=0),
            newcomers=self._newcomers(key),
            wide=wide_identity(
                key[0], self.calls, self.clicks.values(), self.world.rules.users_max
            ),
        )

    def _newcomers(self, key: UserKey) -> dict[str, int]:
        calls = [
            Call(app=app, user=name, receipt="", time_ms=signal.time_ms, address=signal.address)
            for (app, name), user in self.users.items()
            for signal in user.signals.values()
        ]
        own = [call for call in calls if (call.app, call.user) == key]
        return newcomers_before(own, calls, self.world.rules.probabilistic_ms) if own else {}
