"""Writes filters of a report as conditions of SQL, and translates names into their arguments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from console.reports.filters import Filters, ValueFilter
from console.reports.names import Names, SourceFilter, country_key


def _counts(column: str, type_: str = "text") -> str:
    """Returns the condition that a column's value counts. The names are ours, not a request's."""
    return (
        f"(%(only_{column})s::{type_}[] IS NULL OR {column} = ANY(%(only_{column})s::{type_}[]))"
        f" AND {column} <> ALL(%(no_{column})s::{type_}[])"
    )


_OF_SOURCE = _counts("source")
_OF_LINK = _counts("link_id", "bigint")
_OF_PARTNER = _counts("partner_id", "bigint")
OF_CAMPAIGN = _counts("campaign")
OF_SUB_ID = _counts("sub_id")
OF_COUNTRY = _counts("country")
OF_EVENT = _counts("event")
# Of rows by link and source, by partner and source, and of `reach`, which has both.
OF_ORIGIN = f"CASE WHEN link_id = 0 THEN {_OF_SOURCE} ELSE {_OF_LINK} END"
OF_PARTNER = f"CASE WHEN partner_id = 0 THEN {_OF_SOURCE} ELSE {_OF_PARTNER} END"
OF_REACH_ORIGIN = f"CASE WHEN split = 'link' AND link_id <> 0 THEN {_OF_LINK} ELSE {OF_PARTNER} END"


@dataclass(frozen=True)
class Origins:
    """Partners, links and sources by their keys in rollups."""

    partner_ids: frozenset[int]
    link_ids: frozenset[int]
    sources: frozenset[str]

    @classmethod
    def of(cls, found: Iterable[SourceFilter]) -> "Origins":
        """Returns all of these together."""
        keys = tuple(found)
        return cls(
            frozenset(key.partner_id for key in keys if key.partner_id),
            frozenset(link_id for key in keys if key.partner_id for link_id in key.link_ids),
            frozenset(key.source for key in keys if not key.partner_id),
        )


def filter_arguments(filters: Filters, names: Names) -> dict[str, object]:
    """Returns the arguments of the conditions.

    Raises OperatorError when a filter names something that does not exist.
    """
    arguments = _origin_arguments(filters, names)
    plain: tuple[tuple[str, ValueFilter, Callable[[str], str]], ...] = (
        ("campaign", filters.campaign, str),
        ("sub_id", filters.sub_id, str),
        ("country", filters.country, country_key),
        ("event", filters.event, names.event_key),
    )
    for column, values, key_of in plain:
        arguments[f"only_{column}"] = [key_of(name) for name in values.only] or None
        arguments[f"no_{column}"] = [key_of(name) for name in values.without]
    return arguments


def _origin_arguments(filters: Filters, names: Names) -> dict[str, object]:
    """Returns the arguments of partner and link, which a row has to meet both."""
    by_partner = Origins.of(map(names.partner_filter, filters.partner.only))
    by_link = Origins.of(map(names.link_filter, filters.link.only))
    not_partner = Origins.of(map(names.partner_filter, filters.partner.without))
    not_link = Origins.of(map(names.link_filter, filters.link.without))
    links, sources = by_link.link_ids, by_link.sources
    if filters.partner.only and filters.link.only:
        links, sources = links & by_partner.link_ids, sources & by_partner.sources
    elif filters.partner.only:
        links, sources = by_partner.link_ids, by_partner.sources
    is_restricted = bool(filters.partner.only or filters.link.only)
    return {
        "only_link_id": sorted(links) if is_restricted else None,
        "no_link_id": sorted(not_partner.link_ids | not_link.link_ids),
        "only_source": sorted(sources) if is_restricted else None,
        "no_source": sorted(not_partner.sources | not_link.sources),
        "only_partner_id": sorted(by_partner.partner_ids) if filters.partner.only else None,
        "no_partner_id": sorted(not_partner.partner_ids),
    }
