"""Writes what pages repeat from the code, between its marks: `make docs`. A test compares.

<!-- settings -->  …  <!-- end of settings -->
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from shared.metrics import METRICS, Source
from shared.settings import PROGRAM_VARIABLES, SETTINGS

DOCS = Path(__file__).parents[2] / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join(f" {cell} " for cell in line) + "|" for line in lines)


def settings_table() -> str:
    return table(
        ("variable", "default", "unit", "meaning"),
        (
            (
                f"`{each.variable}`",
                f"`{each.default}`" if each.default else "none",
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
                f"`{each.default}`" if each.default else "none",
                each.sentence,
            )
            for each in PROGRAM_VARIABLES
        ),
    )


def metrics_table(source: Source) -> str:
    return table(
        ("metric", "kind", "labels", "meaning"),
        (
            (
                f"`{each.name}`",
                each.kind,
                ", ".join(f"`{label}`" for label in each.labels),
                each.sentence,
            )
            for each in METRICS.values()
            if each.source is source
        ),
    )


# By page and mark, what stands there.
WRITTEN: dict[tuple[str, str], Callable[[], str]] = {
    ("operations.md", "settings"): settings_table,
    ("operations.md", "program variables"): program_variables_table,
    ("metrics.md", "metrics of ingest"): partial(metrics_table, Source.INGEST),
    ("metrics.md", "metrics of the pipeline"): partial(metrics_table, Source.PIPELINE),
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
