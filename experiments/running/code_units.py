"""The definitions of a Python file: what each means, and what else it needs.

Two versions of a definition mean the same where they differ only in what cannot change a number:
comments, layout, docstrings, annotations, sentences for people (help, notes, messages), log lines,
`__all__`, and the module from which a name is imported. What cannot be read from the file alone,
where a name comes from, is `code_behind`'s.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

LOOSE = ""
"""The unit of a module's statements that define nothing: they run when it is imported."""
AS_COMMAND = "__main__"
"""The unit of what runs only where the module is the command."""

_UNREAD = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind", "type_ignores"}
_FILE = re.compile(r"[\w*.-]*\w{3}[\w*.-]*\.[a-z0-9]{2,5}")
_LAZY = {"__all__", "__getattr__", "__dir__"}
"""What a package gives away; who uses it is led on by the imports that stand beside it."""


@dataclasses.dataclass(frozen=True)
class Unit:
    """A function, a method, a class without its methods, a constant, or loose statements.

    Attributes:
      digest: of its meaning.
      uses: names of the file's units and imports that it reads, with the attributes behind them:
        `tf.reshape`, `encoder.load`.
      mentions: names of attributes, and strings that may be some; methods are called by them.
      files: names of files in it, with `*` for what is put in.
      bases: of a class, as `uses`; `?` for an expression.
    """

    digest: str
    uses: frozenset[str]
    mentions: frozenset[str]
    files: frozenset[str]
    bases: tuple[str, ...] = ()

    def and_(self, other: Unit) -> Unit:
        """Both, of one name: a property's two sides, or a function defined in two branches."""
        return Unit(
            hashlib.sha256((self.digest + other.digest).encode()).hexdigest(),
            self.uses | other.uses,
            self.mentions | other.mentions,
            self.files | other.files,
            self.bases + other.bases,
        )


@dataclasses.dataclass(frozen=True)
class Source:
    """A file.

    Attributes:
      units: by name; a method is `Class.method`.
      imports: by the name that it gets here, what it may be: `package.module.name`, absolute or
        with dots before it.
      inside: names that loose statements define, as `try: import ...` does.
      methods: names of methods by that of their class.
    """

    units: Mapping[str, Unit]
    imports: Mapping[str, frozenset[str]]
    inside: frozenset[str]
    methods: Mapping[str, tuple[str, ...]]


def read(text: str) -> Source:
    """The definitions of a file.

    Raises:
      SyntaxError: it is none of Python's.
    """
    tree = ast.parse(text)
    imports: dict[str, set[str]] = {}
    for name, target in _imports(tree):
        imports.setdefault(name, set()).add(target)
    units: dict[str, Unit] = {}
    methods: dict[str, tuple[str, ...]] = {}
    loose: list[ast.stmt] = []

    def add(name: str, *nodes: ast.AST) -> None:
        unit = _unit(nodes)
        units[name] = units[name].and_(unit) if name in units else unit

    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _tests(node, "TYPE_CHECKING"):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            add(node.name, node)
        elif isinstance(node, ast.ClassDef):
            inner = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            node.body = [n for n in node.body if n not in inner]
            add(node.name, node)
            for method in inner:
                add(f"{node.name}.{method.name}", method)
            methods[node.name] = tuple(method.name for method in inner)
        elif _tests(node, "__name__"):
            add(AS_COMMAND, node)
        elif names := _assigned(node):
            for name in names - _LAZY:
                add(name, node)
        else:
            loose.append(node)
    add(LOOSE, *loose)
    ours = set(imports).union(units)
    for name, unit in units.items():
        uses = frozenset(use for use in unit.uses if use.partition(".")[0] in ours)
        units[name] = dataclasses.replace(unit, uses=uses)
    inside = {name for each in loose for name in _defined_in(each)} - _LAZY
    return Source(
        units,
        {name: frozenset(targets) for name, targets in imports.items()},
        frozenset(inside),
        methods,
    )


