"""What the models say is wrong, as findings at the paths of the file.

Pydantic names unions and validators inside its locations; the tree decides which steps are real.
A part that is wrong is cut out and the rest is checked again, so that every mistake is found and
the parts that are right can be checked against each other.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from instep.config.codes import CODES
from instep.config.credentials import is_private
from instep.config.findings import Finding, Path, closest, shown, suggest
from instep.config.schema import Config
from instep.config.shape import SYSTEMS, is_whole_number, keys_at, value_at


class _Said(NamedTuple):
    """How one of pydantic's errors is said: a code, what must be, and what would be right."""

    code: str
    must: str
    hint: str = ""


_TEXT = _Said("E107", "must be text", "put it in quotes")
_FLAG = _Said("E107", "must be true or false", "yes, no, on and off will do, too")
_WHOLE = _Said("E107", "must be a whole number", "such as 25")
_NUMBER = _Said("E107", "must be a number", "such as 25")
_MAPPING = _Said(
    "E107", "must be a mapping", "write {key: value}, or keys on lines below, indented"
)
_LIST = _Said("E107", "must be a list", "write [one, another]")
_EMPTY = _Said("E107", "must not be empty", "write something, or leave it out")
#: What the models can say, and what they would say if they grew a little; the rest is `_OTHER`.
_SAID: Mapping[str, _Said] = {
    "string_type": _TEXT,
    "string_unicode": _Said("E107", "must be UTF-8 text"),
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _Said("E112", "must be a smaller number", "such as 25"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "greater_than_equal": _Said("E112", "must be at least {ge}"),
    "greater_than": _Said("E112", "must be more than {gt}"),
    "less_than_equal": _Said("E112", "must be at most {le}"),
    "less_than": _Said("E112", "must be less than {lt}"),
    "too_short": _EMPTY,
    "string_too_short": _EMPTY,
    "too_long": _Said("E107", "can hold {max_length} and no more", "take the others out"),
    "string_too_long": _Said("E107", "can have {max_length} characters and no more"),
}
_OTHER = _Said("E107", "cannot be what stands here")

_OCTAL = re.compile(r"[-+]?0[0-7]+")


def validated(tree: Any) -> tuple[Config | None, list[Finding]]:
    """Check a tree against the models: what could be read of it, and everything that is wrong."""
    names = named_systems(tree)
    found = [*_ambiguous(tree, tree, ())]
    rest = copy.deepcopy(tree)
    # Each round cuts out at least one part, so there are fewer rounds than parts.
    while True:
        try:
            return Config.model_validate(rest, context={"systems": names}), found
        except ValidationError as error:
            now = findings_of(error, rest, names)
        found += now
        if not all([_cut(rest, finding) for finding in now]):  # noqa: C419 - cut them all
            return None, found


def named_systems(tree: Any) -> tuple[str, ...]:
    """Name the systems of a tree, whether or not they are right, or their key is."""
    systems = tree.get("systems" if "systems" in tree else closest("systems", tree))
    return tuple(systems) if isinstance(systems, dict) else ()


def findings_of(error: ValidationError, tree: Any, names: Sequence[str]) -> list[Finding]:
    """Put pydantic's errors into plain words; ``names`` are the systems'."""
    mistakes = error.errors(include_url=False, include_input=False)
    return [_finding(tree, names, mistake) for mistake in mistakes]


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
        return _own(tree, kind, path, context, on_key=loc[-1] == "[key]")
    if kind in ("literal_error", "enum"):
        valid = re.findall(r"'([^']*)'", context["expected"])
        return _not_among(tree, path, valid)
    return _unfit(tree, path, kind, context)


def _own(tree: Any, code: str, path: Path, context: Any, *, on_key: bool) -> Finding:
    """Say what one of our own validators found; its "this" is the value, where it can be shown."""
    message, hint, value = context["message"], context["hint"], value_at(tree, path)
    if on_key:
        return Finding(code, message, path, hint, on_key=True)
    if value is None:
        message = "nothing is said here"
    elif message.startswith("this ") and (what := _shown(value, path)):
        message = what + message.removeprefix("this")
    return Finding(code, f"{_quoted(path)}: {message}", path, hint)


def _not_among(tree: Any, path: Path, valid: Sequence[str]) -> Finding:
    """Say that a value is none of the valid ones."""
    value = value_at(tree, path)
    what = _shown(value, path) or "what stands here"
    hint = suggest(value if isinstance(value, str) else "", valid)
    return Finding("E110", f"{_quoted(path)} cannot be {what}", path, hint)


def _unfit(tree: Any, path: Path, kind: str, context: Any) -> Finding:
    """Say that a value is of the wrong kind, or out of range; a secret is not shown."""
    value, said = value_at(tree, path), _SAID.get(kind, _OTHER)
    message = f"{_quoted(path)} {said.must.format(**context)}"
    hint = said.hint
    if said is _EMPTY:
        hint = 'write "${NAME}", file:PATH or credential:NAME' if is_private(path) else hint
    elif "too_long" not in kind and (what := _shown(value, path)):
        message += f", not {what}" if value is not None else ", and nothing stands here"
    if said is _TEXT:
        hint = "write one word" if isinstance(value, (dict, list)) else hint
    return Finding(said.code, message, path, hint)


def _untyped(tree: Any, path: Path, context: Any) -> Finding:
    """Say that a system has no type, or none that is known."""
    inside, valid = (*path, "type"), tuple(SYSTEMS)
    if "tag" in context:
        return _not_among(tree, inside, valid)
    if near := closest("type", value_at(tree, path)):
        hint = suggest(near, ["type"])
        return Finding("E102", f'unknown key "{near}"', (*path, near), hint, on_key=True)
    return Finding("E106", '"type" is missing', inside, suggest("", valid))


def _needs(path: Path, tree: Any) -> str:
    """Say what a missing key is for, where its name alone does not."""
    if path[:1] == ("systems",):
        return f"a {value_at(tree, (*path, 'type'))} system cannot be used without it"
    return "a test says what is given and what is sent" if path[:1] == ("tests",) else ""


def _shown(value: Any, path: Path) -> str:
    """Show a value, unless it is long or stands where secrets do."""
    is_open = not is_private(path) or isinstance(value, (dict, list))
    return shown(value) if is_open else ""


def _ambiguous(tree: Any, part: Any, path: Path) -> Iterator[Finding]:
    """Find whole numbers that are one to people and another to YAML's older readers."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _ambiguous(tree, value, (*path, key))
    elif isinstance(part, list):
        for i, value in enumerate(part):
            yield from _ambiguous(tree, value, (*path, i))
    elif isinstance(part, str) and _OCTAL.fullmatch(part):
        one, other = int(part), int(part, 8)
        if one != other and (is_whole_number(tree, path) or _is_of_number(tree, path)):
            message = f"{_quoted(path)}: {part} can be read as {one} or as {other}"
            yield Finding("E134", message, path, f"write {one}, or {oct(other)} for {other}")


def _is_of_number(tree: Any, path: Path) -> bool:
    """Whether a path leads to a word of a field that is a number."""
    return any(value_at(tree, ("fields", step, "type")) == "number" for step in path)


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


def _quoted(path: Path) -> str:
    """Name the last key of a path, and the place in a list after it."""
    if not path:
        return "the configuration"
    if isinstance(path[-1], int):
        return f"item {path[-1] + 1} of {_quoted(path[:-1])}"
    return f'"{path[-1]}"'


def _cut(tree: Any, finding: Finding) -> bool:
    """Take the wrong part out of the tree; false if nothing would be left."""
    path = finding.path[:-1] if finding.code == "E106" else finding.path
    whole = next((i for i, step in enumerate(path) if isinstance(step, int)), len(path))
    path = path[:whole]
    if not path:
        return False
    above = value_at(tree, path[:-1])
    if isinstance(above, dict):
        above.pop(path[-1], None)
    return True
