"""The JSON Schema of the configuration, by which editors complete, explain and check the file.

The models say what there is, ``keys.yaml`` what it means. What pydantic makes of the models is
rewritten so that one mistake is one error, at its key: a validator cannot tell which part of a
union was meant. It takes all that the loader takes, such as a variable in the place of a number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from instep.config.mapping import FIELDS, IS, RULES
from instep.config.positions import read
from instep.config.schema import Config
from instep.config.values import VARIABLE

Node = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
#: Type of a system -> its model; they share what is said of ``System``.
KINDS = {"devrev": "DevRev", "datadog": "Datadog", "prodmanager": "ProdManager"}
#: A key of the user's own, where keys are told of.
ANY = "*"
#: What a flag or a count looks like as text: a variable's is nothing else.
_FLAG = "[Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF"
_COUNT = r"\d+"


def dumped() -> str:
    """Give the schema as the text of a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


@cache
def schema() -> Node:
    """Give the schema: JSON Schema, draft 7, which editors know best."""
    config = Config.model_json_schema(ref_template="#/definitions/{model}")
    models = config.pop("$defs") | {"Config": config}
    words = {name: models.pop(name)["enum"] for name in [*models] if "enum" in models[name]}
    shaped = {name: _node(_spelled(_told(name, m), words)) for name, m in models.items()}
    config = shaped.pop("Config")
    config["properties"]["systems"]["additionalProperties"] = _system(shaped)
    fields = config["properties"]["fields"]
    fields["additionalProperties"] = _or_off(fields["additionalProperties"])
    shaped["variable"] = {"type": "string", "pattern": f"^{VARIABLE}$"}
    head = {"$schema": DRAFT, "title": "instep.yaml"}
    return {**head, **config, "definitions": dict(sorted(shaped.items()))}


def meaning(model: str, key: str) -> Node:
    """Say what a key means: its ``says``, and its ``example`` where it has no default."""
    known = _keys()
    of_all = known["System"] if model in KINDS.values() else {}
    found: Any = (of_all | known.get(model, {})).get(key, {})
    return found if isinstance(found, dict) else {"says": found}


@cache
def _keys() -> Node:
    """Read what every key means."""
    text = files("instep.config").joinpath("keys.yaml").read_text(encoding="utf-8")
    tree: Node = read(text).tree
    return tree


def _told(name: str, model: Node) -> Node:
    """Say of every key of a model what it means; the model's own words are for programmers."""
    rest = {key: value for key, value in model.items() if key != "description"}
    if "properties" not in rest:
        return rest
    keys = {key: part | _help(name, key) for key, part in rest["properties"].items()}
    for gathered in {RULES, FIELDS} & keys.keys():
        keys[gathered] |= _help(name, ANY)
    return rest | {"properties": keys}


def _help(model: str, key: str) -> Node:
    """Say what a key means in the words of a schema."""
    found = meaning(model, key)
    example = {"examples": [found["example"]]} if "example" in found else {}
    return {"description": found["says"], **example} if found else {}


def _spelled(node: Any, words: Mapping[str, list[str]]) -> Any:
    """Put the words of a choice where they are referred to, since ``~`` can stand beside them."""
    if isinstance(node, list):
        return [_spelled(part, words) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _spelled(part, words) for key, part in node.items()}
    name = str(node.get("$ref")).rpartition("/")[2]
    if name not in words:
        return node
    return {"enum": words[name]} | {key: part for key, part in node.items() if key != "$ref"}


def _node(node: Any) -> Any:
    """Rewrite what pydantic made, and all that is in it."""
    if not isinstance(node, dict):
        return node
    node = {key: value for key, value in node.items() if key not in ("title", "format")}
    for key in ("additionalProperties", "items", "then", "else"):
        if key in node:
            node[key] = _node(node[key])
    if "properties" in node:
        keys = {key: _node(part) for key, part in node["properties"].items()}
        return _model(node | {"properties": keys})
    return _value(_named(_optional(_defaulting(node))))


def _defaulting(node: Node) -> Node:
    """Spell a default as a file does; one that says nothing is left out."""
    default = node.pop("default", None)
    if isinstance(default, float):
        default = _span(default) if node["type"] == "string" else f"{default:.0%}"
    said = default not in (None, "", []) and not isinstance(default, dict)
    return node | ({"default": default} if said else {})


