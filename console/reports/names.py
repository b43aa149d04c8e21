"""Translates between the keys of rollups and the names that people use for them.

These are partners, links, sources, countries and event types. A source may have the same name as a
partner, so the names of sources carry a suffix.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from console.apps.apps import App
from shared.countries import country_code, country_name
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.names.reserved_names import is_reserved

Key = TypeVar("Key")

ORGANIC = "(organic)"
UNKNOWN_PARTNER = "(unknown partner)"
NO_CAMPAIGN = "(no campaign)"
NO_SUB_ID = "(no sub ID)"
UNKNOWN_COUNTRY = "(unknown country)"
UNKNOWN = -1
_SOURCE_SUFFIX = " (source)"
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
class SourceFilter:
    """The keys of one partner, link or source in rollups.

    They are the partner's links; or link 0, partner 0 and the name of a source, '' for organic.
    """

    partner_id: int
    link_ids: tuple[int, ...]
    source: str


@dataclass(frozen=True)
class Names:
    """The names of one app: of links and partners by number, of event types by rollup key."""

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
        """Returns the rollup key of an event type. Raises OperatorError when there is none."""
        return _key_of(self.events, name, "event type")

    def source_filter(self, partner: str | None, link: str | None) -> SourceFilter | None:
        """Returns the keys of both filters; a link of another partner matches nothing.

        Raises OperatorError when a name does not exist.
        """
        by_partner = None if partner is None else self.partner_filter(partner)
        by_link = None if link is None else self.link_filter(link)
        if by_partner is None or by_link is None:
            return by_link or by_partner
        is_theirs = set(by_link.link_ids) <= set(by_partner.link_ids)
        if is_theirs and by_link.source == by_partner.source:
            return by_link
        return SourceFilter(by_link.partner_id, (), by_link.source)

    def partner_filter(self, name: str) -> SourceFilter:
        """Returns the keys of a partner or a source. Raises OperatorError when there is none."""
        if (source := _source_of(name)) is not None:
            return SourceFilter(0, (0,), source)
        partner_id = _key_of(self.partners, name, "partner")
        links = tuple(link for link, partner in self.partner_of.items() if partner == partner_id)
        return SourceFilter(partner_id, links, "")

    def link_filter(self, name: str) -> SourceFilter:
        """Returns the keys of a link or a source. Raises OperatorError when there is none."""
        if (source := _source_of(name)) is not None:
            return SourceFilter(0, (0,), source)
        link_id = _key_of(self.links, name, "link")
        return SourceFilter(self.partner_of[link_id], (link_id,), "")


def read_names(connection: Connection, app: App) -> Names:
    """Reads the names of an app; event types that share a name get their mapping ID behind it."""
    rows = run(connection, _LINKS, (app.id,)).fetchall()
    types = run(connection, _EVENT_TYPES, (app.id,)).fetchall()
    uses = Counter([*_BUILT_IN.values(), *(name for _, name, _ in types)])
    events = {
        key: name if uses[name] == 1 else f"{name} ({mapping_id})"
        for key, name, mapping_id in types
    }
    return Names(
        links={link_id: _told_apart(name, "link") for link_id, name, _, _ in rows},
        partner_of={link_id: partner_id for link_id, _, partner_id, _ in rows},
        partners={partner_id: _told_apart(name, "partner") for _, _, partner_id, name in rows},
        events={**events, **_BUILT_IN},
    )


def _told_apart(name: str, kind: str) -> str:
    """Returns a name with its kind behind it if it is one of those that reports use themselves.

    Such names are refused now, but may exist from before.
    """
    return f"{name} ({kind})" if is_reserved(name) else name


def campaign_name(partner: str, campaign: str) -> str:
    """Returns the name of a partner's campaign: two partners may each have one of this name."""
    return f"{partner} · {campaign or NO_CAMPAIGN}"


def sub_id_name(partner: str, sub_id: str) -> str:
    """Returns the name of a partner's sub ID: two partners may each have one of this name."""
    return f"{partner} · {sub_id or NO_SUB_ID}"


def country_label(code: str) -> str:
    """Returns the name of a country with its code, as `country_key` reads it.

    The code of an unknown country is ''.
    """
    return f"{country_name(code)} ({code})" if code else UNKNOWN_COUNTRY


def country_key(name: str) -> str:
    """Returns the code of a country from its label or its code.

    Raises OperatorError when there is no such country.
    """
    if name == UNKNOWN_COUNTRY:
        return ""
    code = country_code(name) or country_code(name.removesuffix(")").rpartition("(")[2])
    if code is None or name.strip().upper() not in {code, country_label(code).upper()}:
        raise OperatorError("There is no country with this name. Use its code, such as DE.")
    return code


def source_name(source: str) -> str:
    """Returns the name of a source, for what came through no link."""
    return f"{source}{_SOURCE_SUFFIX}" if source else ORGANIC


def _source_of(name: str) -> str | None:
    if name == ORGANIC:
        return ""
    return name.removesuffix(_SOURCE_SUFFIX) if name.endswith(_SOURCE_SUFFIX) else None


def _key_of(names: Mapping[Key, str], name: str, kind: str) -> Key:
    key = next((key for key, known_name in names.items() if known_name == name), None)
    if key is None:
        raise OperatorError(f"The app has no {kind} with this name.")
    return key
