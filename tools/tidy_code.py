"""Rules about one Python file: sizes, names, docstrings, state, broad excepts, light imports."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 6
BANNED = {"util", "helper", "misc", "manager", "base", "impl", "factory"}
LIGHT = {"recording", "wire", "aggregate", "agent", "instruments", "normalizers"}
LIGHT_MAY = LIGHT | {"config", "registry", "log", "errors"}
HEAVY = {
    *("asyncio", "dataclasses", "http", "importlib.metadata", "inspect", "json", "logging", "random"),
    *("sqlite3", "ssl", "subprocess", "tomllib", "typing", "urllib", "uuid", "pathlib"),
}
"""Standard library that costs the application too much at import; allowed inside a function."""
STATEFUL = {
    *(
        "ContextVar",
        "Condition",
        "Counter",
        "Event",
        "Lock",
        "RLock",
        "Semaphore",
        "Thread",
        "count",
        "cycle",
    ),
    *("defaultdict", "deque", "local", "OrderedDict", "SimpleQueue", "Queue", "WeakSet"),
    *("WeakKeyDictionary", "WeakValueDictionary"),
}
CONTAINERS = {"array", "bytearray", "dict", "list", "set"}
CHANGERS = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"),
    *("remove", "setdefault", "sort", "update"),
}


class Violation(NamedTuple):
    """One thing that is not tidy: the rule, the file, the line, what inside the file, and why."""

    rule: str
    path: str
    line: int
    name: str
    text: str


def check(path: Path, text: str) -> Iterator[Violation]:
    """Answer the violations of one Python file; `path` is relative to the project's root."""
    tree = ast.parse(text)
    for rule in (names, documentation):
        yield from rule(path, tree)
    yield from sizes(path, text, tree)
    if path.parts[:2] == ("src", "fanlight"):
        yield from broad_excepts(path, tree)
        yield from state(path, tree)
        yield from light_imports(path, tree)
    if path.parts[0] == "tests":
        yield from mocks(path, tree)


def sizes(path: Path, text: str, tree: ast.Module) -> Iterator[Violation]:
    """Files, functions and parameter lists stay small enough to be read at once."""
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield Violation("file-lines", str(path), 1, "", f"{lines} lines, more than {FILE_LINES}")
    in_test = path.parts[0] == "tests"
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        # A test tells a scenario in one piece.
        if length > FUNCTION_LINES and not in_test:
            text = f"{node.name} has {length} lines, more than {FUNCTION_LINES}"
            yield Violation("function-lines", str(path), node.lineno, node.name, text)
        taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        given = [each.arg for each in taken if each.arg not in ("self", "cls")]
        # A test asks for fixtures by its parameters; that is a list of its scenery, not of its input.
        if len(given) > PARAMETERS and not in_test:
            text = f"{node.name} takes {len(given)} parameters, more than {PARAMETERS}"
            yield Violation("parameters", str(path), node.lineno, node.name, text)


