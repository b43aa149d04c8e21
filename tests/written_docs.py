"""Writes what pages repeat from the code, between its marks: `make docs`. A test compares.

<!-- settings -->  …  <!-- end of settings -->
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from shared.settings import PROGRAM_VARIABLES, SETTINGS

DOCS = Path(__file__).parents[1] / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join(f" {cell} " for cell in line) + "|" for line in lines)


def settings_table() -> str:
    return table(
        ("variable", "default", "unit", "meaning"),
        (
            (
                f"`{each.variable}`",
                "none" if each.default is None else f"`{each.default}`",
                each.unit,
                each.sentence,
            )
            for each in SETTINGS.values()
        ),
    )


def program_variables_table() -> str:
    return table(
        ("variable", "default", "meaning"),
        (
            (
                f"`{each.variable}`",
                "none" if each.default is None else f"`{each.default}`",
                each.sentence,
            )
            for each in PROGRAM_VARIABLES
        ),
    )


# By page and mark, what stands there.
WRITTEN: dict[tuple[str, str], Callable[[], str]] = {
    ("operations.md", "settings"): settings_table,
    ("operations.md", "program variables"): program_variables_table,
}


def with_written(page: str, text: str) -> str:
    """The page as it has to be. Raises ValueError when a mark is missing."""
    for (name, mark), write in WRITTEN.items():
        if name == page:
            text = _replaced(text, mark, write())
    return text


def _replaced(text: str, mark: str, content: str) -> str:
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    found = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ValueError(f"there is no place for the {mark}")
    return found.sub(lambda _: f"\n{content}\n\n", text)


def main() -> None:
    for page in sorted({page for page, _ in WRITTEN}):
        path = DOCS / page
        path.write_text(with_written(page, path.read_text()))
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
