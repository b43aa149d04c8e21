"""Decides what a user's consent keeps from a partner: the callback, or the ids of the device.

The values are those that the event, or failing that the click, carried: Adjust's `eea`,
`ad_user_data` and `att_status`. An app's own endpoint is no third party and is told everything.
"""

from msgspec.structs import replace

from shared.callbacks.conversion_facts import ConversionFacts

NO_CONSENT = "no_consent"  # the reason of a callback that is withheld

_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_DENIED = frozenset({"1", "2", "restricted", "denied"})  # Apple's App Tracking Transparency


def is_consent_denied(facts: ConversionFacts) -> bool:
    """Tells whether the user, who is protected by the Digital Markets Act, refused to share data.

    Without `eea` the law is taken to apply to whoever refused.
    """
    is_protected = _value(facts, "eea") not in _NO
    return is_protected and _value(facts, "ad_user_data") in _NO


def shareable_facts(facts: ConversionFacts) -> ConversionFacts:
    """Leaves out the ids and the address of a device that asked not to be tracked.

    Apple's `att_status` 1 (restricted) and 2 (denied), `tracking_enabled` 0 and
    `ad_personalization` 0 forbid to recognise the device elsewhere. The conversion itself is told.
    """
    is_refused = (
        _value(facts, "att_status") in _DENIED
        or _value(facts, "tracking_enabled") in _NO
        or _value(facts, "tracking_limited") in _YES
        or _value(facts, "ad_personalization") in _NO
    )
    if not is_refused:
        return facts
    return replace(facts, device_ids={}, ip_address=None, click_ip_address=None)


def _value(facts: ConversionFacts, name: str) -> str | None:
    value = facts.parameter(name)
    return None if value is None else value.strip().lower()
