"""Knows which columns of rollups a breakdown needs, and what people call their values."""

from collections.abc import Callable, Mapping
from typing import Any

from console.reports.names import Names, campaign_name, country_label, sub_id_name
from console.reports.question import Split

# The columns of each breakdown, as a SELECT begins with them. None comes from a request.
SELECTED_COLUMNS: Mapping[Split, str] = {
    Split.NONE: "",
    Split.PARTNER: "link_id, source, ",
    Split.LINK: "link_id, source, ",
    Split.CAMPAIGN: "link_id, source, campaign, ",
    Split.SUB_ID: "link_id, source, sub_id, ",
    Split.COUNTRY: "country, ",
    Split.EVENT: "event, ",
}
_LABELS: Mapping[Split, Callable[..., str]] = {
    Split.NONE: lambda _: "",
    Split.PARTNER: Names.partner,
    Split.LINK: Names.link,
    Split.CAMPAIGN: lambda names, *key: campaign_name(names.partner(*key[:2]), key[2]),
    Split.SUB_ID: lambda names, *key: sub_id_name(names.partner(*key[:2]), key[2]),
    Split.COUNTRY: lambda _, code: country_label(code),
    Split.EVENT: Names.event,
}


def label_of(split: Split, names: Names, key: tuple[Any, ...]) -> str:
    """Returns the name of the values of a breakdown's columns."""
    return _LABELS[split](names, *key)
