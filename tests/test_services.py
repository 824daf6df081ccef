"""The page of services names, for each trap, tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/reference/services.md"
ROW = re.compile(r"^\| (?!trap |---)(.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+(?:\.py)?)::(\w+)`")


def rows() -> list[tuple[str, str, str]]:
    """List the rows of all tables: trap, handling, tests."""
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


def named_in(place: str) -> set[str]:
    """Name the tests of a module; ``contract`` is the suite that every system passes."""
    path = TESTS / ("contract/suite.py" if place == "contract" else place)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_trap_names_a_test() -> None:
    """No row is without a test, and whatever a row names is a test that is there."""
    assert len(rows()) > 60
    for trap, _, told in rows():
        named = NAMED.findall(told)
        assert named, trap
        assert [f"{place}::{name}" for place, name in named if name not in named_in(place)] == []