def _span(seconds: float) -> str:
    """Spell a duration as a file does: 90s, 5m, 1h."""
    units = ((86400, "d"), (3600, "h"), (60, "m")) if seconds > 60 else ()
    size, unit = next((unit for unit in units if not seconds % unit[0]), (1, "s"))
    return f"{seconds / size:.0f}{unit}"


def _optional(node: Node) -> Node:
    """Rewrite what may be left empty, as a key without a default may."""
    if "anyOf" not in node:
        return node
    beside = {key: value for key, value in node.items() if key != "anyOf"}
    (inner,) = (_node(part) for part in node["anyOf"] if part != {"type": "null"})
    return _or_nothing(inner) | beside


def _or_nothing(node: Node) -> Node:
    """Take ``~`` as well."""
    if "type" in node:
        kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
        return node | {"type": list(dict.fromkeys([*kinds, "null"]))}
    if "else" in node:
        return node | {"else": _or_nothing(node["else"])}
    if "anyOf" in node:
        words, variable = node["anyOf"]
        return node | {"anyOf": [{"enum": [*words["enum"], None]}, variable]}
    empty = {"anyOf": [node, {"type": "null"}]}
    return {"if": {"type": "object"}, "then": node, "else": empty}


def _named(node: Node) -> Node:
    """Refuse a key that is no name, which pydantic's pattern would let pass."""
    if "patternProperties" not in node:
        return node
    ((pattern, part),) = node.pop("patternProperties").items()
    return node | {"propertyNames": {"pattern": pattern}, "additionalProperties": _node(part)}


def _value(node: Node) -> Node:
    """Let a variable stand for any one value; keep what stands beside a reference."""
    if "$ref" in node and len(node) > 1:
        # A draft-7 validator looks at nothing beside a reference.
        return {"allOf": [{"$ref": node.pop("$ref")}], **node}
    if "enum" in node:
        rest = {key: value for key, value in node.items() if key not in ("enum", "type")}
        return _one_of(node["enum"]) | rest
    looks = {"boolean": _FLAG, "integer": _COUNT}.get(str(node.get("type")))
    if looks is None:
        return node
    return node | {"type": [node["type"], "string"], "pattern": f"^({looks}|{VARIABLE})$"}


def _one_of(words: list[Any]) -> Node:
    """Take one of some words, or a variable that holds one."""
    return {"anyOf": [{"enum": words}, {"$ref": "#/definitions/variable"}]}


def _model(node: Node) -> Node:
    """Rewrite a model: what stands for keys of the user's own, or for a bare value."""
    keys = node["properties"]
    for gathered in {RULES, FIELDS} & keys.keys():
        part = keys.pop(gathered)
        inner = part.pop("additionalProperties")
        inner = _or_off(inner) if gathered == RULES else {"allOf": [inner]}
        node["additionalProperties"] = inner | {"description": part["description"]}
    if IS in keys:
        return {"if": {"type": "object"}, "else": keys.pop(IS), "then": _needing(node)}
    return _needing(node)


def _needing(node: Node) -> Node:
    """Ask for keys that must be there, unless one that is unknown may be such a key, mistyped."""
    required = node.pop("required", None)
    if not required:
        return node
    known = {"propertyNames": {"enum": [*node["properties"]]}}
    return node | {"if": known, "then": {"required": required}}


def _or_off(node: Node) -> Node:
    """Take a mapping, or ``off`` in its place."""
    return {"if": {"type": "object"}, "then": node["then"], "else": _one_of(["off", False])}


def _system(models: Mapping[str, Node]) -> Node:
    """Take a system as its type says; one without a type may have the keys of all."""
    keys = {key for name in KINDS.values() for key in models[name]["properties"]}
    untyped = _needing(
        {
            "properties": dict.fromkeys(sorted(keys), True),
            "additionalProperties": False,
            "required": ["type"],
        }
    )
    return {
        "type": "object",
        "properties": {"type": _one_of([*KINDS]) | _help("System", "type")},
        "if": {"required": ["type"]},
        "then": {"allOf": [_typed(kind, name) for kind, name in KINDS.items()]},
        "else": untyped,
    }


def _typed(kind: str, name: str) -> Node:
    """Take a system of one type for what its model says."""
    is_it = {"type": "object", "properties": {"type": {"const": kind}}}
    return {"if": is_it, "then": {"$ref": f"#/definitions/{name}"}}
