"""Proves that SQL is composed of constants alone: values travel as arguments.

Every expression that reaches PostgreSQL as a statement is followed back, through local names,
parameters and the fields of a class, to what the source itself holds: literals, module constants,
and the results of the few functions that write SQL. This is what the linter's S608 would ask of
each statement one by one.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("ingest", "workers", "console", "shared")
# The modules whose functions execute a statement, their second argument.
SINKS = {"shared/database.py", "workers/sql/json_rows.py"}
# DuckDB, which knows the files that it is given and no table.
DUCKDB = "shared/day_files/parquet.py"
# Functions there that take the name of a table, which psycopg quotes as an identifier.
QUOTING = {"copy_table_out", "copy_table_in", "has_rows"}
# They take the name that PostgreSQL has given to a snapshot, which psycopg quotes as a literal.
QUOTING |= {"reading_snapshot", "exported_snapshot"}
# They write SQL of the names of columns and tables that they are given.
HELPERS = {"as_ms", "day_of", "platform_of", "stretch_of", "from_ms", "record_select", "raw_select"}
HELPERS |= {"truncated"}  # of an address
# They write SQL of a date, which can be nothing else.
HELPERS_OF_DATES = {"partition_name", "partition_bounds"}
# They write SQL of members of an enumeration, each with its own constant.
HELPERS_OF_MEMBERS = {"selected_columns"}
_WRITERS = HELPERS | HELPERS_OF_DATES | HELPERS_OF_MEMBERS
# Where a statement is not of constants, and why that is safe.
EXCEPTIONS = {
    ("shared/migrate.py", "statement"): "a migration is a file of this version",
}

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|COPY|ALTER|DROP|TRUNCATE|LOCK TABLE|FROM"
    r"|WHERE|JOIN|RETURNING|SET|ORDER BY|VALUES)\b"
)
_COMPOSERS = {"format", "join", "strip", "replace", "encode"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """A file of the product, each of its expressions with the functions around it."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.tree = ast.parse(source)
        self.functions: dict[ast.AST, tuple[Function, ...]] = {}
        self.imports = {
            alias.name: f"{node.module.replace('.', '/')}.py"
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        self._walk(self.tree, ())

    def _walk(self, node: ast.AST, around: tuple[Function, ...]) -> None:
        self.functions[node] = around
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            around = (node, *around)
        for child in ast.iter_child_nodes(node):
            self._walk(child, around)

    @cached_property
    def fields(self) -> dict[str, set[str]]:
        """Returns the classes that declare a field, by the field's name."""
        classes: dict[str, set[str]] = defaultdict(set)
        for node in ast.walk(self.tree):
            for item in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    classes[item.target.id].add(node.name)  # type: ignore[attr-defined]
        return classes


class Product:
    """The product: its modules, and every call in them by the name of what is called."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.modules = [Module(name, source) for name, source in sources.items()]
        self.calls: dict[str, list[tuple[Module, ast.Call]]] = defaultdict(list)
        for module in self.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    self.calls[_called(node)].append((module, node))

    def faults(self) -> Iterator[str]:
        """Names every statement that is not of constants alone."""
        for module in self.modules:
            for node in ast.walk(module.tree):
                for statement in _statements(module, node):
                    if not self.is_constant(module, statement):
                        yield f"{module.name}:{statement.lineno} {ast.unparse(statement)[:90]}"

    def is_constant(
        self, module: Module, node: ast.expr, known: frozenset[tuple[str, str]] = frozenset()
    ) -> bool:
        """Tells whether an expression is made of constants of the source alone."""
        match node:
            case ast.Constant():
                return True
            case ast.Name() | ast.Attribute(value=ast.Name()) if _names_constant(node):
                return True
            case ast.Name():
                return self._is_constant_name(module, node, known)
            case ast.Attribute(attr=field):
                return self._is_constant_field(module, field, known)
            case ast.Call() if _called(node) not in _WRITERS | _COMPOSERS:
                return self._is_constant_result(node, known)
        parts = _parts(node)
        return parts is not None and all(self.is_constant(module, part, known) for part in parts)

    def _is_constant_name(
        self, module: Module, name: ast.Name, known: frozenset[tuple[str, str]]
    ) -> bool:
        """Follows a local name to its assignments, or a parameter to the calls that pass it."""
        if (module.name, name.id) in EXCEPTIONS:
            return True
        for function in module.functions[name]:
            key = (f"{module.name}:{function.name}", name.id)
            if key in known:
                return True  # a recursive call passes on what the others do
            bound = list(_bound(function, name.id))
            if bound:
                return all(self.is_constant(module, value, known | {key}) for value in bound)
            passed = self._passed(module, function, name.id)
            if passed is not None:
                return bool(passed) and all(
                    self.is_constant(caller, value, known | {key}) for caller, value in passed
                )
        return False

    def _passed(
        self, home: Module, function: Function, name: str
    ) -> list[tuple[Module, ast.expr]] | None:
        """Returns what the calls of a function pass for a parameter; None if it has no such one."""
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        keywords = [argument.arg for argument in function.args.kwonlyargs]
        if name not in names + keywords:
            return None
        position = names.index(name) if name in names else None
        if names[:1] == ["self"] and position is not None:
            position -= 1
        passed = []
        for module, call in self.calls[function.name]:
            if not _may_call(module, call, home, function):
                continue
            passed += [(module, word.value) for word in call.keywords if word.arg == name]
            if position is not None and position < len(call.args):
                passed.append((module, call.args[position]))
        return passed

    def _is_constant_field(
        self, module: Module, field: str, known: frozenset[tuple[str, str]]
    ) -> bool:
        """Follows a field of a class of this module to everything that makes the class."""
        classes = module.fields.get(field, set())
        made = [
            (caller, value)
            for name in classes
            for caller, call in self.calls[name]
            for value in _field_values(module, name, field, call)
        ]
        return bool(made) and all(self.is_constant(caller, value, known) for caller, value in made)

    def _is_constant_result(self, call: ast.Call, known: frozenset[tuple[str, str]]) -> bool:
        """Follows a call to what the function or method of that name returns."""
        returned = [
            (home, node.value)
            for home in self.modules
            for node in ast.walk(home.tree)
            if isinstance(node, ast.Return)
            and node.value is not None
            and any(function.name == _called(call) for function in home.functions[node][:1])
        ]
        return bool(returned) and all(
            self.is_constant(home, value, known) for home, value in returned
        )


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _may_call(module: Module, call: ast.Call, home: Module, function: Function) -> bool:
    """Tells a call of this function from one of another function of the same name."""
    if isinstance(call.func, ast.Name):
        return home.name in (module.name, module.imports.get(function.name))
    is_method = [argument.arg for argument in function.args.args][:1] == ["self"]
    return is_method or (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and home.name.endswith(f"/{call.func.value.id}.py")
    )


def _names_constant(node: ast.Name | ast.Attribute) -> bool:
    """Tells whether this is a constant of a module, or a member of an enumeration or the like."""
    name = node.value if isinstance(node, ast.Attribute) else node
    return isinstance(name, ast.Name) and _CONSTANT.fullmatch(name.id) is not None


def _parts(node: ast.expr) -> list[ast.expr] | None:
    """Returns the expressions that an expression is composed of; None for one of another kind."""
    match node:
        # Of a subscript: whichever of its constants it picks.
        case ast.Subscript(value=part) | ast.FormattedValue(value=part) | ast.Starred(value=part):
            parts = [part]
        case ast.JoinedStr(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            pass
        case ast.IfExp(body=first, orelse=second):
            parts = [first, second]
        case ast.BinOp(left=first, op=ast.Add(), right=second):
            parts = [first, second]
        case ast.Call() if _called(node) in HELPERS_OF_DATES | HELPERS_OF_MEMBERS:
            parts = []
        case ast.Call(func=function, args=arguments, keywords=keywords):
            texts = [*arguments, *(keyword.value for keyword in keywords)]
            is_method = isinstance(function, ast.Attribute) and function.attr in _COMPOSERS
            parts = [function.value, *texts] if is_method else texts  # type: ignore[attr-defined]
        case _:
            return None
    return parts


def _statements(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    """Yields what a node sends to PostgreSQL, or composes with the words of SQL."""
    match node:
        case ast.Call(func=ast.Name(id=sink), args=arguments) if module.imports.get(sink) in SINKS:
            yield from () if sink in QUOTING else arguments[1:2]
        case ast.Call(func=ast.Attribute(value=text, attr="format" | "join")) if _is_sql(text):
            yield node
        case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()) if _is_sql(node):
            yield node


def _is_sql(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_sql(node.left) or _is_sql(node.right)
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value for part in parts if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and _SQL.search(text) for text in texts)


def _bound(function: Function, name: str) -> Iterator[ast.expr]:
    """Yields what a name of a function is bound to: by assignment, or as a loop's variable."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[target], value=value):
                yield from _matched(target, value, name)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _matched(target, value, name)
            case ast.AugAssign(target=ast.Name(id=bound), value=value) if bound == name:
                yield value
            case ast.For(target=target, iter=ast.Tuple(elts=items)):
                for item in items:
                    yield from _matched(target, item, name)
            case ast.For(target=target, iter=value):
                yield from _matched(target, value, name)
            case ast.comprehension(target=target, iter=value):
                yield from _matched(target, value, name)
            case ast.NamedExpr(target=target, value=value):
                yield from _matched(target, value, name)


def _matched(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """Yields the part of a value that goes to a name of the target."""
    match target, value:
        case ast.Name(id=bound), _ if bound == name:
            yield value
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for part, item in zip(targets, values, strict=True):
                yield from _matched(part, item, name)
        case ast.Tuple(elts=targets), _:
            for part in targets:
                yield from _matched(part, value, name)


def _field_values(module: Module, name: str, field: str, call: ast.Call) -> Iterator[ast.expr]:
    fields = [
        item.target.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name == name
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    yield from (word.value for word in call.keywords if word.arg == field)
    yield from call.args[fields.index(field) : fields.index(field) + 1]


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text()
        for program in PROGRAMS
        for path in sorted((ROOT / program).rglob("*.py"))
        if path != ROOT / "shared" / "database.py"  # the sinks themselves
    }


def test_no_value_is_written_into_a_statement() -> None:
    assert list(Product(sources()).faults()) == []


def test_only_the_database_module_executes_statements() -> None:
    executed = [
        module.name
        for module, call in Product(sources()).calls["execute"]
        if call.args or call.keywords
    ]

    assert [name for name in executed if name != DUCKDB] == []
    assert executed.count(DUCKDB) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def f(c, name):\n    run(c, f'SELECT {name}')\nf(c, input())",
        "def f(c, name):\n    run(c, 'SELECT ' + name)\nf(c, input())",
        "def f(c, name):\n    run(c, _SELECT.format(name))\nf(c, input())",
        "def f(c, name):\n    run(c, 'SELECT %s' % name)\nf(c, 'a')",
        "def f(c, name):\n    text = 'SELECT 1'\n    text += name\n    run(c, text)\nf(c, input())",
        "def f(c, rows):\n    for row in rows:\n        run(c, f'DROP TABLE {row}')\nf(c, input())",
        "def f(c, app):\n    return f'SELECT {app.name}'",
        "def f(c, app):\n    return f'SELECT {as_ms(app.name)}'",
        "def f(c, statement):\n    run(c, statement)\nf(c, 'SELECT 1')\nf(c, input())",
        "class A:\n    x: str\ndef f(c, a):\n    run(c, f'SELECT {a.x}')\nA(input())",
    ],
)
def test_a_value_in_a_statement_is_found(source: str) -> None:
    assert list(Product({"sample.py": f"from shared.database import run\n{source}"}).faults())


@pytest.mark.parametrize(
    "source",
    [
        "def f(c, name):\n    run(c, 'SELECT %s', (name,))",
        "def f(c):\n    run(c, f'SELECT {_COLUMNS} FROM apps')",
        "def f(c, split):\n    run(c, _SELECT.format(columns=_COLUMNS[split]))",
        "def f(c):\n    run(c, f'SELECT {as_ms(\"event_time\")}')",
        "def f(c, day):\n    run(c, f'DROP TABLE {partition_name(day)}')",
        "def f(c, statement):\n    run(c, statement)\nf(c, 'SELECT 1')\nf(c, _SELECT)",
        "class A:\n    x: str\ndef f(c, a):\n    run(c, f'SELECT {a.x}')\nA('id')",
    ],
)
def test_constants_in_a_statement_are_no_fault(source: str) -> None:
    assert list(Product({"sample.py": f"from shared.database import run\n{source}"}).faults()) == []
