"""The fingerprint of a training function: its code and the code it reaches, without comments, layout and docstrings.

Reached means: named in the function, in the same file or in a module that lies beside it or below. Libraries are not followed;
their versions stand in the provenance. Source is read, never imported.
"""

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused


def code_fingerprint(function: Callable[..., Any]) -> str:
    """SHA-256 of the function (or class) and all it reaches, 64 hexadecimal digits."""
    function = inspect.unwrap(function)  # a decorator would stand for what it wraps; it is reached from there by name
    source = _source(function)
    if "." in function.__qualname__ or function.__name__ == "<lambda>":
        raise Refused(f"{function!r} must be a function at the top level of a file, so that its code can be told apart")
    return file_fingerprint(source, function.__name__)


def _source(function: Callable[..., Any]) -> Path:
    """The file that defines a function or class; refused for one typed into a notebook, a prompt or ``python -c``."""
    try:
        source = inspect.getsourcefile(function)
    except (TypeError, OSError):  # of a class whose module has no file
        source = None
    if source is None or not Path(source).is_file():
        name = getattr(function, "__name__", repr(function))
        raise Refused(
            f"{name!r} was not defined in a file, and trials run in processes of their own that import it from one: write the "
            "study to a file, in a notebook with %%writefile study.py, and give `hpsearch run study.py`"
        )
    return Path(source)


def file_fingerprint(path: Path, name: str, root: Path | None = None) -> str:
    """The same for a function named in a file that need not be imported; modules below ``root`` are followed."""
    reader = _Reader((root or path.parent).resolve())
    reader.visit(path.resolve(), name)
    if not reader.texts:
        raise Refused(f"{path} defines no {name!r} at its top level, so that its code cannot be told apart")
    text = "\n\n".join(reader.texts[key] for key in sorted(reader.texts))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class _Reader:
    root: Path  # modules outside it are libraries
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    modules: dict[Path, dict[str, list[ast.stmt]]] = field(default_factory=dict)

    def visit(self, path: Path, name: str) -> None:
        key = (path.relative_to(self.root).as_posix(), name)
        bindings = self._bindings(path)
        statements = bindings.get(name) or bindings.get("*", [])  # a name found nowhere may come from a star import
        if key in self.texts or not statements:
            return
        self.texts[key] = f"# {key[0]} {name}\n" + "\n".join(ast.unparse(_bare(statement)) for statement in statements)
        for statement in statements:
            for module, wanted in _imports(statement, path, self.root):
                for each in self._bindings(module) if wanted == "*" else (wanted,):
                    self.visit(module, each)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name):
                    self.visit(path, node.id)

    def _bindings(self, path: Path) -> dict[str, list[ast.stmt]]:
        if path not in self.modules:
            self.modules[path] = {}
            for statement in ast.parse(path.read_bytes()).body:
                for name in _bound(statement):
                    self.modules[path].setdefault(name, []).append(statement)
        return self.modules[path]


def _bound(statement: ast.stmt) -> set[str]:
    """Names a top-level statement binds or changes; a function binds only its own, a block (if, try, with) all inside it.

    ``TABLE["a"] = 1`` and ``TABLE.update(a=1)`` change ``TABLE``.
    """
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names |= _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names |= _root(node.value.func)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
    return names


def _root(node: ast.expr) -> set[str]:
    """The name a chain of attributes and items starts from: ``TABLE`` of ``TABLE.rows[0]``; none for a bare name."""
    start = node
    while isinstance(start, ast.Attribute | ast.Subscript):
        start = start.value
    return {start.id} if isinstance(start, ast.Name) and start is not node else set()


def _bare(statement: ast.stmt) -> ast.stmt:
    """A copy without docstrings."""
    copy: ast.stmt = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:] or [ast.Pass()]
    return copy


def _imports(statement: ast.stmt, path: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """Files under the root that a statement imports, with the name taken (``*``: the whole module)."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if module := _locate(alias.name, path, 0, root):
                    yield module, "*"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = ".".join(filter(None, (node.module, alias.name)))
                if module := _locate(inner, path, node.level, root):
                    yield module, "*"
                elif module := _locate(node.module or "", path, node.level, root):
                    yield module, alias.name


def _above_packages(folder: Path) -> Path:
    """The folder that the package holding this folder is imported from; the folder itself where it is no package."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _locate(module: str, path: Path, level: int, root: Path) -> Path | None:
    parts = tuple(filter(None, module.split(".")))
    places = [path.parents[level - 1]] if level else [root, _above_packages(root)]
    for place in places:
        file = [place.joinpath(*parts).with_suffix(".py")] if parts else []
        for candidate in (*file, place.joinpath(*parts, "__init__.py")):
            if (parts or level) and candidate.is_file() and candidate.resolve().is_relative_to(root):
                return candidate.resolve()
    return None
