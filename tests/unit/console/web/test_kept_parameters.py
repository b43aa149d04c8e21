"""Tests that a page is shown without the parameters that are invalid, and says which."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.web.kept_parameters import keep_valid
from console.web.page_errors import BadRequest
from console.web.values import Values
from shared.errors import OperatorError

NAMES = ("environment", "from", "to", "by", "partner", "country")


def read(query: Values) -> dict[str, str]:
    """Refuses every value that is "bad", a period that ends before it begins, and hours of it."""
    for name in sorted(query.names):
        if query.get(name) == "bad":
            raise BadRequest(f"{name} is bad.")
    if query.get("from", "1") > query.get("to", "9"):
        raise OperatorError("The period ends before it begins.")
    if query.get("by") == "hour" and "from" in query:
        raise OperatorError("An hourly report covers few days.")
    return {name: query.get(name) for name in query.names}


@pytest.mark.parametrize(
    ("texts", "kept", "faults"),
    [
        ({"by": "day", "partner": "Acme"}, {"by": "day", "partner": "Acme"}, []),
        ({"by": "bad", "partner": "Acme"}, {"partner": "Acme"}, ["by is bad."]),
        (
            {"from": "5", "to": "3", "by": "day"},
            {"by": "day"},
            ["The period ends before it begins."],
        ),
        ({"from": "2", "by": "hour"}, {"from": "2"}, ["An hourly report covers few days."]),
        ({"environment": "bad", "by": "bad"}, {}, ["environment is bad.", "by is bad."]),
    ],
)
def test_a_page_is_shown_without_what_is_invalid(
    texts: dict[str, str], kept: dict[str, str], faults: list[str]
) -> None:
    for order in permutations(texts.items()):
        result, sentences = keep_valid(Values({name: [text] for name, text in order}), read)

        assert result == kept
        assert sentences == [f"{fault} The page is shown without it." for fault in faults]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("1", "5", "bad", "hour"))))
def test_nothing_valid_is_left_out_for_another_parameters_fault(texts: dict[str, str]) -> None:
    result, sentences = keep_valid(Values({name: [text] for name, text in texts.items()}), read)

    good = {name for name, text in texts.items() if text != "bad"}
    assert good - {"from", "to", "by"} <= result.keys() <= good
    assert bool(sentences) == (result != texts)
