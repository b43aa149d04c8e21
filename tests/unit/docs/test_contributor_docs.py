"""The pages for contributors name modules, files, tests and keys that exist."""

import re
from pathlib import Path

import pytest

from tests.unit.docs.test_docs import PAGES, ROOT, table, under

PROGRAMS = ("ingest", "workers", "console", "deploy", "shared")
ARCHITECTURE = ROOT / "docs" / "architecture.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DECISIONS = ROOT / "docs" / "decisions.md"
SCREEN_LINES_MAX = 45
RECIPES = (
    "A field", "An endpoint", "A dialect", "A setting", "A metric", "An error", "A job", "A page",
    "A command", "A migration",
)  # fmt: skip
# One worker's throughput, by each of the three ways in which it was measured.
THROUGHPUTS = ("10,911", "5,951", "7,900")
# Files that a page may name before they exist.
EXPECTED_LATER = {"shared/event_columns.py"}


def source() -> str:
    """Returns the text of all programs."""
    files = (file for program in PROGRAMS for file in (ROOT / program).rglob("*.py"))
    return "\n".join(file.read_text() for file in files)


def exists(name: str) -> bool:
    """Tells whether a dotted name is a module, or a name that a module defines."""
    path = ROOT / name.replace(".", "/")
    if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
        return True
    module = path.parent.with_suffix(".py")
    defined = rf"^(?:class |(?:async )?def )?{path.name}\b"
    return module.exists() and bool(re.search(defined, module.read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(rf"`((?:{'|'.join(PROGRAMS)})(?:\.\w+)+)`", page.read_text()))
    named = {name for name in named if not (ROOT / name).exists()}

    assert [name for name in sorted(named) if not exists(name)] == []


@pytest.mark.parametrize(
    "page", [ARCHITECTURE, CONTRIBUTING, ROOT / "docs" / "data-flow.md"], ids=lambda page: page.name
)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    programs = "|".join((*PROGRAMS, "tests", "docs"))
    named = set(re.findall(rf"`((?:{programs})/[\w/.-]*)(?:::\w+)?`", page.read_text()))

    assert named
    assert {name for name in named if not (ROOT / name).exists()} <= EXPECTED_LATER


def test_every_test_that_a_recipe_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", CONTRIBUTING.read_text())

    assert named
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), test


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_says_which_test_fails_first(recipe: str) -> None:
    text = under(CONTRIBUTING.read_text(), f"### {recipe}")

    assert "**Fails first:**" in text or "**Write the test that fails first**" in text


def test_the_architecture_fits_on_one_screen_and_names_every_folder() -> None:
    text = ARCHITECTURE.read_text()
    folders = [
        folder.name
        for program in PROGRAMS
        for folder in (ROOT / program).iterdir()
        if (folder / "__init__.py").exists()
    ]

    assert len(text.splitlines()) <= SCREEN_LINES_MAX
    assert [name for name in (*PROGRAMS, *folders) if f"{name}/`" not in text] == []


def declared_keys() -> dict[str, str]:
    """Returns the names of all keys up to what differs, each with what declares it."""
    text = (ROOT / "shared" / "shards" / "shard_names.py").read_text()
    attributes = re.findall(r"self\.(\w+) = f\"\{prefix\}([a-z_:]+)", text)
    functions = re.findall(r"def (\w+)\(.*\n +return f\"\{self\.prefix\}([a-z_:]+)", text)
    keys: dict[str, str] = {}
    for name, key in (*attributes, *functions):
        keys.setdefault(f"waybill:{key}", name)
    return keys


def test_every_redis_key_is_on_its_page_and_no_other() -> None:
    page = (ROOT / "docs" / "redis-keys.md").read_text()
    documented = {cells[0].strip("`") for cells in table(page)} - {"rq:*"}
    assert {re.split("[A-Z]", key)[0] for key in documented} == set(declared_keys())


def test_every_redis_key_is_used_where_its_page_says() -> None:
    declared = declared_keys() | {"rq:": "Queue"}
    for key, _, _, file in table((ROOT / "docs" / "redis-keys.md").read_text()):
        name = declared[re.split("[A-Z*]", key.strip("`"))[0]]
        assert re.search(rf"\b{name}\b", (ROOT / file.strip("`")).read_text()), key


def test_decisions_are_numbered_and_lead_to_what_supersedes_them() -> None:
    text = DECISIONS.read_text()
    parts = re.split(r"^## (\d+)\. ", text, flags=re.MULTILINE)[1:]
    bodies = {int(number): body for number, body in zip(parts[::2], parts[1::2], strict=True)}

    assert list(bodies) == list(range(1, len(bodies) + 1))
    for number, body in bodies.items():
        assert re.match(r"[^\n.]+\n2\d{3}-\d\d-\d\d\. ", body), number
        for later in re.findall(r"[Ss]uperseded\s+by\s+\[(\d+)\]", body):
            assert int(later) > number
            assert f"[{number}](" in bodies[int(later)], number


def test_one_workers_throughput_is_published_in_one_place() -> None:
    for figure in THROUGHPUTS:
        pages = [page.name for page in PAGES if figure in page.read_text()]
        assert pages == ["performance.md"], figure


def test_the_readme_says_what_waybill_is_for_before_how_it_is_built_and_shows_it_twice() -> None:
    text = (ROOT / "README.md").read_text()
    purpose, _, _ = text.partition("## How it is built")
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', purpose)

    assert "## Start" in purpose
    assert len(pictures) == len(set(pictures)) == 4  # two, each in light and dark
    assert all((ROOT / picture).exists() for picture in pictures)


def test_the_changelog_has_the_version_of_the_package() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert version
    assert re.findall(r"^## \[([^]]+)\]", text, re.MULTILINE)[:2] == ["Unreleased", version[1]]
