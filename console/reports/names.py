"""What people call what figures are kept by: partners, links, sources, countries, event types.

A source may have the name of a partner, so it is told by what it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from console.apps.apps import App
from shared.countries import country_code, country_name
from shared.database import Connection, run
from shared.errors import OperatorError

Key = TypeVar("Key")

ORGANIC = "(organic)"
UNKNOWN_PARTNER = "(unknown partner)"
NO_CAMPAIGN = "(no campaign)"
UNKNOWN_COUNTRY = "(unknown country)"
UNKNOWN = -1
_SOURCE = " (source)"
_BUILT_IN = {
    "__open": "open",
    "__install": "install",
    "__ad_revenue": "ad revenue",
    "__unmapped": "(unmapped)",
}

_LINKS = """
SELECT links.id, links.name, partners.id, partners.name
FROM links JOIN partners ON partners.id = partner_id WHERE app_id = %s
"""
_EVENT_TYPES = "SELECT id::text, name, mapping_id FROM event_types WHERE app_id = %s"


@dataclass(frozen=True)
class Breakdown:
    """Where figures are kept: under these links, all of one partner; or under link 0, partner 0 and
    a source, '' for organic.
    """

    partner_id: int
    link_ids: tuple[int, ...]
    source: str


@dataclass(frozen=True)
class Names:
    """Of one app: links and partners by number, events by the key that figures have."""

    links: Mapping[int, str]
    partner_of: Mapping[int, int]
    partners: Mapping[int, str]
    events: Mapping[str, str]

    def partner(self, link_id: int, source: str) -> str:
        return self.partner_by_id(self.partner_of.get(link_id, UNKNOWN) if link_id else 0, source)

    def partner_by_id(self, partner_id: int, source: str) -> str:
        if partner_id:
            return self.partners.get(partner_id, UNKNOWN_PARTNER)
        return source_name(source)

    def link(self, link_id: int, source: str) -> str:
        return (
            self.links.get(link_id, f"(unknown link {link_id})") if link_id else source_name(source)
        )

    def event(self, key: str) -> str:
        return self.events.get(key, key)

    def event_key(self, name: str) -> str:
        """Raises OperatorError for a name that is none."""
        return _key(self.events, name, "event type")

    def place_of_partner(self, name: str) -> Breakdown:
        if (source := _source(name)) is not None:
            return Breakdown(0, (0,), source)
        partner_id = _key(self.partners, name, "partner")
        links = tuple(link for link, partner in self.partner_of.items() if partner == partner_id)
        return Breakdown(partner_id, links, "")

    def place_of_link(self, name: str) -> Breakdown:
        if (source := _source(name)) is not None:
            return Breakdown(0, (0,), source)
        link_id = _key(self.links, name, "link")
        return Breakdown(self.partner_of[link_id], (link_id,), "")


def read_names(connection: Connection, app: App) -> Names:
    """Event types may share a name: those have their mapping id behind it."""
    rows = run(connection, _LINKS, (app.id,)).fetchall()
    types = run(connection, _EVENT_TYPES, (app.id,)).fetchall()
    taken = Counter([*_BUILT_IN.values(), *(name for _, name, _ in types)])
    events = {
        key: name if taken[name] == 1 else f"{name} ({mapping_id})"
        for key, name, mapping_id in types
    }
    return Names(
        links={link_id: name for link_id, name, _, _ in rows},
        partner_of={link_id: partner_id for link_id, _, partner_id, _ in rows},
        partners={partner_id: name for _, _, partner_id, name in rows},
        events={**events, **_BUILT_IN},
    )


def campaign_name(partner: str, campaign: str) -> str:
    """Two partners' campaigns of one name are two campaigns."""
    return f"{partner} · {campaign or NO_CAMPAIGN}"


def country_label(code: str) -> str:
    """With its code, as `country_key` reads it; '' is the code of what is not known."""
    return f"{country_name(code)} ({code})" if code else UNKNOWN_COUNTRY


def country_key(name: str) -> str:
    """The code of a label, or a code itself. Raises OperatorError for a name that is none."""
    if name == UNKNOWN_COUNTRY:
        return ""
    code = country_code(name) or country_code(name.removesuffix(")").rpartition("(")[2])
    if code is None or name.strip().upper() not in {code, country_label(code).upper()}:
        raise OperatorError("There is no country of this name. Name it by its code, such as DE.")
    return code


def source_name(source: str) -> str:
    """Of what came through no link."""
    return f"{source}{_SOURCE}" if source else ORGANIC


def _source(name: str) -> str | None:
    if name == ORGANIC:
        return ""
    return name.removesuffix(_SOURCE) if name.endswith(_SOURCE) else None


def _key(names: Mapping[Key, str], name: str, what: str) -> Key:
    found = next((key for key, named in names.items() if named == name), None)
    if found is None:
        raise OperatorError(f"The app has no {what} of this name.")
    return found
