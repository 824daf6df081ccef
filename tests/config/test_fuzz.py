"""Whatever stands in a file, instep says what is wrong with it and never falls over it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from instep.config import CODES, Config, loads, unit_of, unwritable
from instep.config.positions import read
from instep.errors import ConfigError, Problem
from tests.config.broken import ENVIRON

EXAMPLE = read((Path(__file__).parents[2] / "config.example.yaml").read_text()).tree
EXAMPLE["fields"]["severity"] |= {"values": ["critical", "high", "moderate", "low", "minor"]}
EXAMPLE["fields"]["status"] = {"devrev": {"words": {"a": "active", "b": None}, "default": "a"}}
EXAMPLE["systems"]["devrev"] |= {"poll": {"by": "group"}, "limits": {"creates": 1}}
EXAMPLE["systems"]["status"] |= {"on_gone": "close", "limits": {"share": "10%"}}
EXAMPLE["create"]["status"] |= {"alike": "hold"}
EXAMPLE |= {"log": {"level": "info"}, "listen": "127.0.0.1:80", "heartbeat": {"url": "https://x"}}

KEYS = ["type", "devrev", "status", "values", "path", "words", "from", "set", "${EMPTY}", "x", "<<"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 400),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([*KEYS, "60s", "${DEVREV_TOKEN}", "file:.", "$X", "choice", "union", "off"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=5,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every path through mappings."""
    steps = tree.items() if isinstance(tree, dict) else ()
    return [path, *(deeper for key, part in steps for deeper in places(part, (*path, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """Change, rename or take out a few parts of the example; JSON is YAML too."""
    tree = copy.deepcopy(EXAMPLE)
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from(places(tree)[1:]))
        part = tree
        for step in above:
            part = part[step]
        old = part.pop(last)
        name = draw(st.sampled_from([last, last, *KEYS]))
        if draw(st.integers(0, 3)):
            part[name] = draw(ANYTHING) if draw(st.booleans()) else old
    return json.dumps(tree, indent=draw(st.sampled_from([None, 2])))


def outcome(text: str) -> tuple[Config | None, tuple[Problem, ...]]:
    """Load a text: the configuration, or its problems."""
    try:
        return loads(text, "x.yaml", ENVIRON), ()
    except ConfigError as error:
        return None, error.problems


@settings(max_examples=400, deadline=None)
@given(mutants())
def test_a_changed_example_is_right_or_says_what_is_wrong(text: str) -> None:
    """Each problem has a known code and a place in the text; what loads makes a unit."""
    config, problems = outcome(text)
    lines = text.splitlines()
    assert config or problems
    for problem in problems:
        assert problem.code in CODES
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    if config:
        unwritable(unit_of(config))


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab:{}[],'\"#&*!|>-%@`? \n\t\x00é", max_size=40) | st.text(max_size=20))
def test_any_text_is_right_or_says_what_is_wrong(text: str) -> None:
    """A text that is not even YAML is a problem with a code, not a crash."""
    config, problems = outcome(text)
    assert config or problems
    assert all(p.code in CODES and p.line >= 1 and p.column >= 1 for p in problems)
