"""What is said of a mistake, whatever part of the file it is made in."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import InitErrorDetails
from pydantic_core._pydantic_core import list_all_errors

from instep.config import load, loads
from instep.config.mistakes import findings_of
from instep.config.positions import read
from instep.config.shape import keys_at
from instep.errors import ConfigError
from tests.config.broken import ENVIRON

FULL = Path(__file__).parent / "full.yaml"
VARIABLES = ENVIRON | {"BEARER": "t-bearer"}
TREE = read(FULL.read_text()).tree
Steps = tuple[Any, ...]


def mappings(tree: Any, path: Steps = ()) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Give every mapping of a tree, with its path."""
    if isinstance(tree, dict):
        yield path, tree
    for step, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(part, (dict, list)):
            yield from mappings(part, (*path, step))


def mistyped(path: Steps, key: str) -> str:
    """Spell the configuration that says everything with one letter too many in a key."""
    tree = copy.deepcopy(TREE)
    part = tree
    for step in path:
        part = part[step]
    part[f"{key}x"] = part.pop(key)
    return json.dumps(tree)


#: Every key of every section; what may stand in a condition beside its own keys is any field.
KEYS = [
    (path, key)
    for path, part in mappings(TREE)
    for key in keys_at(TREE, path, ())
    if key in part and "when" not in path
]


def test_the_configuration_that_says_everything_is_right() -> None:
    """It says every key of every section, and nothing that is wrong."""
    assert {w.code for w in load(FULL, VARIABLES).warnings} <= {"W204", "W205"}
    known = {key for path, _ in mappings(TREE) for key in keys_at(TREE, path, ())}
    said = {key for path, part in mappings(TREE) for key in part if key in keys_at(TREE, path, ())}
    assert known - said == set()


@pytest.mark.parametrize(("path", "key"), KEYS, ids=str)
def test_a_mistyped_key_is_named_wherever_it_stands(path: Steps, key: str) -> None:
    """The unknown key is found at its place, with the key that was meant."""
    text = mistyped(path, key)
    with pytest.raises(ConfigError) as caught:
        loads(text, "instep.yaml", VARIABLES)
    inside = ".".join(map(str, (*path, f"{key}x")))
    (found,) = [p for p in caught.value.problems if p.path == inside]
    assert (found.code, found.message) == ("E102", f'unknown key "{key}x"')
    assert found.hint == f'did you mean "{key}"?'
    assert text[found.column - 1 :].startswith(f'"{key}x"')


@pytest.mark.parametrize("kind", list_all_errors(), ids=lambda kind: kind["type"])
def test_pydantic_does_not_speak_for_itself(kind: Any) -> None:
    """Whatever pydantic finds wrong is said in words of our own, and not in its."""
    context = dict(kind["example_context"] or {})
    context |= {"error": ValueError("x")} if context.get("error", "") is None else {}
    details = InitErrorDetails(type=kind["type"], loc=("limits",), input={}, ctx=context)
    error = ValidationError.from_exception_data("Config", [details])
    (found,) = findings_of(error, {"limits": {}}, ())
    assert found.message
    assert error.errors()[0]["msg"] not in found.message + found.hint
    assert not {"Input", "String", "valid dictionary"} & set(found.message.split())


def test_a_mistake_of_no_part_is_one_of_the_configuration() -> None:
    """What the models find wrong with all of the file is said of the file."""
    details = InitErrorDetails(type="model_type", loc=(), input=5, ctx={"class_name": "Config"})
    error = ValidationError.from_exception_data("Config", [details])
    (found,) = findings_of(error, 5, ())
    assert (found.path, found.message) == ((), "the configuration must be a mapping, not 5")
