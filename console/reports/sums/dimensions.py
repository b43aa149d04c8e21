"""Knows which columns of rollups a breakdown needs, and what people call their values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.reports.filters import Split
from console.reports.names import Names, campaign_name, country_label, sub_id_name

# None of these comes from a request.
_COLUMNS: Mapping[Split, tuple[str, ...]] = {
    Split.NONE: (),
    Split.PARTNER: ("partner_id", "source"),
    Split.LINK: ("link_id", "source"),
    Split.CAMPAIGN: ("partner_id", "source", "campaign"),
    Split.SUB_ID: ("partner_id", "source", "sub_id"),
    Split.COUNTRY: ("country",),
    Split.EVENT: ("event",),
}
_LABELS: Mapping[Split, Callable[..., str]] = {
    Split.PARTNER: Names.partner_by_id,
    Split.LINK: Names.link,
    Split.CAMPAIGN: lambda names, *key: campaign_name(names.partner_by_id(*key[:2]), key[2]),
    Split.SUB_ID: lambda names, *key: sub_id_name(names.partner_by_id(*key[:2]), key[2]),
    Split.COUNTRY: lambda _, code: country_label(code),
    Split.EVENT: Names.event,
}


def selected_columns(splits: Sequence[Split]) -> str:
    """Returns the columns of these breakdowns, as a SELECT begins with them."""
    return "".join(f"{column}, " for column in _columns(splits))


def labels_of(splits: Sequence[Split], names: Names, key: Sequence[Any]) -> tuple[str, ...]:
    """Returns the name of each breakdown's value, from the values of `selected_columns`."""
    values = dict(zip(_columns(splits), key, strict=True))
    return tuple(
        _LABELS[split](names, *(values[column] for column in _COLUMNS[split])) for split in splits
    )


def _columns(splits: Sequence[Split]) -> list[str]:
    return list(dict.fromkeys(column for split in splits for column in _COLUMNS[split]))
