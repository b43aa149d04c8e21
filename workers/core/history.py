"""Defines the facts that decisions are made from: a user's signals, and clicks that may matter.

Facts are immutable and may arrive in any order, late, and more than once. They are ordered by event
time, then by content (`in_order`); a `Moment` names one by its time and its receipt. Times are
integer Unix milliseconds, UTC. Ids are text, compared by code point (PostgreSQL: COLLATE "C").
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import takewhile
from typing import Any, Final

import msgspec

from shared.device_ids import identifying
from workers.core.addresses import public_address
from workers.core.devices import Device

# Nobody has that many: a user who names more is a shared or made-up one, and is identified by none
# of them. With each event every id is looked up, so this bounds what an event costs.
USER_DEVICE_IDS_MAX: Final = 100
USER_CLICK_IDS_MAX: Final = 1000


class Moment(msgspec.Struct, frozen=True, order=True):
    """A signal's time and its name; receipts name one fact each, so no two signals share one."""

    time_ms: int
    receipt: str


class SignalKind(StrEnum):
    """The kinds of user activity; a call that asks to "attribute this user now" is an EVENT."""

    OPEN = "open"
    EVENT = "event"
    AD_REVENUE = "ad_revenue"


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A single action of a user, with what its call reported about them.

    `device_ids` and `address` are as the sender gave them: the core ignores junk and private ones,
    so they need no cleaning before. `click_ids` holds the call's `click_id` and its `user_id` when
    that has the form of a click id, whether or not such a click is known.
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
    """The kinds of origin that a click can be credited to."""

    LINK = "link"  # a partner's tracking link; the name is the link's id
    SOURCE = "source"  # no link of ours, but the click names its source; see `sources`


class Origin(msgspec.Struct, frozen=True):
    """The link or source that a click is credited to, and so the party paid for it."""

    kind: OriginKind
    name: str


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded click; without an origin it lends its evidence of a visitor, never credit.

    `is_view` marks an impression: it lends nothing, and any click comes before it.
    """

    id: str
    time_ms: int
    app: str
    origin: Origin | None = None
    device_ids: frozenset[str] = frozenset()
    address: str | None = None
    device: Device | None = None
    is_view: bool = False


class Identity(msgspec.Struct, frozen=True):
    """The device ids and click ids that a user's calls have ever carried.

    The device ids are normalised for comparison (`shared.device_ids.identifying`). Of more than a
    user may have, the first are kept, one too many: which of them does not matter any more.
    """

    device_ids: frozenset[str] = frozenset()
    click_ids: frozenset[str] = frozenset()

    def __or__(self, other: "Identity") -> "Identity":
        is_known = other.device_ids <= self.device_ids and other.click_ids <= self.click_ids
        if is_known and self.is_bounded:
            return self
        return Identity(
            _first(self.device_ids | other.device_ids, USER_DEVICE_IDS_MAX + 1),
            _first(self.click_ids | other.click_ids, USER_CLICK_IDS_MAX + 1),
        )

    @property
    def is_bounded(self) -> bool:
        """Tells whether these are no more ids than a user may have."""
        return (
            len(self.device_ids) <= USER_DEVICE_IDS_MAX
            and len(self.click_ids) <= USER_CLICK_IDS_MAX
        )

    def without(self, wide: "Identity") -> "Identity":
        """Returns the ids that identify the user: none of `wide`, and none of too many."""
        if self.is_bounded and not (wide.device_ids or wide.click_ids):
            return self
        devices, clicks = self.device_ids, self.click_ids
        return Identity(
            devices - wide.device_ids if len(devices) <= USER_DEVICE_IDS_MAX else frozenset(),
            clicks - wide.click_ids if len(clicks) <= USER_CLICK_IDS_MAX else frozenset(),
        )


def _first(ids: frozenset[str], count: int) -> frozenset[str]:
    return ids if len(ids) <= count else frozenset(sorted(ids)[:count])


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The signals, candidate clicks and identity of a user of an app.

    `clicks` may hold any clicks; the core selects those that matter. A decision is exact when none
    of these is missing, for any moment `m` at which something is decided:

    - a click of the app whose id the user carries, not older than `rules.CLICK_AGE_MS_MAX` at `m`;
    - a click that shares a device id with the user or with a click above, of the same age;
    - at the user's first signal: a click with the address of that signal, or of a click of the
      first kind, and of the same platform, not older than `Rules.click_probabilistic_ms`;
    - at the user's first signal: an impression that shares a device id or an address as above, not
      older than `Rules.view_device_id_ms` or `Rules.view_probabilistic_ms`.

    `newcomers` are the other users who were first seen at an address in the same time, by address;
    more than `Rules.uncertain_devices_max` need not be counted. `known` is the identity from calls
    that are not among `signals`, for partial histories. `wide` are the ids that too many users
    name, or clicks lend, and that identify nobody. `used_from_ms` is, for clicks that other users
    were credited with, the first millisecond at which they are used up for this one (`uses`).
    """

    app: str
    signals: tuple[Signal, ...] = ()
    clicks: tuple[Click, ...] = ()
    known: Identity = Identity()
    newcomers: Mapping[str, int] = {}
    wide: Identity = Identity()
    used_from_ms: Mapping[str, int] = {}

    @property
    def identity(self) -> Identity:
        """Returns the ids that identify the user, from these signals and from earlier ones."""
        return (self.known | in_order(self.signals).told).without(self.wide)


