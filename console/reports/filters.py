"""The dimensions of a report, and the values of each that it shows or leaves out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from console.validation import has_control_characters
from shared.errors import BadValue

FILTER_VALUES_MAX = 200  # of a dimension; as many as a page offers


class Split(StrEnum):
    """A dimension by which the rows of an interval are broken down, and filtered."""

    NONE = "none"
    PARTNER = "partner"
    LINK = "link"
    CAMPAIGN = "campaign"
    SUB_ID = "sub_id"
    COUNTRY = "country"
    EVENT = "event"


DIMENSIONS = tuple(split for split in Split if split is not Split.NONE)


@dataclass(frozen=True)
class ValueFilter:
    """The values of a dimension that count, all if there are none, and those that do not.

    Raises BadValue for too many of them, and for one that no name can have.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.only) + len(self.without) > FILTER_VALUES_MAX:
            raise BadValue("filter", f"can have at most {FILTER_VALUES_MAX} values.")
        if any(map(has_control_characters, (*self.only, *self.without))):
            raise BadValue("filter", "must be printable text without control characters.")

    @property
    def is_open(self) -> bool:
        """Tells whether every value counts."""
        return not self.only and not self.without

    @property
    def is_of_one(self) -> bool:
        """Tells whether only a single value counts."""
        return len(set(self.only)) == 1


ANY = ValueFilter()


def only(*values: str) -> ValueFilter:
    """Returns a filter that lets these values count, and no others."""
    return ValueFilter(only=values)


def without(*values: str) -> ValueFilter:
    """Returns a filter that leaves these values out."""
    return ValueFilter(without=values)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filter of each dimension, by names as a report shows them; a row meets all of them.

    Campaigns and sub IDs are named as their clicks named them. A country may also be named by its
    code.
    """

    partner: ValueFilter = ANY
    link: ValueFilter = ANY
    campaign: ValueFilter = ANY
    sub_id: ValueFilter = ANY
    country: ValueFilter = ANY
    event: ValueFilter = ANY

    @classmethod
    def of(cls, chosen: Mapping[Split, ValueFilter]) -> "Filters":
        """Returns these filters; dimensions without one are open."""
        return cls(**{str(split): values for split, values in chosen.items()})

    def __iter__(self) -> Iterator[tuple[Split, ValueFilter]]:
        """Yields the dimensions that have a filter, each with it."""
        for split in DIMENSIONS:
            values: ValueFilter = getattr(self, split)
            if not values.is_open:
                yield split, values

    @property
    def filtered(self) -> frozenset[Split]:
        """Returns the dimensions that have a filter."""
        return frozenset(split for split, _ in self)

    @property
    def single(self) -> frozenset[Split]:
        """Returns the dimensions of which a single value counts."""
        return frozenset(split for split, values in self if values.is_of_one)


NO_FILTERS = Filters()
