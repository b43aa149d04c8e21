"""Finds the callback URL that a click carries, as Adjust and Swaarm have it.

Whoever makes a click writes these parameters, so a URL is used only if its host is on the list that
an operator gave the partner.
"""

from collections.abc import Collection

from shared.callbacks.activities import Activity
from shared.callbacks.conversion_facts import ConversionFacts
from shared.callbacks.templates import host_of, url_fault

_BRANDED = "adj_"  # Adjust's branded and universal links
_EVENT = "event_callback_"
# Of several the first that is there. Adjust's pages write the rejected ones in both ways.
_NAMES = {
    Activity.INSTALL: ("install_callback", "conversion_callback"),
    Activity.REATTRIBUTION: ("reattribution_callback", "conversion_callback"),
    Activity.SESSION: ("session_callback",),
    Activity.CLICK: ("click_callback",),
    Activity.IMPRESSION: ("impression_callback",),
    Activity.REJECTED_INSTALL: ("rejected_install_callback", "rejected_install"),
    Activity.REJECTED_REATTRIBUTION: (
        *("rejected_reattribution_callback", "rejected_reattribution"),
    ),
}


def carried_url(facts: ConversionFacts, hosts: Collection[str]) -> str | None:
    """Returns the URL that the click carries for this activity, if it may be used."""
    if facts.activity == Activity.EVENT:
        names = [name for name in facts.click_parameters if _is_of_event(name, facts)]
    else:
        plain = _NAMES.get(Activity(facts.activity), ())
        names = [prefix + name for name in plain for prefix in ("", _BRANDED)]
    for name in names:
        url = facts.click_parameters.get(name)
        if url and url_fault(url, allows_unknown=True) is None and host_of(url) in hosts:
            return url
    return None


def _is_of_event(name: str, facts: ConversionFacts) -> bool:
    """Tells whether a parameter names the event: by one of several tokens, or Swaarm's event id."""
    rest = name.removeprefix(_BRANDED)
    if not rest.startswith(_EVENT):
        return False
    named = rest.removeprefix(_EVENT)
    is_token = facts.event_token is not None and facts.event_token in named.split("_")
    return is_token or named in {facts.event_token, facts.event_id}
