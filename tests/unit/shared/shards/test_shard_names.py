"""Every key in Redis is named after its shard, in one place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.shards.shard_names import SHARD_MAX, ShardNames
from tests.unit.test_house import PROGRAMS, ROOT, modules, tree

DECLARED = ROOT / "shared" / "shards" / "shard_names.py"
ARGUMENTS = {
    "parked_stream": (7,),
    "recent_ids_hash": (1,),
    "marker_bytes": (680,),
    "markers": (680, 17),
    "demand": (1_700_000_000,),
    "accepted_bytes": (20_000,),
    "check": (7, 3),
    "unread": (7,),
    "attributions": (20_000,),
    "due": ("sweep",),
}
A_KEY = re.compile(r"(?<![\w/.-])(?:waybill|rq|\{\d+\}:rq):(?=[a-z{])")
# Commands whose first word is not the key.
SUBCOMMANDS = ("XINFO", "XGROUP")


def all_names(names: ShardNames) -> dict[str, str]:
    """Returns every name of a shard by what declares it."""
    values = {name: value for name, value in vars(names).items() if isinstance(value, str)}
    values |= {name: getattr(names, name)(*values) for name, values in ARGUMENTS.items()}
    return {name: value for name, value in values.items() if not name.endswith("prefix")}


def tag_of(key: str) -> str | None:
    """Returns the part of a key by which a cluster chooses its slot, None for the whole key."""
    found = re.search(r"\{([^}]+)\}", key)
    return found and found[1]


def test_every_name_is_tried() -> None:
    methods = {name for name, value in vars(ShardNames).items() if callable(value)}

    assert {name for name in methods if not name.startswith("_")} == set(ARGUMENTS)
    assert len(all_names(ShardNames())) > 35


def test_shard_0_has_the_names_of_an_installation_without_shards() -> None:
    names = all_names(ShardNames(0))

    assert [name for name in names.values() if not name.startswith("waybill:")] == []
    assert [name for name in names.values() if "{" in name] == []
    assert ShardNames(0).rq_prefix == "rq"
    assert ShardNames() == ShardNames(0)


@pytest.mark.parametrize("shard", [1, 7, SHARD_MAX])
def test_a_shard_has_the_same_names_with_its_number_by_which_a_cluster_keeps_them_together(
    shard: int,
) -> None:
    own, plain = all_names(ShardNames(shard)), all_names(ShardNames(0))

    assert {tag_of(name) for name in own.values()} == {str(shard)}
    assert tag_of(ShardNames(shard).rq_prefix + ":queues") == str(shard)
    assert {key: name.replace(f"{{{shard}}}:", "") for key, name in own.items()} == plain


def test_no_two_shards_share_a_name() -> None:
    shards = (0, 1, 2, 12, 21)
    names = [name for shard in shards for name in all_names(ShardNames(shard)).values()]

    assert len(names) == len(set(names))


def texts_of(path: Path) -> Iterator[str]:
    """Yields what a file may name a key with: all of its text, of Python what is no docstring."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    parsed = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(parsed)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(parsed):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def test_no_other_module_names_a_key() -> None:
    files = [
        path
        for program in PROGRAMS
        for path in (ROOT / program).rglob("*")
        if path.suffix in {".py", ".sql", ".lua", ".sh", ".yaml", ".conf", ".service", ".html"}
        if path != DECLARED
    ]
    found = [
        (str(path.relative_to(ROOT)), text[match.start() :][:40])
        for path in files
        for text in texts_of(path)
        for match in [A_KEY.search(text)]
        if match
    ]

    assert len(files) > 500
    assert found == []


def scripts() -> Iterator[tuple[str, str]]:
    """Yields each part of a script of the product, with the module that has it."""
    for name in modules():
        for node in ast.walk(tree(name)):
            text = str(node.value) if isinstance(node, ast.Constant) else ""
            if "redis.call(" in text or "redis.pcall(" in text:
                yield name, text


def test_no_script_writes_a_key_itself_or_puts_one_together() -> None:
    """What a script uses must be among its KEYS, or a cluster could not know where it runs."""
    calls = [
        (name, command, key.strip())
        for name, script in scripts()
        for command, key in re.findall(r"redis\.p?call\('(\w+)',\s*([^,)]+)", script)
    ]

    assert len(calls) > 50
    assert [
        call for call in calls if ("'" in call[2] and call[1] not in SUBCOMMANDS) or ".." in call[2]
    ] == []
