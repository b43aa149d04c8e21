"""Scopes: what a token may be used for. One without scopes may be used for everything.

Source: Adjust, "Set up server-to-server (S2S) security", token scopes. Swaarm has none: there an
open is of the sessions, and everything else of the events.
"""

from enum import StrEnum

from shared.events import Kind


class Scope(StrEnum):
    EVENTS = "events"
    SESSIONS = "sessions"
    AD_REVENUE = "ad_revenue"


_BY_KIND = {Kind.OPEN: Scope.SESSIONS, Kind.AD_REVENUE: Scope.AD_REVENUE}


def scope_of(kind: Kind) -> Scope:
    """Which scope it takes to send this."""
    return _BY_KIND.get(kind, Scope.EVENTS)
