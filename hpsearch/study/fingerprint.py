"""The fingerprint of a training function: its code and the code it reaches, without comments, layout and docstrings.

Reached means: named in the function, in the same file or in a module that lies beside it or below. Libraries are not followed;
their versions stand in the provenance. Source is read, never imported. What a file is called is no part of it, and neither are
the fields that a config's class declares: their values stand in every trial. What else a config holds, functions and the methods
of its classes, is called without being named, so it counts as reached.
"""

import ast
import hashlib
import inspect
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any

from hpsearch.errors import Refused


@dataclass(frozen=True)
class Code:
    """Training code that was read: the texts of its parts."""

    texts: Mapping[tuple[int, str], str]  # number of the file and name in it, to the text
    files: tuple[str, ...]  # by number: the one that holds the function is the first
    root: Path  # of what was followed

    @cached_property
    def hash(self) -> str:
        """SHA-256 of it all, 64 hexadecimal digits."""
        return _sha256("\n\n".join(f"# {number} {name}\n{self.texts[number, name]}" for number, name in sorted(self.texts)))

    @cached_property
    def parts(self) -> dict[str, str]:
        """Every function, class and constant by its name, with its file's before it where that is another, and its SHA-256."""
        return {f"{self.files[number]}: {name}" if number else name: _sha256(text) for (number, name), text in self.texts.items()}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_code(function: Callable[..., Any], recorded: Iterable[str] = (), held: Iterable[type | FunctionType] = ()) -> Code:
    """The code of a function (or class) and all it reaches.

    ``recorded`` are names of dataclasses whose values stand in the trials: the fields they declare are no part of the code.
    ``held`` are functions and classes in configs: those beside the function or below are reached as well.
    """
    function = inspect.unwrap(function)  # a decorator would stand for what it wraps; it is reached from there by name
    source = _source(function)
    if "." in function.__qualname__ or function.__name__ == "<lambda>":
        raise Refused(f"{function!r} must be a function at the top level of a file, so that its code can be identified")
    return read_file(source, function.__name__, recorded=recorded, held=held)


def _source(function: Callable[..., Any]) -> Path:
    """The file that defines a function or class; refused for one typed into a notebook, a prompt or ``python -c``."""
    try:
        source = inspect.getsourcefile(function)
    except (TypeError, OSError):  # of a class whose module has no file
        source = None
    if source is None or not Path(source).is_file():
        name = getattr(function, "__name__", repr(function))
        raise Refused(
            f"{name!r} was not defined in a file, and trials run in their own processes, which import it from one: write the "
            "study to a file, in a notebook with %%writefile study.py, and give `hpsearch run study.py`"
        )
    return Path(source)


def read_file(
    path: Path, name: str, root: Path | None = None, recorded: Iterable[str] = (), held: Iterable[type | FunctionType] = ()
) -> Code:
    """The same for a function named in a file that need not be imported; modules below ``root`` are followed."""
    reader = _Reader((root or path.parent).resolve(), frozenset(recorded))
    reader.visit(path.resolve(), name)
    if not reader.found:
        raise Refused(f"{path} defines no {name!r} at its top level, so that its code cannot be identified")
    for own, inside in _places(held):
        if own.is_relative_to(reader.root) and not reader.bare(own, inside):
            reader.visit(own, inside)
    return reader.code


def read_held(held: Iterable[type | FunctionType], root: Path, recorded: Iterable[str] = ()) -> list[Code]:
    """The code of functions and classes in configs that do not lie below ``root``, and all each reaches; not of libraries."""
    others = [place for place in _places(held) if not place[0].is_relative_to(root)]
    readers = [(_Reader(path.parent, frozenset(recorded)), path, name) for path, name in others]
    return [read_file(path, name, recorded=recorded) for reader, path, name in readers if not reader.bare(path, name)]


def _places(held: Iterable[type | FunctionType]) -> list[tuple[Path, str]]:
    """File and top-level name of functions and classes, in the order of their names; without those of libraries."""
    named = sorted(held, key=lambda each: (each.__qualname__, each.__module__))
    files = [(_file_of(each), inspect.unwrap(each).__qualname__.split(".")[0]) for each in named]
    return list(dict.fromkeys((path, name) for path, name in files if path is not None and not _of_a_library(path)))


def _file_of(held: type | FunctionType) -> Path | None:
    try:
        source = inspect.getsourcefile(inspect.unwrap(held))
    except (TypeError, OSError):
        return None
    return Path(source).resolve() if source and Path(source).is_file() else None


def _of_a_library(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in _libraries()) or "site-packages" in path.parts


