"""What the models say is wrong, as findings at the paths of the file.

Pydantic names unions and validators inside its locations; the tree decides which steps are real.
A part that is wrong is cut out and the rest is checked again, so that every mistake is found and
the parts that are right can be checked against each other.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from instep.config.codes import CODES
from instep.config.findings import Finding, Path, suggest
from instep.config.schema import (
    RULES,
    Config,
    Create,
    Datadog,
    DevRev,
    FieldSpec,
    Heartbeat,
    Limits,
    Log,
    ProdManager,
    RuleSpec,
)

_SYSTEMS: dict[str, type[BaseModel]] = {
    "devrev": DevRev,
    "datadog": Datadog,
    "prodmanager": ProdManager,
}
_SECTIONS: dict[str, type[BaseModel]] = {"limits": Limits, "log": Log, "heartbeat": Heartbeat}

_KINDS = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
}


def validated(tree: Any) -> tuple[Config | None, list[Finding]]:
    """Check a tree against the models: what could be read of it, and everything that is wrong."""
    names = named_systems(tree)
    found: list[Finding] = []
    rest = copy.deepcopy(tree)
    # Each round cuts out at least one part, so there are fewer rounds than parts.
    while True:
        try:
            return Config.model_validate(rest, context={"systems": names}), found
        except ValidationError as error:
            mistakes = error.errors(include_url=False, include_input=False)
            now = [_finding(rest, names, mistake) for mistake in mistakes]
        found += now
        if not all([_cut(rest, finding) for finding in now]):  # noqa: C419 - cut them all
            return None, found


def named_systems(tree: Any) -> tuple[str, ...]:
    """Name the systems of a tree, whether or not they are right."""
    systems = tree.get("systems")
    return tuple(systems) if isinstance(systems, dict) else ()


def _finding(tree: Any, names: Sequence[str], mistake: Any) -> Finding:
    """Put one of pydantic's errors into plain words."""
    kind, loc = mistake["type"], mistake["loc"]
    path = _path(tree, loc)
    if kind == "missing":
        return Finding("E106", f'"{loc[-1]}" is missing', (*path, loc[-1]), _needs(path, tree))
    if kind == "extra_forbidden":
        hint = suggest(path[-1], keys_at(tree, path[:-1], names))
        return Finding("E102", f"unknown key {_quoted(path)}", path, hint, on_key=True)
    context = mistake.get("ctx", {})
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _untyped(tree, path, context)
    if kind in CODES:
        if loc[-1] == "[key]":
            return Finding(kind, context["message"], path, context["hint"], on_key=True)
        return Finding(kind, f"{_quoted(path)}: {context['message']}", path, context["hint"])
    return _unfit(tree, path, mistake)


def _unfit(tree: Any, path: Path, mistake: Any) -> Finding:
    """Say that a value is of the wrong kind, out of range, or none of the valid ones."""
    kind, said = mistake["type"], _quoted(path)
    if kind in ("literal_error", "enum"):
        valid = re.findall(r"'([^']*)'", mistake["ctx"]["expected"])
        word = _at(tree, path)
        return Finding("E110", f'{said} cannot be "{word}"', path, suggest(word, valid))
    if kind in _KINDS:
        return Finding("E107", f"{said} must be {_KINDS[kind]}", path, _plainly(kind, tree, path))
    code = "E112" if kind.startswith(("greater", "less")) else "E107"
    return Finding(code, f"{said}: {mistake['msg']}", path)


def _untyped(tree: Any, path: Path, context: Any) -> Finding:
    """Say that a system has no type, or none that is known."""
    inside, valid = (*path, "type"), tuple(_SYSTEMS)
    if "tag" not in context:
        return Finding("E106", '"type" is missing', inside, suggest("", valid))
    word = _at(tree, inside)
    return Finding("E110", f'"type" cannot be "{word}"', inside, suggest(word, valid))


def _needs(path: Path, tree: Any) -> str:
    """Say what a missing key is for, where its name alone does not."""
    if path and path[0] == "systems":
        kind = _at(tree, (*path, "type"))
        return f"a {kind} system cannot be used without it"
    return ""


def _plainly(kind: str, tree: Any, path: Path) -> str:
    """Say how a value of the wrong kind would be right, without showing it."""
    value = _at(tree, path)
    if kind == "string_type":
        return "write one word" if isinstance(value, (dict, list)) else "put it in quotes"
    if kind == "tuple_type":
        return "write [one, another]"
    if kind in ("model_type", "dict_type"):
        return "write {key: value}, or keys on lines of their own, indented"
    return "such as 25" if kind.startswith("int") else ""


def keys_at(tree: Any, path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Name the keys that may stand in the mapping at a path."""
    match path:
        case ():
            model: type[BaseModel] = Config
        case ("systems", system):
            model = _SYSTEMS[_at(tree, ("systems", system, "type"))]
        case ("systems", system, part):
            kind = _SYSTEMS[_at(tree, ("systems", system, "type"))]
            model = cast("type[BaseModel]", kind.model_fields[str(part)].annotation)
        case ("create", _):
            model = Create
        case ("fields", _):
            return (*_keys(FieldSpec), *names)
        case ("fields", _, _):
            model = RuleSpec
        case (section, *_):
            model = _SECTIONS[str(section)]
    return _keys(model)


def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    """Name the keys of a model as the file spells them."""
    names = (field.alias or name for name, field in model.model_fields.items())
    return tuple(name for name in names if name != RULES)


def _path(tree: Any, loc: Sequence[str | int]) -> Path:
    """Keep those steps of a location that exist in the tree.

    The third step of a system's is the type by which its model was chosen, even where a key of
    that name stands in the file.
    """
    path: Path = ()
    for step in (*loc[:2], *loc[3:]) if loc[:1] == ("systems",) else loc:
        known = step in tree if isinstance(tree, dict) else False
        if isinstance(tree, list) and isinstance(step, int):
            known = step < len(tree)
        if known:
            path, tree = (*path, step), tree[step]
    return path


def _at(tree: Any, path: Path) -> Any:
    """Give what stands at a path, or nothing."""
    for step in path:
        if isinstance(tree, list) and isinstance(step, int):
            tree = tree[step]
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _quoted(path: Path) -> str:
    """Name the last key of a path, and the place in a list after it."""
    keys = [step for step in path if isinstance(step, str)]
    return f'"{keys[-1]}"' if keys else "the configuration"


def _cut(tree: Any, finding: Finding) -> bool:
    """Take the wrong part out of the tree; false if nothing would be left."""
    path = finding.path[:-1] if finding.code == "E106" else finding.path
    whole = next((i for i, step in enumerate(path) if isinstance(step, int)), len(path))
    path = path[:whole]
    if not path:
        return False
    above = _at(tree, path[:-1])
    if isinstance(above, dict):
        above.pop(path[-1], None)
    return True
