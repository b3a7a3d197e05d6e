"""Who may import whom, how large things may be, what packages show: rules that stay true."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, frozenset[str]] = {
    "shared_models": frozenset(),
    "service_defaults": frozenset({"shared_models"}),
    "benchmark": frozenset({"shared_models", "service_defaults"}),
    "backend_python": frozenset({"shared_models", "service_defaults", "benchmark"}),
    "backend_dotnet_shim": frozenset({"shared_models", "service_defaults", "benchmark"}),
    "comparison": frozenset({"shared_models", "service_defaults"}),
    "ollama_simulator": frozenset({"service_defaults"}),
    "ui": frozenset({"shared_models", "service_defaults", "comparison"}),
    "orchestrator": frozenset({"shared_models", "service_defaults"}),
}
"""The packages and what each may import beside itself."""

MAY_ALSO_IMPORT: dict[str, frozenset[str]] = {
    "orchestrator/cli/": frozenset({"comparison"}),
    # `doctor` says which .NET agent would be used, and only the delivery knows.
    # `agent-check` talks to an agent as a backend does.
    "orchestrator/cli/agent_check.py": frozenset({"benchmark.conformance"}),
    "orchestrator/cli/checks.py": frozenset({"comparison", "backend_dotnet_shim.delivery"}),
}
"""More for some files, by the beginning of their path; the longest beginning counts."""

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MAX_MEDIAN_FUNCTION_LINES = 10
MAX_MEDIAN_FILE_LINES = 160
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc"})

Check = Callable[[Path], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed file."""

    path: Path
    relative: str
    tree: ast.Module
    lines: int

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.relative.split("/", 1)[0]

    @property
    def dotted(self) -> list[str]:
        """The package that relative imports start from."""
        return self.relative.split("/")[:-1]


