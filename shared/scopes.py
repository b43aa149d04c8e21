"""Defines the scopes of tokens: the kinds of requests that a token authorizes.

A token without scopes authorizes everything. Source: Adjust, "Set up server-to-server (S2S)
security", token scopes. Swaarm has none: in its dialect an open belongs to the sessions, and
everything else to the events.
"""

from enum import StrEnum

from shared.events import Kind


class Scope(StrEnum):
    """A kind of requests that a token may authorize."""

    EVENTS = "events"
    SESSIONS = "sessions"
    AD_REVENUE = "ad_revenue"


# Looked up for every event: asking an enumeration for a member takes longer than a dictionary.
_BY_KIND = {
    **dict.fromkeys(Kind, Scope.EVENTS),
    Kind.OPEN: Scope.SESSIONS,
    Kind.AD_REVENUE: Scope.AD_REVENUE,
}


def scope_of(kind: Kind) -> Scope:
    """Returns the scope that a token needs to send an event of this kind."""
    return _BY_KIND[kind]
