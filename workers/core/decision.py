"""What a user's newest facts make of them, given what stands already.

A tail is the part of a history that may have changed: from the start of a run of signals (see
`sessions.runs`) to the user's end. Before it no session is running, so what stands there stays;
`decide` gives what has to stand from there on. With the whole history as tail, it decides anew.
"""

from functools import cached_property

import msgspec

from workers.core.attribution import Attribution, attribute, resume
from workers.core.history import Click, History, Identity, Signal, identity_of
from workers.core.rules import Rules
from workers.core.sessions import Session, sessionize


class Tail(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # the identity is kept
    """`prior` is the attribution in force before `signals`, `last_session` the last one then.

    `known` is the identity as of the last decision. Without a prior, `signals` are all there are.
    """

    app: str
    known: Identity
    signals: tuple[Signal, ...]
    prior: Attribution | None
    last_session: Session | None

    @cached_property
    def identity(self) -> Identity:
        """Everything this user is known by, the tail's news included."""
        return self.known | identity_of(self.signals)

    @property
    def tells_news(self) -> bool:
        """Whether an id is new: it may tie old clicks to the user, so all is decided again."""
        return self.prior is not None and self.identity != self.known


class Decision(msgspec.Struct, frozen=True):
    """What stands from the tail's start on. `first` is the user's first signal, if it is in it."""

    attributions: tuple[Attribution, ...]
    sessions: tuple[Session, ...]
    identity: Identity
    first: Signal | None


def decide(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
    """`clicks` as `history.History` asks for them."""
    history = History(app=tail.app, signals=tail.signals, clicks=clicks, known=tail.known)
    if tail.prior is None:
        attributions = attribute(history, rules)
    else:
        attributions = resume(history, tail.prior, tail.last_session, rules)
    return Decision(
        attributions,
        sessionize(tail.signals, rules.session_timeout_ms),
        tail.identity,
        min(tail.signals, key=lambda signal: signal.moment) if tail.prior is None else None,
    )