def modules(root: Path) -> Iterator[Module]:
    """Parse every module of our packages under `root`."""
    for package in MAY_IMPORT:
        for path in sorted((root / package).rglob("*.py")):
            relative = path.relative_to(root).as_posix()
            if re.search(r"/agent/(src|tests|artifacts|prebuilt)/", relative):
                continue
            text = path.read_text("utf-8")
            yield Module(path, relative, ast.parse(text, relative), text.count("\n"))


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of everything that a module imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = module.dotted[: len(module.dotted) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def forbidden_imports(root: Path) -> Iterator[str]:
    """The allowed graph, and nothing beside it."""
    for module in modules(root):
        beginnings = [b for b in MAY_ALSO_IMPORT if module.relative.startswith(b)]
        extra = MAY_ALSO_IMPORT[max(beginnings, key=len)] if beginnings else frozenset()
        allowed = {module.package, *MAY_IMPORT[module.package], *extra}
        for line, name in imports(module):
            if name.split(".", 1)[0] in MAY_IMPORT and not _within(name, allowed):
                yield f"{module.relative}:{line}: {module.package} must not import {name}"


def _within(name: str, allowed: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)


def functions(module: Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yield each function with its length, its docstring left out."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first, last = node.lineno, node.end_lineno or node.lineno
            documented = node.body[0] if ast.get_docstring(node) is not None else None
            doc = (documented.end_lineno or 0) - documented.lineno + 1 if documented else 0
            yield node, last - first + 1 - doc


def oversized(root: Path) -> Iterator[str]:
    """Functions and files over the hard caps, packages over the medians."""
    lengths: dict[str, list[int]] = {}
    files: dict[str, list[int]] = {}
    for module in modules(root):
        files.setdefault(module.package, []).append(module.lines)
        if module.lines > MAX_FILE_LINES:
            yield f"{module.relative}:{MAX_FILE_LINES}: {module.lines} lines in a file"
        for node, length in functions(module):
            lengths.setdefault(module.package, []).append(length)
            if length > MAX_FUNCTION_LINES:
                yield f"{module.relative}:{node.lineno}: {node.name} has {length} lines"
    for package, found in lengths.items():
        if median(found) > MAX_MEDIAN_FUNCTION_LINES:
            yield f"{package}/__init__.py:1: functions have a median of {median(found)} lines"
    for package, found in files.items():
        if median(found) > MAX_MEDIAN_FILE_LINES:
            yield f"{package}/__init__.py:1: files have a median of {median(found)} lines"


def undocumented(root: Path) -> Iterator[str]:
    """Modules that do not say what they are for."""
    for module in modules(root):
        if not ast.get_docstring(module.tree):
            yield f"{module.relative}:1: no docstring"


def vaguely_named(root: Path) -> Iterator[str]:
    """Modules named by what they are not about."""
    for module in modules(root):
        if VAGUE_NAMES & set(Path(module.relative).with_suffix("").parts):
            yield f"{module.relative}:1: name it by a noun of the domain"


def undeclared_surfaces(root: Path) -> Iterator[str]:
    """Package `__init__`s whose `__all__` is missing or is not what they define."""
    for module in modules(root):
        if module.path.name != "__init__.py":
            continue
        declared = _declared(module.tree)
        if declared is None:
            yield f"{module.relative}:1: no __all__"
            continue
        names, line = declared
        imported = _names_imported_from(module, outside=True)
        shown = _names_defined(module.tree) | _names_imported_from(module, outside=False)
        for name in sorted(set(names) - shown - imported):
            yield f"{module.relative}:{line}: {name} is not defined here"
        for name in sorted(shown - set(names)):
            yield f"{module.relative}:{line}: {name} is not in __all__"


def _declared(tree: ast.Module) -> tuple[list[str], int] | None:
    for node in tree.body:
        target: ast.expr | None = None
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        if isinstance(target, ast.Name) and target.id == "__all__":
            return list(ast.literal_eval(value)), node.lineno
    return None


def _names_defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def _names_imported_from(module: Module, *, outside: bool) -> set[str]:
    """Names from inside the package are re-exports; those from outside are only used."""
    names: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom):
            own = ".".join(module.dotted)
            # `from . import page` and `from ui.pages import page` only use a submodule.
            relative = node.level == 1 and node.module is not None
            inside = relative or (node.module or "").startswith(own + ".")
            if inside is not outside:
                names.update(alias.asname or alias.name for alias in node.names)
    return {name for name in names if not name.startswith("_")}


CHECKS: tuple[Check, ...] = (
    forbidden_imports,
    oversized,
    undocumented,
    vaguely_named,
    undeclared_surfaces,
)

_LONG_FUNCTION = '"""Doc."""\n\n\ndef f() -> None:\n' + "    pass\n" * 61
BAD: dict[str, tuple[Check, str, str, str]] = {
    "a service imports another": (
        forbidden_imports,
        "ui/a.py",
        '"""Doc."""\nimport backend_python.app\n',
        "ui/a.py:2: ui must not import backend_python.app",
    ),
    "inside a function too": (
        forbidden_imports,
        "shared_models/a.py",
        '"""Doc."""\ndef f():\n    from service_defaults import serve\n',
        "shared_models/a.py:3: shared_models must not import service_defaults.serve",
    ),
    "by a relative path": (
        forbidden_imports,
        "ui/pages/a.py",
        '"""Doc."""\nfrom ...orchestrator import plan\n',
        "ui/pages/a.py:2: ui must not import orchestrator.plan",
    ),
    "the command line alone may compare": (
        forbidden_imports,
        "orchestrator/plan.py",
        '"""Doc."""\nimport comparison\n',
        "orchestrator/plan.py:2: orchestrator must not import comparison",
    ),
    "doctor knows the delivery and nothing else": (
        forbidden_imports,
        "orchestrator/cli/checks.py",
        '"""Doc."""\nfrom backend_dotnet_shim import app\n',
        "orchestrator/cli/checks.py:2: orchestrator must not import backend_dotnet_shim.app",
    ),
    "agent-check knows the conformance suite and nothing else": (
        forbidden_imports,
        "orchestrator/cli/agent_check.py",
        '"""Doc."""\nfrom benchmark import runs\n',
        "orchestrator/cli/agent_check.py:2: orchestrator must not import benchmark.runs",
    ),
    "a function is too long": (oversized, "ui/a.py", _LONG_FUNCTION, "ui/a.py:4: f has 62 lines"),
    "functions are long on the whole": (
        oversized,
        "ui/a.py",
        '"""Doc."""\ndef f() -> None:\n' + "    pass\n" * 11,
        "ui/__init__.py:1: functions have a median of 12 lines",
    ),
    "a file is too long": (
        oversized,
        "ui/a.py",
        "x = 1\n" * 401,
        "ui/a.py:400: 401 lines in a file",
    ),
    "a module has no docstring": (undocumented, "ui/a.py", "x = 1\n", "ui/a.py:1: no docstring"),
    "a module has a vague name": (
        vaguely_named,
        "ui/utils.py",
        '"""Doc."""\n',
        "ui/utils.py:1: name it by a noun of the domain",
    ),
    "so has a package": (
        vaguely_named,
        "ui/helpers/a.py",
        '"""Doc."""\n',
        "ui/helpers/a.py:1: name it by a noun of the domain",
    ),
    "a package declares nothing": (
        undeclared_surfaces,
        "ui/__init__.py",
        '"""Doc."""\n',
        "ui/__init__.py:1: no __all__",
    ),
    "a package shows more than it declares": (
        undeclared_surfaces,
        "ui/__init__.py",
        '"""Doc."""\n__all__ = ["a"]\nfrom .x import a, b\n',
        "ui/__init__.py:2: b is not in __all__",
    ),
    "a package declares what it has not": (
        undeclared_surfaces,
        "ui/__init__.py",
        '"""Doc."""\n__all__ = ["a"]\n',
        "ui/__init__.py:2: a is not defined here",
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_rule_holds(check: Check) -> None:
    """Every offence is named with its file and line."""
    assert list(check(ROOT)) == []


@pytest.mark.parametrize("name", BAD)
def test_the_rule_can_be_broken(name: str, tmp_path: Path) -> None:
    """A check that never fails guards nothing."""
    check, path, text, expected = BAD[name]
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")

    assert expected in list(check(tmp_path))


def test_every_package_is_under_the_rules() -> None:
    """A new package must be placed in the graph."""
    outside = {"tests", "benchmarks", "docs", "scripts"}
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - outside == set(MAY_IMPORT) & found


def test_the_graph_has_no_circle() -> None:
    """Dependencies point one way."""
    order = list(MAY_IMPORT)
    reachable: dict[str, set[str]] = {}
    for package in order:
        reachable[package] = set(MAY_IMPORT[package])
        for other in MAY_IMPORT[package]:
            reachable[package] |= reachable.get(other, {package})
    assert [package for package in order if package in reachable[package]] == []
