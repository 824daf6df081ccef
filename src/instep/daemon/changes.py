"""What differs between two configurations, by the keys of the file; no secret is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from instep.config import Config
from instep.config.mapping import RULES, FieldSpec, RuleSpec, When
from instep.core.fields import Policy

#: Characters of a value beyond which only its key is named.
LONGEST = 40


def changes(old: Config, new: Config) -> list[str]:
    """Name every key that says something else, with the values where they are short.

    For example ``systems.datadog.rate: 1 -> 0.5``; of what is new or gone only the top is named.
    """
    return sorted(_between("", old, new))


def _between(path: str, old: Any, new: Any) -> Iterator[str]:
    """Compare what stands at one path."""
    if not (_has_keys(old) and _has_keys(new)):
        if old != new or type(old) is not type(new):
            yield f"{path}{_shown(old, new)}"
        return
    one, other = _keys(old), _keys(new)
    for key in {**one, **other}:
        inside = f"{path}.{key}" if path else key
        if key in one and key in other:
            yield from _between(inside, one[key], other[key])
        else:
            yield f"{inside}: {'added' if key in other else 'removed'}"
    if isinstance(new, Mapping) and one.keys() == other.keys() and [*one] != [*other]:
        # The first of several own words is the one that is written; the first system breaks ties.
        yield f"{path}: in another order"


def _has_keys(value: object) -> bool:
    """Whether a value is a part of the file whose keys are named; a condition is one thing."""
    return isinstance(value, BaseModel | Mapping) and not isinstance(value, When)


def _keys(part: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Give a part by the keys of the file."""
    if isinstance(part, Mapping):
        return dict(part)
    known = type(part).model_fields
    if not isinstance(part, FieldSpec | RuleSpec):
        values = {field.alias or name: _value(part, name) for name, field in known.items()}
        return {key: value for key, value in values.items() if value is not None}
    # What is not said of a field is as the preset has it, not as the model does.
    said = {known[name].alias or name: getattr(part, name) for name in part.model_fields_set}
    rules = said.pop(RULES, {})
    return {**said, **rules}


def _value(part: BaseModel, name: str) -> Any:
    """Give what a part says, in such a way that it is not shown where it can hold a secret."""
    value = getattr(part, name)
    return value if type(part).model_fields[name].repr else SecretStr(value)


def _shown(old: object, new: object) -> str:
    """Spell a change, unless it is long, has parts or is secret."""
    before, after = _text(old), _text(new)
    if not (0 < len(before) <= LONGEST and 0 < len(after) <= LONGEST):
        return ""
    return f": {before} -> {after}"


def _text(value: object) -> str:
    """Spell a plain value as the file does; nothing else has a text."""
    if isinstance(value, Policy):
        value = (value.decide.value, *value.systems)
    match value:
        case None | bool():
            return {None: "off", False: "false", True: "true"}[value]
        case float():
            return f"{value:.10g}"
        case str() | int():
            return str(value)
        case tuple() if all(isinstance(item, str | int | float) for item in value):
            return ", ".join(map(_text, value))
    return ""
