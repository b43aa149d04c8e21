"""The facts that decisions are made from: a user's signals, and the clicks that may concern them.

Facts are immutable and may arrive in any order, late, and more than once. What orders them is the
`Moment`: when a thing happened, then the receipt that it got. Times are integer Unix milliseconds,
UTC. Ids are text, compared by code point (PostgreSQL: COLLATE "C").
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from shared.device_ids import identifying
from workers.core.devices import Device


class Moment(msgspec.Struct, frozen=True, order=True):
    """A place in a user's history. Two signals never share one, for a receipt names one fact."""

    time_ms: int
    receipt: str


class SignalKind(StrEnum):
    """What a user did. A call that asks to "attribute this user now" is an EVENT."""

    OPEN = "open"
    EVENT = "event"
    AD_REVENUE = "ad_revenue"


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a user did, with what its call told about them.

    `device_ids` and `address` are as the sender gave them: junk and private ones are set aside by
    the core, and need no cleaning before. `click_ids` holds the call's `click_id` and its `user_id`
    when that has the form of a click id, whether or not such a click is known.
    """

    receipt: str
    time_ms: int
    kind: SignalKind
    device_ids: frozenset[str] = frozenset()
    click_ids: frozenset[str] = frozenset()
    address: str | None = None
    device: Device | None = None

    @property
    def moment(self) -> Moment:
        return Moment(self.time_ms, self.receipt)


class OriginKind(StrEnum):
    LINK = "link"  # a partner's tracking link; the name is the link's id
    SOURCE = "source"  # no link of ours, but the click says who sent it; see `sources`


class Origin(msgspec.Struct, frozen=True):
    """Who is paid for a click: what a click is credited to."""

    kind: OriginKind
    name: str


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded click. Without an origin it lends what it knows of a visitor, never credit."""

    id: str
    time_ms: int
    app: str
    origin: Origin | None = None
    device_ids: frozenset[str] = frozenset()
    address: str | None = None
    device: Device | None = None


class Identity(msgspec.Struct, frozen=True):
    """What a user is known by: the device ids and click ids that their calls have ever carried.

    The device ids are in the form in which they are compared (`devices.identifying`).
    """

    device_ids: frozenset[str] = frozenset()
    click_ids: frozenset[str] = frozenset()

    def __or__(self, other: "Identity") -> "Identity":
        return Identity(self.device_ids | other.device_ids, self.click_ids | other.click_ids)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One user of one app: their signals, the clicks found for them, and who they are.

    `clicks` may hold any clicks at all; those that matter are chosen here. An answer is exact when
    none of these is missing, for any moment `m` at which something is decided:

    - a click of the app whose id the user carries, not older than `rules.CLICK_AGE_MS_MAX` at `m`;
    - one that shares a device id with the user or with a click above, of the same age;
    - at the user's first signal: one with the address and the device of that signal, or of a click
      of the first kind, not older than `Rules.click_probabilistic_ms`.

    `known` is the identity told by calls that are not among `signals`, for histories given in part.
    """

    app: str
    signals: tuple[Signal, ...] = ()
    clicks: tuple[Click, ...] = ()
    known: Identity = Identity()

    @property
    def identity(self) -> Identity:
        return self.known | identity_of(self.signals)


def identity_of(signals: Iterable[Signal]) -> Identity:
    """Everything by which these signals say they know their user."""
    device_ids: set[str] = set()
    click_ids: set[str] = set()
    for signal in signals:
        device_ids |= signal.device_ids
        click_ids |= signal.click_ids
    return Identity(identifying(device_ids), frozenset(click_ids))


def in_order(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """The signals by moment, each receipt once."""
    by_receipt = {signal.receipt: signal for signal in signals}
    return tuple(sorted(by_receipt.values(), key=lambda signal: (signal.time_ms, signal.receipt)))
