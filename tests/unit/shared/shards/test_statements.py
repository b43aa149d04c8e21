"""What a distributed database could not run is in no statement: several of them in one text."""

import ast
import re

from tests.unit.test_house import modules, tree

_STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|COPY|ALTER|DROP|TRUNCATE|LOCK|WITH|SET|GRANT|REVOKE)\s"
)
_COMMENT = re.compile(r"--[^\n]*|'[^']*'")
# Of the session alone, and sent to no other node: three in one round trip.
ALLOWED = {"shared.database": "SET LOCAL enable_seqscan = off; "}


def statements() -> list[tuple[str, str]]:
    """Returns every text that begins as a statement does, with its module."""
    return [
        (name, node.value)
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if _STATEMENT.match(node.value) and node.value.split()[0].isupper()
    ]


def test_a_text_is_one_statement() -> None:
    several = {
        name: text for name, text in statements() if re.search(r";\s*\S", _COMMENT.sub("", text))
    }

    assert len(statements()) > 400
    assert set(several) == set(ALLOWED)
    assert all(several[name].strip().startswith(text) for name, text in ALLOWED.items())
