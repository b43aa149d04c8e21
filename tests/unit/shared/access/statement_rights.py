"""Finds the rights that the statements of a program need, by reading its source."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
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
    yield from _formatted(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            # What `workers.sql.copy` copies rows into.
            case ast.Call(func=ast.Name(id="Target"), args=[ast.Constant(value=str(table)), *_]):
                yield f"COPY {table}"


def _formatted(tree: ast.Module) -> Iterator[str]:
    """Yields the constants of a module with the names that are put into them, as of a table."""
    templates = {
        name: value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(value := node.value.value, str)
        and (name := node.targets[0].id)
    }
    for template, name, value in _put_in(tree, {}):
        if template in templates:
            yield templates[template].replace(f"{{{name}}}", value)


def _put_in(node: ast.AST, loops: Mapping[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Yields each `TEMPLATE.format(name=value)`, whose value is a text or runs over texts."""
    match node:
        case ast.For(target=ast.Name(id=target), iter=ast.Tuple(elts=parts)):
            texts = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
            loops = {**loops, target: texts}
        case ast.Call(func=ast.Attribute(value=ast.Name(id=template), attr="format")):
            for keyword in node.keywords:
                match keyword.value:
                    case ast.Constant(value=str(value)):
                        yield template, keyword.arg or "", value
                    case ast.Name(id=variable):
                        for value in loops.get(variable, ()):
                            yield template, keyword.arg or "", value
    for child in ast.iter_child_nodes(node):
        yield from _put_in(child, loops)