class OrderedSignals(tuple[Signal, ...]):
    """Signals in order, each receipt once. To put them in order again costs nothing."""

    @cached_property
    def told(self) -> Identity:
        """Returns all ids that these signals carry, however many."""
        device_ids: set[str] = set()
        click_ids: set[str] = set()
        for signal in self:
            device_ids |= signal.device_ids
            click_ids |= signal.click_ids
        return Identity(identifying(device_ids), frozenset(click_ids))


def in_order(signals: Iterable[Signal]) -> OrderedSignals:
    """Sorts the signals, each receipt once, so that the order of arrival decides nothing.

    Within a millisecond, which is a second of senders who count in seconds, it is their content
    that decides: an open comes first, what is told before what is not, then the content itself.
    The receipt decides only between signals that tell the same.
    """
    if isinstance(signals, OrderedSignals):
        return signals
    by_receipt = {signal.receipt: signal for signal in signals}
    if len(by_receipt) < 2:  # most tails
        return OrderedSignals(by_receipt.values())
    ordered = sorted(by_receipt.values(), key=lambda signal: signal.time_ms)
    if len({signal.time_ms for signal in ordered}) < len(ordered):
        ordered.sort(key=_place)
    return OrderedSignals(ordered)


def _place(signal: Signal) -> tuple[Any, ...]:
    address = public_address(signal.address)
    device = signal.device or Device("", "")
    device_ids = sorted(identifying(signal.device_ids))  # what is junk tells nothing
    return (
        signal.time_ms,
        signal.kind is not SignalKind.OPEN,
        address is None,
        not device.os,
        not device_ids,
        sorted(signal.click_ids),
        device_ids,
        address or "",
        (device.family, device.os, device.os_version, device.is_bot),
        signal.kind,
        signal.receipt,
    )


def first_located(ordered: Sequence[Signal]) -> Signal:
    """Returns the first signal of the first moment that says where the user is, else the first.

    Two calls of one launch are sent at once, and often one of them alone carries the address.
    """
    first_ms = ordered[0].time_ms
    if len(ordered) == 1 or ordered[1].time_ms != first_ms:  # most users
        return ordered[0]
    moment = takewhile(lambda signal: signal.time_ms == first_ms, ordered)
    located = (signal for signal in moment if public_address(signal.address) is not None)
    return next(located, ordered[0])
