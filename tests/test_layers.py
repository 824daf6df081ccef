"""The house: which room may import from which, read from the source of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"

# A room and what it may import: names under ``instep``, each with all that is below it.
# ``.`` is the package itself, which holds the version and nothing else.
BELOW = {
    "": set(),
    "errors": set(),
    "logs": set(),
    "core": {"core"},
    "systems": {".", "errors", "core", "systems"},
    "ledger": {".", "errors", "core", "ledger"},
    "config": {".", "errors", "core", "config"},
    "engine": {".", "errors", "core", "systems.base", "ledger", "config", "engine"},
    "simulator": {"errors", "simulator"},
}
BELOW["app"] = {".", "logs", "errors", "core", "systems", "ledger", "config", "engine"}
BELOW["daemon"] = BELOW["app"] | {"app", "daemon"}
BELOW["cli"] = BELOW["daemon"] | {"cli", "simulator"}
BELOW["__main__"] = {"cli"}

# Core decides from what it is given: no input or output, no clock, no chance.
IMPURE = {
    *("asyncio", "httpx", "sqlalchemy", "pydantic", "structlog"),
    *("logging", "time", "random", "socket"),
}


@dataclass(frozen=True)
class Import:
    """One import: the module it names, and whether loading the importing module runs it."""

    target: str
    at_load: bool


def is_type_checking(node: ast.AST) -> bool:
    """Tell whether ``node`` is a block that only type checkers read."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def statements(node: ast.AST, *, at_load: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield every import statement under ``node``, and whether it runs at load."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_load
        delayed = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if is_type_checking(child):
            delayed = True
        yield from statements(child, at_load=at_load and not delayed)


def targets(node: ast.stmt, package: str, known: set[str]) -> Iterator[str]:
    """Name the modules that an import statement in ``package`` reaches."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in known else base


def imports(source: str, package: str, known: set[str]) -> list[Import]:
    """List all imports of a module's ``source``."""
    return [
        Import(target, at_load)
        for node, at_load in statements(ast.parse(source))
        for target in targets(node, package, known)
    ]


def modules() -> dict[str, Path]:
    """Map every module of the package to its file."""
    return {
        ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((SRC / "instep").rglob("*.py"))
    }


def package_of(module: str, path: Path) -> str:
    """Name the package that relative imports of ``module`` start from."""
    return module if path.stem == "__init__" else module.rpartition(".")[0]


def house() -> dict[str, list[Import]]:
    """Read the imports of every module."""
    known = modules()
    return {
        module: imports(path.read_text(), package_of(module, path), set(known))
        for module, path in known.items()
    }


def room_of(module: str) -> str:
    """Name the room that ``module`` is in."""
    return module.removeprefix("instep").removeprefix(".").partition(".")[0]


def allowed(module: str, target: str) -> bool:
    """Tell whether ``module`` may import ``target``."""
    if target.partition(".")[0] != "instep":
        return room_of(module) != "core" or target.partition(".")[0] not in IMPURE
    inner = target.removeprefix("instep").removeprefix(".") or "."
    return any(f"{inner}.".startswith(f"{below}.") for below in BELOW[room_of(module)])


def cycle_in(graph: dict[str, list[Import]]) -> list[str]:
    """Name the modules of an import cycle at load, or none."""
    edges = {
        module: {each.target for each in found if each.at_load and each.target in graph} - {module}
        for module, found in graph.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


HOUSE = house()


@pytest.mark.parametrize("module", HOUSE)
def test_a_room_imports_only_what_lies_below_it(module: str) -> None:
    """No module reaches up or sideways, and core reaches no input, output, clock or chance."""
    assert [each.target for each in HOUSE[module] if not allowed(module, each.target)] == []


def test_rooms_on_one_floor_do_not_know_each_other() -> None:
    """A connector cannot see the ledger, nor either of them the configuration."""
    floor = {"systems", "ledger", "config"}
    assert [BELOW[room] & floor for room in sorted(floor)] == [{room} for room in sorted(floor)]


def test_only_the_command_line_knows_the_simulator() -> None:
    """The connectors and their counterpart share no code, so that the two can disagree."""
    assert {room for room, below in BELOW.items() if "simulator" in below} == {"cli", "simulator"}
    assert BELOW["simulator"] == {"simulator", "errors"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Loading any module first works: imports at load have no cycle."""
    assert cycle_in(HOUSE) == []


KNOWN = {"instep", "instep.core", "instep.core.merge", "instep.ledger", "instep.systems.base"}


@pytest.mark.parametrize(
    ("package", "source", "target"),
    [
        ("instep.core", "import time", "time"),
        ("instep.core", "from sqlalchemy.orm import x", "sqlalchemy.orm"),
        ("instep.core", "def f():\n    import random", "random"),
        ("instep.core", "if TYPE_CHECKING:\n    from instep.errors import X", "instep.errors"),
        ("instep.systems", "from instep.ledger import store", "instep.ledger"),
        ("instep.systems", "from instep import ledger", "instep.ledger"),
        ("instep.systems", "from ..ledger import store", "instep.ledger"),
        ("instep.config", "import instep.systems.base as b", "instep.systems.base"),
        ("instep.engine", "from instep.systems.http import Door", "instep.systems.http"),
        ("instep.daemon", "from instep.simulator import world", "instep.simulator"),
        ("instep.simulator", "from instep.core import merge", "instep.core.merge"),
        ("instep.core", "from instep import __version__", "instep"),
    ],
)
def test_the_check_finds_what_is_forbidden(package: str, source: str, target: str) -> None:
    """Each way of writing a forbidden import is seen and refused."""
    (found,) = imports(source, package, KNOWN)
    assert found.target == target
    assert not allowed(f"{package}.made_up", found.target)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("instep.core", "from .merge import x"),
        ("instep.core", "from dataclasses import dataclass"),
        ("instep.systems", "import time"),
        ("instep.systems", "from instep import __version__"),
        ("instep.engine", "from instep.systems.base import System"),
        ("instep.cli", "from instep.simulator import world"),
    ],
)
def test_the_check_lets_pass_what_is_allowed(package: str, source: str) -> None:
    """What lies below, or comes from elsewhere, may be imported."""
    (found,) = imports(source, package, KNOWN)
    assert allowed(f"{package}.made_up", found.target)


def test_the_check_finds_a_circle() -> None:
    """Two modules that import each other at load are found; a delayed import breaks the circle."""
    known = {"instep.a", "instep.b"}
    eager = imports("from instep import b", "instep", known)
    back = imports("import instep.a", "instep", known)
    late = imports("def f():\n    import instep.a", "instep", known)
    typed = imports("if typing.TYPE_CHECKING:\n    import instep.a", "instep", known)
    assert set(cycle_in({"instep.a": eager, "instep.b": back})) == known
    assert cycle_in({"instep.a": eager, "instep.b": late}) == []
    assert cycle_in({"instep.a": eager, "instep.b": typed}) == []
