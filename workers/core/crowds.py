"""Counts the devices behind an address, for matches that only the platform speaks for.

Behind the address of a family such a match is right most of the time; behind that of a carrier it
is a stranger's. What was seen of the app's own traffic in the window has to tell the two apart:
users who were new there, and clicks that could be the user's. Only what happened before the signal
counts, so that nothing that happens later takes a credit back.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from workers.core.device_matching import DeviceVerdict, compare
from workers.core.evidence import ClickTrace, Evidence
from workers.core.rules import MINUTE_MS, Rules

# People tap twice, and come back to an ad: clicks of one description in one slot are one device's.
TAP_SLOT_MS: Final = 10 * MINUTE_MS


def crowded_places(
    evidence: Evidence,
    traces: Iterable[ClickTrace],
    newcomers: Mapping[str, int],
    at_ms: int,
    rules: Rules,
) -> frozenset[str]:
    """Returns the addresses behind which more devices were seen than a match may leave open.

    `newcomers` are the other users who were new there in the window that ends with `at_ms`.
    """
    recent = [
        trace
        for trace in traces
        if trace.origin is not None
        and not trace.is_view
        and 0 <= at_ms - trace.time_ms <= rules.click_probabilistic_ms
    ]
    crowded = set()
    for place in {place for place, _ in evidence.sightings}:
        seen = [device for seen_place, device in evidence.sightings if seen_place == place]
        could_be_the_user = {
            (device, trace.time_ms // TAP_SLOT_MS)
            for trace in recent
            for click_place, device in trace.sightings
            if click_place == place
            and any(compare(device, other).verdict is not DeviceVerdict.DIFFERENT for other in seen)
        }
        devices = max(1 + newcomers.get(place, 0), len(could_be_the_user))
        if devices > rules.uncertain_devices_max:
            crowded.add(place)
    return frozenset(crowded)
