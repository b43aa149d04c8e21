"""What a user's newest facts make of them, given what stands already.

A tail is the part of a history that may have changed: from the start of a run of signals (see
`sessions.runs`) to the user's end. Before it no session is running, so what stands there stays;
`decide` gives what has to stand from there on. With the whole history as tail, it decides anew.

Facts are committed before they are decided, and by several workers at once. So between two commits
a tail may be of a user whom nobody has decided yet, may hold signals of others' batches, or none:
`decide` has an answer for every one of them.
"""

from functools import cached_property

import msgspec

from workers.core.attribution import Attribution, attribute, resume
from workers.core.history import Click, History, Identity, Signal, identity_of
from workers.core.rules import Rules
from workers.core.sessions import Session, sessionize


class Tail(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # the identity is kept
    """`prior` is the attribution in force before `signals`, `last_session` the last one then.

    `known` is the identity as of the last decision. `has_earlier` tells that signals of the user
    stand before these; with such a tail and no prior, `decide` would take a later signal for their
    first (`needs_all`).
    """

    app: str
    known: Identity
    signals: tuple[Signal, ...]
    prior: Attribution | None
    last_session: Session | None
    has_earlier: bool = False

    @cached_property
    def identity(self) -> Identity:
        """Everything this user is known by, the tail's news included."""
        return self.known | identity_of(self.signals)

    @property
    def tells_news(self) -> bool:
        """Whether an id is new: it may tie old clicks to the user, so all is decided again."""
        return self.prior is not None and self.identity != self.known

    @property
    def needs_all(self) -> bool:
        """Whether the user is to be decided from all their signals instead of from this tail."""
        return self.tells_news or (self.prior is None and self.has_earlier)


class Decision(msgspec.Struct, frozen=True):
    """What stands from the tail's start on. `first` is the user's first signal, if it is in it."""

    attributions: tuple[Attribution, ...]
    sessions: tuple[Session, ...]
    identity: Identity
    first: Signal | None


def decide(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
    """Decide what stands from the tail's start on; a user without a signal gets nothing.

    `clicks` as `history.History` asks for them.
    """
    history = History(app=tail.app, signals=tail.signals, clicks=clicks, known=tail.known)
    if tail.prior is None:
        attributions = attribute(history, rules)
    else:
        attributions = resume(history, tail.prior, tail.last_session, rules)
    return Decision(
        attributions,
        sessionize(tail.signals, rules.session_timeout_ms),
        tail.identity,
        _first(tail),
    )


def _first(tail: Tail) -> Signal | None:
    """Find the user's first signal, which a tail behind an attribution does not hold."""
    if tail.prior is not None:
        return None
    return min(tail.signals, key=lambda signal: signal.moment, default=None)
