"""The schema for editors: it takes what the loader takes, and marks a mistake where it is."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from pydantic import BaseModel

from instep.config import loads
from instep.config.editor import dumped, meaning, schema
from instep.config.positions import read
from instep.config.schema import Config
from instep.errors import ConfigError
from tests.config.language import ENVIRON, configs

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft7Validator(schema())
RIGHT = read(
    """
every: 60s
limits: {creates: 1}
systems:
  devrev: {type: devrev, token: "${TOKEN}", poll: {by: group, group_by: stage}}
  datadog: {type: datadog, site: datadoghq.eu, api_key: "${TOKEN}", app_key: "${TOKEN}"}
  status:
    type: prodmanager
    url: https://status.example.com
    token: "${TOKEN}"
    limits: {share: 5%}
create:
  devrev: {from: [datadog], when: {severity: {at_least: high}, any: [{status: active}]}}
  status: {set: {scope: eu-west, service: Checkout}, alike: create}
fields:
  title:
    on_conflict: {prefer: [devrev]}
    datadog: {path: title, max_length: 100, shorten: words}
  region:
    type: choice
    on_conflict: highest
    values: [eu, us]
    devrev: {path: custom_fields.region, words: {EU: eu}, otherwise: us}
tests:
  - name: a title goes on
    given: {devrev: {title: Checkout slow}}
    sent: {datadog: {title: Checkout slow}}
log: {level: debug}
heartbeat: {url: "${TOKEN}"}
"""
).tree
#: Where a key is mistyped, and how.
TYPOS: tuple[tuple[tuple[str | int, ...], str], ...] = (
    (("every",), "evry"),
    (("limits",), "limit"),
    (("systems",), "system"),
    (("create",), "creates"),
    (("fields",), "field"),
    (("tests",), "test"),
    (("limits", "creates"), "create"),
    (("log", "level"), "levle"),
    (("heartbeat", "url"), "ulr"),
    (("systems", "devrev", "type"), "typ"),
    (("systems", "devrev", "token"), "tokn"),
    (("systems", "devrev", "poll"), "pol"),
    (("systems", "devrev", "poll", "group_by"), "groupby"),
    (("systems", "datadog", "site"), "sight"),
    (("systems", "datadog", "api_key"), "apikey"),
    (("systems", "status", "url"), "uri"),
    (("systems", "status", "limits", "share"), "shares"),
    (("create", "devrev", "from"), "form"),
    (("create", "devrev", "when"), "wen"),
    (("create", "devrev", "when", "severity", "at_least"), "atleast"),
    (("create", "status", "set"), "sets"),
    (("fields", "title", "on_conflict", "prefer"), "prefers"),
    (("fields", "title", "datadog", "max_length"), "maxlength"),
    (("fields", "region", "on_conflict"), "on_conflit"),
    (("fields", "region", "type"), "typ"),
    (("fields", "region", "values"), "vales"),
    (("fields", "region", "devrev", "words"), "word"),
    (("tests", 0, "given"), "givn"),
    (("tests", 0, "sent"), "send"),
)


def mistakes(tree: Any) -> list[tuple[str | int, ...]]:
    """Give the place of everything that an editor would mark; an unknown key is its own place."""
    return [place for error in VALIDATOR.iter_errors(tree) for place in _places(error)]


def _places(error: jsonschema.ValidationError) -> Iterator[tuple[str | int, ...]]:
    """Give the place of an error, or of each unknown key that it names."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        yield from ((*path, key) for key in error.instance if key not in known)
    else:
        yield path


def renamed(tree: Any, path: tuple[str | int, ...], name: str) -> Any:
    """Mistype the last key of a path, where it stands."""
    changed = copy.deepcopy(tree)
    above = changed
    for step in path[:-1]:
        above = above[step]
    said = {name if key == path[-1] else key: value for key, value in above.items()}
    above.clear()
    above.update(said)
    return changed


