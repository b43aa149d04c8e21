"""Tests that the counters that start at 0 have the values that the tables allow."""

import re
from importlib.resources import files

from console.metrics.readings import REASONS, RULES

SCHEMA = files("shared").joinpath("schema.sql").read_text()


def allowed(column: str) -> set[str]:
    """Returns the values that the first check of a column with this name allows."""
    check = re.search(
        rf"\b{column} +text NOT NULL CHECK \({column} IN \((.*?)\)\)", SCHEMA, re.DOTALL
    )
    assert check
    return set(re.findall(r"'(\w+)'", check[1]))


def test_rules_and_reasons_are_those_of_the_tables() -> None:
    assert set(RULES) == allowed("rule")
    assert set(REASONS) == allowed("reason")
