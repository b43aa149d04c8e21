from dataclasses import dataclass, field

import msgspec
import pytest

from console.web.api.body import unknown_field


class Inner(msgspec.Struct):
    a: int = 0


@dataclass
class Outer:
    one: Inner | None = None
    several: list[Inner] = field(default_factory=list)
    any_names: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("document", "unknown"),
    [
        ({}, None),
        ({"one": None, "several": [], "any_names": {"x": "y"}}, None),
        ({"one": {"a": 1}, "several": [{"a": 1}, {}]}, None),
        ({"two": 1}, "two"),
        ({"One": None}, "One"),
        ({"one": {"b": 1}}, "b"),
        ({"several": [{"a": 1}, {"c": 1}]}, "c"),
        ({"x" * 999: 1}, "x" * 64),
    ],
)
def test_a_name_that_a_type_does_not_have_is_found_at_any_depth(
    document: object, unknown: str | None
) -> None:
    assert unknown_field(document, Outer) == unknown
