"""Writes the parts of the docs that repeat the code, between marks: `make docs`. A test compares.

<!-- settings -->  …  <!-- end of settings -->
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from shared.access import rights_tables
from shared.callbacks.macros import DECLARED
from shared.metrics import METRICS, Source
from shared.setting_sources import PROGRAM_VARIABLES
from shared.settings import SETTINGS
from tests.tools import ingest_openapi
from workers.core.agent_table import FORMS

DOCS = Path(__file__).parents[2] / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join(f" {cell} " for cell in line) + "|" for line in lines)


def settings_table() -> str:
    return table(
        ("variable", "default", "unit", "meaning"),
        (
            (
                f"`{setting.variable}`",
                f"`{setting.default}`" if setting.default else "none",
                setting.unit,
                setting.sentence,
            )
            for setting in SETTINGS.values()
        ),
    )


def program_variables_table() -> str:
    return table(
        ("variable", "default", "meaning"),
        (
            (
                f"`{variable.variable}`",
                f"`{variable.default}`" if variable.default else "none",
                variable.sentence,
            )
            for variable in PROGRAM_VARIABLES
        ),
    )


def metrics_table(source: Source) -> str:
    return table(
        ("metric", "kind", "labels", "meaning"),
        (
            (
                f"`{metric.name}`",
                metric.kind,
                ", ".join(f"`{label}`" for label in metric.labels),
                metric.sentence,
            )
            for metric in METRICS.values()
            if metric.source is source
        ),
    )


def agents_table() -> str:
    return table(
        ("agent", "platform", "version", "model", "since", "example", "source"),
        (
            (
                form.name,
                form.system,
                str(form.version),
                "told" if "(?P<model>" in form.pattern else "withheld",
                form.since,
                f"`{form.example}`",
                form.source,
            )
            for form in FORMS
        ),
    )


def macros_table() -> str:
    """Returns every macro with its names, meaning, example and source."""
    rows = [
        (
            f"`{{{each.name}}}`",
            ", ".join(f"`#{{{path}}}`" for path in each.paths),
            each.meaning,
            f"`{each.example}`" if each.example else "",
            each.source,
        )
        for each in DECLARED
    ]
    return table(("Adjust", "Swaarm", "meaning", "example", "source"), rows)


def rights_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns what each program may do, the name of each row as code."""
    return table(head, ((f"`{name}`", *rights) for name, *rights in rows))


def commands_table() -> str:
    """Returns the commands of Redis that each program may call."""
    return table(
        rights_tables.COMMAND_HEAD,
        (
            (program, ", ".join(f"`{name}`" for name in commands.split(", ")))
            for program, commands in rights_tables.command_rows()
        ),
    )


# The text by page and mark.
WRITTEN: dict[tuple[str, str], Callable[[], str]] = {
    ("operations.md", "settings"): settings_table,
    ("operations.md", "program variables"): program_variables_table,
    ("measurement.md", "agents"): agents_table,
    ("callbacks.md", "macros"): macros_table,
    ("security.md", "rights in Redis"): lambda: rights_table(
        rights_tables.KEY_HEAD, rights_tables.key_rows()
    ),
    ("security.md", "commands of Redis"): commands_table,
    ("security.md", "rights in PostgreSQL"): lambda: rights_table(
        rights_tables.TABLE_HEAD, rights_tables.table_rows()
    ),
    ("metrics.md", "metrics of ingest"): partial(metrics_table, Source.INGEST),
    ("metrics.md", "metrics of the pipeline"): partial(metrics_table, Source.PIPELINE),
}


def with_written(page: str, text: str) -> str:
    """Returns the page with these parts. Raises ValueError when a mark is missing."""
    for (name, mark), write in WRITTEN.items():
        if name == page:
            text = _replace_block(text, mark, write())
    return text


def _replace_block(text: str, mark: str, content: str) -> str:
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    block = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    if len(block.findall(text)) != 1:
        raise ValueError(f"there is no place for the {mark}")
    return block.sub(lambda _: f"\n{content}\n\n", text)


def main() -> None:
    for page in sorted({page for page, _ in WRITTEN}):
        path = DOCS / page
        path.write_text(with_written(page, path.read_text()))
        print(f"wrote {path}")
    ingest_openapi.FILE.write_text(ingest_openapi.written())
    print(f"wrote {ingest_openapi.FILE}")


if __name__ == "__main__":
    main()
