"""Tests that the shared enums have the values that the tables allow."""

import re
from importlib.resources import files

from shared.vocabulary import QuarantineReason, Rule

SCHEMA = files("shared").joinpath("schema.sql").read_text()


def allowed(column: str) -> set[str]:
    """Returns the values that the first check of a column with this name allows."""
    check = re.search(
        rf"\b{column} +text NOT NULL CHECK \({column} IN \((.*?)\)\)", SCHEMA, re.DOTALL
    )
    assert check
    return set(re.findall(r"'(\w+)'", check[1]))


def test_rules_and_reasons_are_those_of_the_tables() -> None:
    assert set(Rule) == allowed("rule")
    assert set(QuarantineReason) == allowed("reason")