def _unit(nodes: Iterable[ast.AST]) -> Unit:
    reader = _Reader()
    bases: list[str] = []
    for node in nodes:
        reader.read(node)
        if isinstance(node, ast.ClassDef):
            bases += [_dotted(base) or "?" for base in node.bases]
    return Unit(
        hashlib.sha256("".join(reader.meaning).encode()).hexdigest() if reader.meaning else "",
        frozenset(reader.uses),
        frozenset(reader.mentions),
        frozenset(reader.files),
        tuple(bases),
    )


class _Reader:
    """Goes through a syntax tree once and notes what a `Unit` holds."""

    def __init__(self) -> None:
        self.meaning: list[str] = []
        self.uses: set[str] = set()
        self.mentions: set[str] = set()
        self.files: set[str] = set()

    def read(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant | ast.JoinedStr):
            self._constant(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            self._name(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = ",".join(alias.asname or alias.name for alias in node.names)
            self.meaning.append(f"import {names};")
        elif isinstance(node, ast.Raise):
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            self._node("Raise", [raised])
        elif isinstance(node, ast.AnnAssign):
            self._node("Assign", [[node.target], node.value])
        elif not _says_nothing(node):
            fields = (value for name, value in ast.iter_fields(node) if name not in _UNREAD)
            self._node(type(node).__name__, fields)

    def _node(self, kind: str, fields: Iterable[object]) -> None:
        self.meaning.append(f"{kind}(")
        for value in fields:
            if isinstance(value, list):
                self.meaning.append("[")
                for each in value:
                    self._value(each)
                self.meaning.append("]")
            else:
                self._value(value)
        self.meaning.append(")")

    def _value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.read(value)
        else:
            self.meaning.append(f"{value!r},")

    def _constant(self, node: ast.Constant | ast.JoinedStr) -> None:
        parts = [node] if isinstance(node, ast.Constant) else node.values
        texts = [part.value if isinstance(part, ast.Constant) else "*" for part in parts]
        text = "".join(map(str, texts))
        if all(isinstance(each, str) for each in texts):
            if " " in text and text.endswith((".", ". ")):
                self.meaning.append("sentence,")
                return
            if _FILE.fullmatch(text):
                self.files.add(text)
            elif text.isidentifier():
                self.mentions.add(text)
        if isinstance(node, ast.Constant):
            self.meaning.append(f"{type(node.value).__name__} {node.value!r},")
        else:
            self._node("JoinedStr", [node.values])

    def _name(self, node: ast.Name | ast.Attribute) -> None:
        dotted = _dotted(node)
        if dotted:
            self.uses.add(dotted)
            self.mentions.update(dotted.split(".")[1:])
            self.meaning.append(f"{dotted},")
        elif isinstance(node, ast.Attribute):
            self.mentions.add(node.attr)
            self.read(node.value)
            self.meaning.append(f".{node.attr},")


def _says_nothing(node: ast.AST) -> bool:
    """Whether a node cannot change a number: a docstring, a log line, `pass`."""
    if isinstance(node, ast.Pass):
        return True
    if _tests(node, "TYPE_CHECKING"):
        return True
    if isinstance(node, ast.Assign) and set(_assigned(node)) & _LAZY:
        return True
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Call):
        return (_dotted(node.value.func) or "").startswith("logging.")
    return isinstance(node.value, ast.Constant)


def _dotted(node: ast.AST | None) -> str | None:
    """`a.b.c` of a name with attributes; None of any other expression."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _tests(node: ast.AST, name: str) -> bool:
    """Whether it is `if NAME:`, `if not NAME:` or `if NAME == ...:`."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    if isinstance(test, ast.Compare):
        test = test.left
    elif isinstance(test, ast.UnaryOp):
        test = test.operand
    return isinstance(test, ast.Name) and test.id == name


def _assigned(node: ast.AST) -> frozenset[str]:
    """The names that a statement sets; none where it sets anything else, too."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = set()
    while targets:
        target = targets.pop()
        if isinstance(target, ast.Tuple | ast.List):
            targets += target.elts
        elif isinstance(target, ast.Name):
            names.add(target.id)
        else:
            return frozenset()
    return frozenset(names)


def _defined_in(node: ast.stmt) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every name that an import gives, also inside functions, and what it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    yield alias.name.partition(".")[0], alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            for alias in node.names:
                yield alias.asname or alias.name, start + alias.name
