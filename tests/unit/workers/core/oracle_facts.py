"""Facts of the oracle as the product has them, and its decisions as the oracle has them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.support import oracle
from tests.support.oracle import Timeline
from workers.core.attribution import Attribution
from workers.core.devices import Device
from workers.core.history import Click, Identity, Origin, OriginKind, Signal, SignalKind
from workers.core.rules import Rules
from workers.core.sessions import Session


def rules_of(rules: oracle.Rules) -> Rules:
    return Rules(
        click_deterministic_ms=rules.deterministic_ms,
        click_probabilistic_ms=rules.probabilistic_ms,
        reattribution_window_ms=rules.reattribution_ms,
        inactivity_ms=rules.inactivity_ms,
        session_timeout_ms=rules.timeout_ms,
        uncertain_devices_max=rules.devices_max,
        identifier_users_max=rules.users_max,
        view_device_id_ms=rules.view_device_ms,
        view_probabilistic_ms=rules.view_address_ms,
        click_users_max=rules.click_users_max,
    )


def device_of(device: oracle.Device | None) -> Device | None:
    return Device(*device) if device else None


def signal_of(call: oracle.Call) -> Signal:
    return Signal(
        receipt=call.receipt,
        time_ms=call.time_ms,
        kind=SignalKind.OPEN if call.is_open else SignalKind.EVENT,
        device_ids=frozenset(call.device_ids),
        click_ids=frozenset(filter(None, (call.user, call.click_id))),
        address=call.address,
        device=device_of(call.device),
    )


def click_of(click: oracle.Click) -> Click:
    return Click(
        id=click.id,
        time_ms=click.time_ms,
        app=click.app,
        origin=Origin(OriginKind(click.origin[0]), click.origin[1]) if click.origin else None,
        device_ids=frozenset(click.device_ids),
        address=click.address,
        device=device_of(click.device),
        is_view=click.is_view,
    )


def attribution_of(it: Attribution) -> oracle.Attribution:
    return oracle.Attribution(
        it.moment.time_ms,
        it.moment.receipt,
        str(it.rule),
        it.click_id,
        (str(it.origin.kind), it.origin.name) if it.origin else None,
        it.is_reattribution,
        frozenset({it.through} if it.through else ()),
    )


def session_of(it: Session) -> oracle.Session:
    return oracle.Session(
        it.start.time_ms, it.start.receipt, it.last_activity_ms, it.opens, it.events
    )


def wide_identity(
    app: str, calls: Iterable[oracle.Call], clicks: Iterable[oracle.Click], users_max: int
) -> Identity:
    """What the tables would say of the ids that too many name."""
    devices, named = oracle.wide_ids(calls, clicks, users_max)
    return Identity(
        frozenset(device_id for place, device_id in devices if place == app),
        frozenset(click_id for place, click_id in named if place == app),
    )


def assert_attributions_agree(decided: Sequence[oracle.Attribution], expected: Timeline) -> None:
    """Of several clicks that may have lent the evidence, any one will do."""
    nameless = [replace(it, through=frozenset()) for it in decided]
    assert nameless == [replace(it, through=frozenset()) for it in expected.attributions]
    for ours, theirs in zip(decided, expected.attributions, strict=True):
        assert ours.through <= theirs.through, "credited through a click that lent nothing"
        assert bool(ours.through) == bool(theirs.through), "silent about who lent the evidence"
