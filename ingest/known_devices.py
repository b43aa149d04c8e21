"""Looks up the history of a device in the seen set, where an answer depends on it.

Only for events that need it: those known by an adid alone, and those of an app that wants Adjust's
stateful refusals. Each costs one round trip before the event joins a batch. What Redis does not
know for certain refuses nobody.
"""

from collections.abc import Mapping

from ingest.dialects.dialect import DeviceHistoryCheck
from shared.clock import Clock
from shared.device_ids import adid_of
from shared.errors import BadEventState, InboxUnreachable, UnknownDevice
from shared.events import Environment, Event
from shared.redis import AsyncRedis, RedisError
from shared.seen import (
    LOOK_BACK,
    device_name,
    latest_name,
    look_back_keys,
    read_device_marker,
)

_NONE: Mapping[bytes, bytes] = {}
_NO_SESSION = "This device has had no session in this app and environment. Send /session first."
_BEFORE_INSTALL = "It happened before the first session of its device. Compare created_at."
_NOT_IN_ORDER = "A later event of this kind has come from its device. Send events in their order."


class KnownDevices:
    """The devices that Redis remembers from earlier sessions and events."""

    def __init__(self, redis: AsyncRedis, now: Clock) -> None:
        self._names = redis.names
        self._look_back = redis.register_script(LOOK_BACK)
        self._now = now

    async def user_of(
        self,
        app_id: int,
        environment: Environment,
        adid: str,
        earlier: Mapping[bytes, bytes] = _NONE,
    ) -> str | None:
        """Returns the user that this adid was derived from, None if it was derived elsewhere.

        `earlier` are the seen markers of the same batch, which Redis does not have yet. Raises
        InboxUnreachable.
        """
        name = device_name(app_id, environment, adid)
        device, _, _ = await self._look_up(app_id, name)
        device = device or earlier.get(name)
        return None if device is None else read_device_marker(device)[1]

    async def require(
        self, event: Event, check: DeviceHistoryCheck, earlier: Mapping[bytes, bytes] = _NONE
    ) -> None:
        """Raises UnknownDevice, BadEventState; InboxUnreachable."""
        adid = adid_of(event.app_id, event.user_id)
        order = None
        if check.in_order_with is not None:
            order = latest_name(event.app_id, event.environment, event.user_id, check.in_order_with)
        name = device_name(event.app_id, event.environment, adid)
        device, is_certain, latest_ms = await self._look_up(
            event.app_id, name, order, event.happened_at_ms
        )
        device = device or earlier.get(name)
        if device is None and is_certain:
            raise UnknownDevice(_NO_SESSION)
        if device is not None and event.happened_at_ms < read_device_marker(device)[0]:
            raise BadEventState(_BEFORE_INSTALL)
        if latest_ms is not None and event.happened_at_ms < int(latest_ms):
            raise BadEventState(_NOT_IN_ORDER)

    async def _look_up(
        self, app_id: int, device: bytes, order: bytes | None = None, time_ms: int = 0
    ) -> tuple[bytes | None, bool, bytes | None]:
        """Returns the device's marker, whether that is certain, and the latest time in `order`."""
        markers = [device] if order is None else [device, order]
        keys = look_back_keys(self._names, markers, self._now())
        arguments: list[int | bytes] = [app_id, *markers]
        if order is not None:
            arguments.append(time_ms)
        try:
            marker, is_certain, latest_ms = await self._look_back(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise InboxUnreachable from error
        return marker, bool(is_certain), latest_ms