def models(kind: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Find a model and all that are below it."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [kind]
    while waiting:
        each = waiting.pop()
        waiting += getattr(each, "__args__", ())
        waiting += [each.__value__] if hasattr(each, "__value__") else []
        is_new = isinstance(each, type) and each.__name__ not in found
        if is_new and issubclass(each, BaseModel):
            found[each.__name__] = each
            waiting += [field.annotation for field in each.model_fields.values()]
    return found


def keys(kind: type[BaseModel]) -> set[str]:
    """Name the keys of a model as a file spells them."""
    names = {field.alias or name for name, field in kind.model_fields.items()}
    return {name for name in names if not name.startswith("\0")}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Give every part of the schema."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(part)


def texts() -> Iterator[tuple[str, str]]:
    """Give every whole configuration that the repository shows."""
    yield "config.example.yaml", (ROOT / "config.example.yaml").read_text()
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for block in re.findall(
            r"^```ya?ml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE
        ):
            if re.search(r"^systems:", block, re.MULTILINE):
                yield page.name, block


def test_it_is_a_schema_of_draft_7() -> None:
    """The text that is printed is a schema, by the rules of its draft."""
    printed = json.loads(dumped())
    assert printed["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(printed)
    assert not [node for node in nodes(printed) if "oneOf" in node or "$defs" in node]


def test_every_key_is_explained() -> None:
    """Each key says what it means, and has a default or an example, but for whole sections."""
    found = models(Config)
    assert {"Config", "DevRev", "Create", "When", "Wanted", "RuleSpec", "Trial"} <= found.keys()
    for name, kind in found.items():
        shape = {"Config": schema(), **schema()["definitions"]}[name]
        described = {**shape.get("then", {}), **shape}["properties"]
        assert described.keys() == keys(kind)
        for key, part in described.items():
            assert part["description"].endswith("."), (name, key)
            is_section = {"$ref", "allOf", "additionalProperties"} & part.keys()
            assert is_section or {"default", "examples"} & part.keys(), (name, key)


def test_nothing_is_explained_that_is_not_there() -> None:
    """A key that is taken out of the models is taken out of the words about them, too."""
    told = read((ROOT / "src/instep/config/keys.yaml").read_text()).tree
    found = models(Config)
    shared = keys(found["DevRev"]) & keys(found["Datadog"])
    assert {key for key in told.pop("System") if key not in shared} == set()
    assert told.keys() <= found.keys()
    for name, said in told.items():
        assert set(said) - {"*"} <= keys(found[name]), name


@pytest.mark.parametrize(("name", "text"), [*texts()])
def test_every_configuration_that_is_shown_is_as_the_schema_says(name: str, text: str) -> None:
    """An editor marks nothing in the example, nor in a page's."""
    assert mistakes(read(text).tree) == [], name


def test_an_editor_finds_the_schema_of_the_example() -> None:
    """Its first line is the one that a new file has, too."""
    assert next(texts())[1].startswith("# yaml-language-server: $schema=instep.schema.json\n")


def test_the_configuration_that_is_mistyped_below_is_right() -> None:
    """Nothing but the typo is wrong with it."""
    assert mistakes(RIGHT) == []
    assert loads(json.dumps(RIGHT), "instep.yaml", {"TOKEN": "set for the tests"}).tests


@pytest.mark.parametrize(("path", "typed"), TYPOS, ids=lambda typo: str(typo).replace(" ", ""))
def test_a_mistyped_key_is_one_mistake(path: tuple[str | int, ...], typed: str) -> None:
    """An editor marks the mistyped key and nothing else, where ``check`` refuses the file."""
    wrong = renamed(RIGHT, path, typed)
    assert mistakes(wrong) == [(*path[:-1], typed)]
    with pytest.raises(ConfigError):
        loads(json.dumps(wrong), "instep.yaml", {"TOKEN": "set for the tests"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("every",), 60),
        (("every",), "0s"),
        (("limits", "creates"), -1),
        (("limits", "creates"), "many"),
        (("limits", "share"), 30),
        (("systems", "devrev", "type"), "devrew"),
        (("systems", "devrev", "writable"), "maybe"),
        (("systems", "devrev", "poll", "by"), "groups"),
        (("systems", "devrev", "reference"), "title"),
        (("systems", "status", "url"), "status.example.com"),
        (("systems", "status", "on_gone"), "close it"),
        (("create", "devrev", "from"), []),
        (("fields", "title", "datadog"), "none"),
        (("fields", "title", "datadog", "shorten"), "word"),
        (("fields", "title", "on_conflict"), "prefer"),
        (("fields", "region", "type"), "words"),
        (("fields", "region"), None),
        (("log", "level"), "loud"),
        (("listen",), 70000),
        (("ledger",), "mysql://here/instep"),
    ],
)
def test_a_wrong_value_is_one_mistake(path: tuple[str | int, ...], value: Any) -> None:
    """An editor marks the value, and ``check`` refuses it."""
    wrong = copy.deepcopy(RIGHT)
    above = wrong
    for step in path[:-1]:
        above = above[step]
    above[path[-1]] = value
    assert mistakes(wrong) == [path]
    with pytest.raises(ConfigError):
        loads(json.dumps(wrong), "instep.yaml", {"TOKEN": "set for the tests"})


def test_what_a_key_means_is_said_by_its_model() -> None:
    """A url is another thing for each service, a timeout the same for all."""
    assert meaning("ProdManager", "url") != meaning("DevRev", "url")
    assert meaning("ProdManager", "timeout") == meaning("DevRev", "timeout")


@settings(max_examples=400)
@given(configs())
def test_everything_that_the_loader_takes_the_schema_takes(tree: dict[str, Any]) -> None:
    """However oddly a configuration is spelled: where ``check`` is content, so is an editor."""
    try:
        loads(json.dumps(tree), "instep.yaml", ENVIRON)
    except ConfigError:
        assume(False)
    assert mistakes(tree) == []
