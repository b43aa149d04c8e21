"""Finds the callback URL that a click carries, as Adjust and Swaarm have it.

Whoever makes a click writes these parameters, so a URL is used only if its host is on the list that
an operator gave the partner.
"""

from collections.abc import Collection, Iterator

from shared.callbacks.activities import Activity
from shared.callbacks.conversion_facts import ConversionFacts
from shared.callbacks.templates import host_of, url_fault

_BRANDED = "adj_"  # Adjust's branded and universal links
_EVENT = "event_callback_"
_NAMES = {
    Activity.INSTALL: ("install_callback", "conversion_callback"),
    Activity.REATTRIBUTION: ("reattribution_callback", "conversion_callback"),
}


def carried_url(facts: ConversionFacts, hosts: Collection[str]) -> str | None:
    """Returns the URL that the credited click carries for this activity, if it may be used."""
    for name in _names(facts):
        url = facts.click_parameters.get(name)
        if url and url_fault(url, allows_unknown=True) is None and host_of(url) in hosts:
            return url
    return None


def _names(facts: ConversionFacts) -> Iterator[str]:
    if facts.activity == Activity.EVENT:
        yield from filter(lambda name: _is_of_event(name, facts), facts.click_parameters)
    else:
        for name in _NAMES.get(Activity(facts.activity), ()):
            yield from (name, _BRANDED + name)


def _is_of_event(name: str, facts: ConversionFacts) -> bool:
    """Tells whether a parameter names the event: by one of several tokens, or Swaarm's event id."""
    rest = name.removeprefix(_BRANDED)
    if not rest.startswith(_EVENT):
        return False
    named = rest.removeprefix(_EVENT)
    return facts.event_token in named.split("_") or named in {facts.event_token, facts.event_id}
