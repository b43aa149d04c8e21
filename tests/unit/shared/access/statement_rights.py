"""Finds the rights that the statements of a program need, by reading its source."""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[4]
TABLES = set(
    re.findall(r"^CREATE TABLE (\w+)", (ROOT / "shared/schema.sql").read_text(), re.MULTILINE)
)

_FORMS = {
    "a": r"\b(?:INSERT INTO|COPY) (\w+)",
    "w": r"\bUPDATE (\w+)\b(?=.*?\bSET\b)",
    "d": r"\bDELETE FROM (\w+)",
    "r": r"\b(?:(?<!DELETE )FROM|JOIN|USING) (?:ONLY )?(\w+)",
}


def texts_of(folders: Collection[str], skipped: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yields every text of the modules and files of SQL of folders, with the file's path."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            name = str(path.relative_to(ROOT))
            if name.startswith(tuple(skipped)) and skipped:
                continue
            if path.suffix == ".sql":
                yield name, path.read_text()
            elif path.suffix == ".py":
                yield from ((name, text) for text in _texts(ast.parse(path.read_text())))


def rights_in(text: str) -> Iterator[tuple[str, str]]:
    """Yields the tables that a text names, each with the right that it needs there."""
    statement = re.sub(r"--.*", "", text)
    for right, form in _FORMS.items():
        for match in re.finditer(form, statement, re.DOTALL):
            if match[1] in TABLES:
                yield match[1], right
                if right in "wd":
                    yield match[1], "r"  # of the columns in WHERE
    for table, rest in re.findall(
        r"\bINSERT INTO (\w+)(.*?)(?=\bINSERT INTO\b|\Z)", statement, re.DOTALL
    ):
        if table in TABLES and "ON CONFLICT" in rest:
            yield table, "r"
            if "DO UPDATE" in rest:
                yield table, "w"
    for locked in re.findall(r"\b(?:FROM|JOIN) (\w+)\b(?=[^;]*\bFOR UPDATE OF \1\b)", statement):
        if locked in TABLES:
            yield locked, "w"


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            # What `workers.sql.copy` copies rows into.
            case ast.Call(func=ast.Name(id="Target"), args=[ast.Constant(value=str(table)), *_]):
                yield f"COPY {table}"
