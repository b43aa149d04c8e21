"""The rules of the house: how the product's modules and classes are named, sized and connected."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("ingest", "workers", "console", "shared", "deploy")
LINES_MAX = 300
MODULES_MAX = {"shared": 40}  # flat on purpose: each of its modules serves several programs
FOLDER_MODULES_MAX = 25

# Names that several classes share, each with the reason.
SHARED_NAMES: dict[str, str] = {}

# A module is named after what it is or does. These say neither.
PARTICIPLES = {
    "asked", "brought", "built", "caught", "chosen", "done", "found", "given", "held",
    "hidden", "kept", "known", "left", "lost", "made", "marked", "met", "named", "noted",
    "said", "sent", "settled", "shown", "sought", "stored", "taken", "told", "understood",
    "wanted", "written",
}  # fmt: skip


@cache
def modules() -> dict[str, Path]:
    """Returns the files of the product by dotted name; a package's is that of its __init__."""
    files = {}
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def imported(name: str) -> Iterator[str]:
    """Yields the modules of the product that a module imports when it is itself imported."""
    pending: list[ast.AST] = [tree(name)]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases if alias.name in modules())
            case ast.ImportFrom(module=str(source), names=aliases):
                for alias in aliases:
                    submodule = f"{source}.{alias.name}"
                    if submodule in modules() or source in modules():
                        yield submodule if submodule in modules() else source
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                pass  # its imports run later, when it is called
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
                pending += others
            case _:
                pending += ast.iter_child_nodes(node)


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules that import one another, directly or through others."""
    reachable: dict[str, set[str]] = {}
    for start, targets in graph.items():
        seen: set[str] = set()
        pending = list(targets)
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending += graph[name]
        reachable[start] = seen
    in_cycles = [name for name in graph if name in reachable[name]]
    groups = {
        tuple(sorted(other for other in in_cycles if _connected(reachable, name, other)))
        for name in in_cycles
    }
    return [list(group) for group in sorted(groups)]


def _connected(reachable: dict[str, set[str]], one: str, other: str) -> bool:
    return other in reachable[one] and one in reachable[other]


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name in modules():
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    several = {name: places for name, places in homes.items() if len(places) > 1}

    assert {name: places for name, places in several.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(several), "an entry of SHARED_NAMES is no longer needed"


@pytest.mark.parametrize("name", modules())
def test_no_module_is_named_by_a_participle(name: str) -> None:
    assert not PARTICIPLES & set(name.split("."))


@pytest.mark.parametrize("name", modules())
def test_a_module_is_short(name: str) -> None:
    assert len(modules()[name].read_text().splitlines()) <= LINES_MAX


def test_a_folder_has_few_modules() -> None:
    counts = Counter(
        str(path.parent.relative_to(ROOT))
        for path in modules().values()
        if path.name != "__init__.py"
    )
    limits = {folder: MODULES_MAX.get(folder, FOLDER_MODULES_MAX) for folder in counts}

    assert {folder: count for folder, count in counts.items() if count > limits[folder]} == {}


def test_no_modules_import_one_another() -> None:
    graph = {name: set(imported(name)) - {name} for name in modules()}

    assert cycles(graph) == []


def test_a_cycle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}

    assert cycles(graph) == [["a", "b", "c"]]
