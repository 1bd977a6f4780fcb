"""Digest of the project code that a node runs, blind to comments, docstrings and layout.

It follows the syntax trees, not the version control: of the node's own module only the definitions and
imports that the node function reaches count, of every other module of the package the whole module and what
that imports. So a change redoes the nodes that it can reach and no others.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Package:
    """A package as files, none of which is imported.

    Attributes:
        name: Import name.
        folder: The folder that holds its `__init__.py`.
        without_effect: Modules below it whose code has no part in the numbers.
    """

    name: str
    folder: Path
    without_effect: frozenset[str] = frozenset()

    def file(self, module: str) -> Path | None:
        """The file of a module of this package; None for every other name."""
        package, *parts = module.split(".")
        if package != self.name:
            return None
        path = self.folder.joinpath(*parts)
        candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
        return next((file for file in candidates if file.is_file()), None)

    def counts(self, module: str) -> bool:
        """Whether a change of this module can change a number."""
        parts = module.split(".")[1:]
        return not any(".".join(parts[:depth]) in self.without_effect for depth in range(1, len(parts) + 1))


# Wording of errors, progress lines and how things are stored have no part in the numbers.
THIS_PACKAGE = Package(
    __name__.partition(".")[0],
    Path(__file__).parents[1],
    frozenset({"errors", "mapping", "files", "datasets", "tracking", "_torchaudio"}),
)


def code_digest(function: Callable[..., Any], package: Package = THIS_PACKAGE) -> str:
    """Digest of everything in the package that `function` can run.

    Args:
        function: A module-level function of the package.
        package: Where its code lies.

    Returns:
        Hexadecimal text.
    """
    module = function.__module__
    reached = _reached_statements(_tree(package, module), function.__name__)
    imported = {name for statement in reached for name in _imported_modules(package, statement, module)}
    digest = hashlib.sha256()
    for statement in reached:
        digest.update(_dump(statement).encode())
    for name in sorted(_closure(package, imported) - {module}):
        digest.update(f"{name}\n{_module_dump(package, name)}".encode())
    return digest.hexdigest()


@cache
def _tree(package: Package, module: str) -> ast.Module:
    file = package.file(module)
    assert file is not None, f"{module} is no module of {package.name}"
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _module_dump(package: Package, module: str) -> str:
    return _dump(_tree(package, module))


def _dump(node: ast.AST) -> str:
    return ast.dump(_WithoutDocstrings().visit(ast.parse(ast.unparse(node))))


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops docstrings of modules, classes, functions and attributes."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)] or [ast.Pass()]  # type: ignore[attr-defined]
        return node


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _reached_statements(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements that define `name` and whatever its definition mentions, and those that only act."""
    defining: defaultdict[str, list[ast.stmt]] = defaultdict(list)
    acting: list[ast.stmt] = []
    for statement in _one_import_each(tree.body):
        names = list(_names_defined(statement))
        for key in names:
            defining[key].append(statement)
        if not names and not _is_text(statement):
            acting.append(statement)
    wanted, reached = [name, *_names_mentioned(acting)], set[str]()
    while wanted:
        key = wanted.pop()
        if key in defining and key not in reached:
            reached.add(key)
            wanted += _names_mentioned(defining[key])
    return [*(statement for key in sorted(reached) for statement in defining[key]), *acting]


def _one_import_each(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                yield ast.ImportFrom(statement.module, [alias], statement.level)
        elif isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        else:
            yield statement


def _names_defined(statement: ast.stmt) -> Iterator[str]:
    """Names that a top-level statement binds; a star import binds none that could be known."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        alias = statement.names[0]
        if alias.name != "*":
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from _names_mentioned(targets)


def _names_mentioned(nodes: Iterable[ast.AST]) -> list[str]:
    return [part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)]


def _imported_modules(package: Package, node: ast.AST, module: str) -> Iterator[str]:
    """Modules of the package named by import statements anywhere inside `node`, which stands in `module`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names if package.file(alias.name))
        elif isinstance(part, ast.ImportFrom):
            source = _absolute(package, part, module)
            candidates = [source, *(f"{source}.{alias.name}" for alias in part.names)]
            yield from (name for name in candidates if package.file(name))


def _absolute(package: Package, statement: ast.ImportFrom, module: str) -> str:
    if not statement.level:
        return statement.module or ""
    file = package.file(module)
    is_folder = file is not None and file.name == "__init__.py"
    above = module.split(".")[: len(module.split(".")) - statement.level + is_folder]
    return ".".join([*above, *([statement.module] if statement.module else [])])


def _closure(package: Package, modules: set[str]) -> set[str]:
    waiting, seen = list(modules), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or not package.counts(name):
            continue
        seen.add(name)
        waiting += _direct_imports(package, name)
    return seen


@cache
def _direct_imports(package: Package, module: str) -> tuple[str, ...]:
    return tuple(_imported_modules(package, _tree(package, module), module))