def names(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """A name says what a thing is; these words say nothing."""
    for part in (*path.parts[:-1], path.stem):
        if banned(part):
            yield Violation("banned-name", str(path), 1, part, f"{part!r} says nothing about what is inside")
    if path.stem.startswith("_") and not path.stem.startswith("__"):
        yield Violation("hidden-module", str(path), 1, "", "modules have no leading underscore")
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        # A test's name is a sentence, which may need any word.
        if banned(node.name) and not node.name.startswith("test_"):
            text = f"{node.name!r} uses a word that says nothing"
            yield Violation("banned-name", str(path), node.lineno, node.name, text)


def banned(name: str) -> bool:
    """Answer whether one of a name's words is banned, in the singular or the plural."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(
        form in BANNED
        for word in map(str.lower, words)
        for form in (word, word.removesuffix("s"), word.removesuffix("ies") + "y")
    )


def documentation(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """Every module opens with one line that says its purpose; ruff asks for the other docstrings."""
    purpose = (ast.get_docstring(tree) or "").split("\n\n")[0]
    if not purpose:
        yield Violation("module-docstring", str(path), 1, "", "no docstring that says the purpose")
    elif "\n" in purpose or purpose[-1] not in ".?!:":
        yield Violation("module-docstring", str(path), 1, "", "the purpose is no sentence on one line")


def broad_excepts(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """Catching everything is for the listed boundaries; cleaning up and raising it again is not that."""
    for function, node in within_functions(tree, ""):
        if isinstance(node, ast.ExceptHandler) and catches_all(node.type) and not raises_again(node):
            text = f"{function or 'the module'} catches everything; only listed boundaries may"
            yield Violation("broad-except", str(path), node.lineno, function, text)
        if isinstance(node, ast.Call) and called(node) == "suppress" and any(map(catches_all, node.args)):
            text = f"{function or 'the module'} suppresses everything; only listed boundaries may"
            yield Violation("broad-except", str(path), node.lineno, function, text)


def within_functions(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Answer every node below one, with the name of the innermost function it stands in."""
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, child
        yield from within_functions(child, inside)


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Answer whether a handler ends by raising what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def catches_all(node: ast.expr | None) -> bool:
    """Answer whether an except clause names Exception, BaseException, or nothing at all."""
    if isinstance(node, ast.Tuple):
        return any(map(catches_all, node.elts))
    return node is None or (isinstance(node, ast.Name) and node.id in ("Exception", "BaseException"))


def state(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """A module holds definitions and constants: no `global`, nothing that changes.

    A container with a capital name is a constant table as long as no function here changes it.
    """
    tables: set[str] = set()
    for statement in tree.body:
        for name, value in assigned(statement):
            if name.startswith("__") and name.endswith("__"):
                continue
            if isinstance(value, ast.Call) and called(value) in STATEFUL:
                text = f"{name} is state of a module"
                yield Violation("state", str(path), statement.lineno, name, text)
            elif is_container(value):
                tables.add(name)
                if name != name.upper():
                    text = f"{name} is a container that can change; a constant table has a capital name"
                    yield Violation("state", str(path), statement.lineno, name, text)
    for function, node in within_functions(tree, ""):
        if isinstance(node, ast.Global):
            yield Violation("state", str(path), node.lineno, node.names[0], f"global {', '.join(node.names)}")
        name = changed(node) if function else ""
        if name in tables and name == name.upper():
            yield Violation("state", str(path), getattr(node, "lineno", 1), name, f"{name} is changed")


def assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Answer the names that a statement assigns, each with its value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def is_container(value: ast.expr) -> bool:
    """Answer whether an expression makes a container that can change."""
    if isinstance(value, ast.Call):
        return called(value) in CONTAINERS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def called(node: ast.Call) -> str:
    """Answer the last name of what a call calls."""
    function = node.func.value if isinstance(node.func, ast.Subscript) else node.func
    return getattr(function, "attr", getattr(function, "id", ""))


def changed(node: ast.AST) -> str:
    """Answer the name of the container that a node changes, or nothing."""
    target: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGERS:
        target = node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        target = node.value
    elif isinstance(node, ast.AugAssign):
        target = node.target
    return target.id if isinstance(target, ast.Name) else ""


def light_imports(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """What the application loads is the standard library's light part and the light rooms."""
    room = path.relative_to("src/fanlight").parts[0].removesuffix(".py")
    if room not in LIGHT_MAY:
        return
    at_import = set(import_time(tree))
    for node in ast.walk(tree):
        for module in imported(node):
            top, _, rest = module.partition(".")
            if top == "fanlight":
                other = rest.split(".")[0]
                if other and not is_attribute(other) and other not in LIGHT_MAY:
                    text = f"a light room imports {module}"
                    yield Violation("light-import", str(path), getattr(node, "lineno", 1), module, text)
            elif node in at_import and (
                top not in sys.stdlib_module_names or top in HEAVY or module in HEAVY
            ):
                text = f"{module} at import; a light room takes it inside the function that needs it"
                yield Violation("light-import", str(path), getattr(node, "lineno", 1), module, text)


def is_attribute(name: str) -> bool:
    """Answer whether `from fanlight import NAME` takes a dunder or a class, not a room."""
    return name.startswith("__") or name[:1].isupper()


def import_time(tree: ast.Module) -> Iterator[ast.AST]:
    """Answer the nodes that run when the module is imported: no functions, no TYPE_CHECKING."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        pending += ast.iter_child_nodes(node)


def imported(node: ast.AST) -> list[str]:
    """Answer the modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        if node.module == "fanlight":
            return [f"fanlight.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def mocks(path: Path, tree: ast.Module) -> Iterator[Violation]:
    """A test uses the fake beside the port, never a patch of our own names."""
    for node in ast.walk(tree):
        if any(module.startswith(("unittest.mock", "mock")) for module in imported(node)) or (
            isinstance(node, ast.ImportFrom)
            and node.module == "unittest"
            and any(alias.name == "mock" for alias in node.names)
        ):
            yield Violation("mock", str(path), getattr(node, "lineno", 1), "", "imports mock")
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        first = node.args[0]
        if (
            node.func.attr in ("setattr", "patch")
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
            and first.value.startswith("fanlight.")
        ):
            yield Violation("mock", str(path), node.lineno, "", f"patches {first.value}")
