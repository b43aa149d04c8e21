"""Decides what a user's newest facts change, given the decisions that are already in force.

A tail is the part of a history that may have changed: from the start of a run of signals (see
`sessions.runs`) to the end of the history. No session is running before it, so earlier decisions
stay in force; `decide` returns the decisions from there on. With the whole history as the tail, it
recalculates everything.

Facts are committed before they are decided, and by several workers at once. So between two commits
a tail may belong to a user who was never decided, may hold signals of other workers' batches, or
none at all: `decide` has an answer for each of these cases.
"""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from workers.core.attribution import Attribution, LastActivity, attribute, resume
from workers.core.history import Click, History, Identity, Signal, in_order
from workers.core.rules import Rules
from workers.core.sessions import Session, sessionize
from workers.core.uses import ClickUse


class Tail(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # the identity is kept
    """The end of a user's history, with the decisions in force before it.

    `prior` is the attribution in force before `signals`, `last_session` the last session then.
    `known` is the identity as of the last decision. `has_earlier` tells whether the user has
    signals before these; with such a tail and no prior, `decide` would take a later signal for the
    user's first (`needs_all`). `last_signal_ms` is the time of the last of those, 0 without any;
    `newcomers`, `wide` and `used_from_ms` are as `history.History` has them. A tail may also start
    in the middle of a run, at a mark of it (`sessions.RunMark`): then `running` is the last session
    as of there. `told_elsewhere` are ids of other signals that have not been decided yet.
    """

    app: str
    known: Identity
    signals: tuple[Signal, ...]
    prior: Attribution | None
    last_session: Session | None
    has_earlier: bool = False
    last_signal_ms: int = 0
    newcomers: Mapping[str, int] = {}
    wide: Identity = Identity()
    running: Session | None = None
    used_from_ms: Mapping[str, int] = {}
    told_elsewhere: Identity = Identity()

    @property
    def told(self) -> Identity:
        """Returns all ids that signals carry which are decided now, however many."""
        told, elsewhere = in_order(self.signals).told, self.told_elsewhere
        if not (elsewhere.device_ids or elsewhere.click_ids):
            return told
        return Identity(
            told.device_ids | elsewhere.device_ids, told.click_ids | elsewhere.click_ids
        )

    @cached_property
    def identity(self) -> Identity:
        """Returns all ids of this user, including those that are new in the tail."""
        return self.known | self.told

    @property
    def identifying(self) -> Identity:
        """Returns those of the ids that may identify the user."""
        return self.identity.without(self.wide)

    @property
    def has_new_ids(self) -> bool:
        """Tells whether an id is new: it may match old clicks, so everything is recalculated."""
        nobodys = Identity()
        return (
            self.prior is not None
            and self.identity is not self.known
            and (self.identity.without(nobodys) != self.known.without(nobodys))
        )

    @property
    def needs_all(self) -> bool:
        """Tells whether the user must be decided from all signals instead of from this tail."""
        return self.has_new_ids or (self.prior is None and self.has_earlier)

    @property
    def last_activity(self) -> LastActivity:
        """Returns what the user did before the tail; nothing is later than the rows hold of it."""
        session_ms = self.last_session.last_activity_ms if self.last_session else 0
        decided_ms = self.prior.moment.time_ms if self.prior else 0
        last_ms = max(self.last_signal_ms, session_ms, decided_ms)
        return LastActivity(last_ms, self.last_session)


class Decision(msgspec.Struct, frozen=True):
    """The decisions from the start of the tail on.

    `first` is the user's first signal, if it is in the tail. `uses` are the clicks that the
    decisions depend on where clicks are used up.
    """

    attributions: tuple[Attribution, ...]
    sessions: tuple[Session, ...]
    identity: Identity
    first: Signal | None
    uses: tuple[ClickUse, ...] = ()


def decide(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
    """Decides everything from the tail's start on; a user without signals gets no decisions.

    `clicks` must hold what `history.History` requires.
    """
    history = History(
        app=tail.app,
        signals=tail.signals,
        clicks=clicks,
        known=tail.identity,
        newcomers=tail.newcomers,
        wide=tail.wide,
        used_from_ms=tail.used_from_ms,
    )
    uses: list[ClickUse] = []
    if tail.prior is None:
        attributions = attribute(history, rules, uses)
        first = next(iter(in_order(tail.signals)), None)
    else:
        attributions = resume(history, tail.prior, tail.last_activity, rules, uses)
        first = None  # it lies before the tail
    return Decision(
        attributions,
        sessionize(tail.signals, rules.session_timeout_ms, tail.running),
        tail.identity,
        first,
        tuple(uses),
    )