@cache
def _libraries() -> frozenset[Path]:
    return frozenset(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def code_fingerprint(function: Callable[..., Any], recorded: Iterable[str] = ()) -> str:
    """SHA-256 of the function (or class) and all it reaches, 64 hexadecimal digits."""
    return read_code(function, recorded).hash


def file_fingerprint(path: Path, name: str, root: Path | None = None, recorded: Iterable[str] = ()) -> str:
    """The same for a function named in a file that need not be imported; modules below ``root`` are followed."""
    return read_file(path, name, root, recorded).hash


@dataclass
class _Reader:
    root: Path  # modules outside it are libraries
    recorded: frozenset[str] = frozenset()
    found: dict[tuple[Path, str], list[ast.stmt]] = field(default_factory=dict)
    files: dict[Path, int] = field(default_factory=dict)  # numbered as they are reached: what they are called has no say
    modules: dict[Path, dict[str, list[ast.stmt]]] = field(default_factory=dict)

    @property
    def code(self) -> Code:
        """What was reached, as text."""
        texts = {
            (self.files[path], name): "\n".join(self._text(path, statement) for statement in statements)
            for (path, name), statements in self.found.items()
        }
        return Code(texts, tuple(path.relative_to(self.root).as_posix() for path in self.files), self.root)

    def visit(self, path: Path, name: str) -> None:
        bindings = self._bindings(path)
        statements = bindings.get(name) or bindings.get("*", [])  # a name found nowhere may come from a star import
        if (path, name) in self.found or not statements:
            return
        self.files.setdefault(path, len(self.files))
        self.found[path, name] = statements
        for statement in statements:
            for module, wanted in _imports(statement, path, self.root):
                for each in self._bindings(module) if wanted == "*" else (wanted,):
                    self.visit(module, each)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name):
                    self.visit(path, node.id)

    def bare(self, path: Path, name: str) -> bool:
        """Whether a name stands for nothing but a dataclass's fields, which the trials hold."""
        statements = self._bindings(path).get(name, [])
        return all(isinstance(each, ast.ClassDef) and not _bare_body(each) and not each.bases for each in statements)

    def _text(self, path: Path, statement: ast.stmt) -> str:
        bare = _bare(statement)
        for node in ast.walk(bare):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._number(node, path)
        return ast.unparse(bare)

    def _number(self, node: ast.Import | ast.ImportFrom, path: Path) -> None:
        """Put the numbers of files that were reached in the place of their names."""
        level, within = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else (0, "")
        if (module := _locate(within, path, level, self.root)) in self.files and isinstance(node, ast.ImportFrom):
            node.module, node.level = f"file{self.files[module]}", 0
        for alias in node.names:
            inner = ".".join(filter(None, (within, alias.name)))
            if (module := _locate(inner, path, level, self.root)) in self.files:
                alias.name, alias.asname = f"file{self.files[module]}", alias.asname or alias.name

    def _bindings(self, path: Path) -> dict[str, list[ast.stmt]]:
        if path not in self.modules:
            self.modules[path] = {}
            for statement in _parsed(path.read_bytes()).body:
                for name in _bound(statement):
                    own = _only(statement, name) if isinstance(statement, ast.Import | ast.ImportFrom) else statement
                    own = _without_fields(own) if isinstance(own, ast.ClassDef) and own.name in self.recorded else own
                    self.modules[path].setdefault(name, []).append(own)
        return self.modules[path]


@lru_cache(maxsize=64)
def _parsed(source: bytes) -> ast.Module:
    """Never changed by those who read it: what is written into a text is a copy."""
    return ast.parse(source)


def _only(statement: ast.Import | ast.ImportFrom, name: str) -> ast.stmt:
    """An import of one name alone: what else its line imports has nothing to do with it."""
    names = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) == name]
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(statement.module, names, statement.level)


def _without_fields(statement: ast.ClassDef) -> ast.ClassDef:
    """A dataclass without the fields that it is given when it is made."""
    if not any(_named(decorator) == "dataclass" for decorator in statement.decorator_list):
        return statement
    body = [each for each in statement.body if not (isinstance(each, ast.AnnAssign) and _given(each))]
    kept: dict[str, Any] = {name: getattr(statement, name) for name in statement._fields}
    return ast.ClassDef(**{**kept, "body": body or [ast.Pass()]})


def _given(declaration: ast.AnnAssign) -> bool:
    """Whether a declaration in a dataclass is of a field that its ``__init__`` takes."""
    if _named(declaration.annotation) in ("ClassVar", "InitVar"):
        return False
    value = declaration.value
    rest = value.keywords if isinstance(value, ast.Call) and _named(value) == "field" else []
    return not any(each.arg == "init" for each in rest)


def _named(node: ast.expr) -> str:
    """The last name of an expression such as ``dataclasses.dataclass(frozen=True)`` or ``ClassVar[int]``."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


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


def _bare_body(statement: ast.ClassDef) -> list[ast.stmt]:
    """What a class says beside its docstring."""
    bare = _bare(statement)
    return [each for each in bare.body if not isinstance(each, ast.Pass)] if isinstance(bare, ast.ClassDef) else [bare]


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
