"""Events as ingest makes them now, each with a receipt of its own."""

from typing import Any

from shared.clock import now_ms
from shared.events import Event
from shared.ids import new_receipt
from tests.support.build import event


def fresh(**changes: Any) -> Event:
    time_ms = now_ms()
    return event(**{"receipt": new_receipt(time_ms), "received_at_ms": time_ms, **changes})
