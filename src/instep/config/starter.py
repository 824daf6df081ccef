"""The text of a new configuration file, for the systems that somebody has."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.config.editor import KINDS, Node, schema
from instep.config.load import loads
from instep.config.mapping import FieldSpec, RuleSpec
from instep.config.presets import preset, usual
from instep.core.rules import Direction
from instep.errors import ConfigError, Problem

#: What the editor's schema is called, beside the file.
SCHEMA = "instep.schema.json"
#: Tells an editor which schema describes the file.
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
#: Type of a system -> the name that a new file gives it.
NAMES = {"devrev": "devrev", "datadog": "datadog", "prodmanager": "status"}
#: Type of a system -> its secrets, and the variables that a new file takes them from.
SECRETS = {
    "devrev": {"token": "DEVREV_TOKEN"},
    "datadog": {"api_key": "DD_API_KEY", "app_key": "DD_APP_KEY"},
    "prodmanager": {"token": "PRODMANAGER_TOKEN"},
}
#: What ProdManager wants to know of every new record; both stand for something of the user's.
PLACES = {"scope": "eu-west", "service": "Checkout"}

#: Lower than the usual ones: a new mapping is not trusted yet.
LIMITS = {"creates": 25, "updates": 50, "closes": 10, "share": "30%"}
#: Type of a system -> where it could keep a field of one's own.
REGION = {"devrev": "custom_fields.tnt__region", "datadog": "fields.region"}

#: Text that YAML takes as it is: web addresses, sites, time zones, paths, durations and shares.
_PLAIN = re.compile(r"(https?://)?[A-Za-z][\w.-]*([:/.][\w.+-]+)+/?|[A-Za-z][\w-]*|\d+[smhd%]")
#: Text that YAML takes for something else.
_NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off"})

_SHORT = f"""\
{MODELINE}
# Keeps the incidents of these systems in step. Is it right? instep check
"""
_FULL = f"""\
{MODELINE}
# Keeps the incidents of these systems in step. Is it right? instep check
# Every key is here, with its default or an example. Take the # off in front of what you want.
"""
_EDIT = "# EDIT: a scope and a service of yours"
_MAPPING = """\
# What is mapped without a word of yours. Under "fields" stands only what is to differ, such as
#
# fields:
#   severity: {on_conflict: highest}     # who wins where two were edited: else the newest
#   owners: off                          # is not carried
#
# (in): only read there. Of several words for one, the first is written.
#
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The systems that somebody has: ``site`` of a Datadog, ``url`` and ``zone`` of a ProdManager.

    What is empty is not there.
    """

    devrev: bool = False
    site: str = ""
    url: str = ""
    zone: str = "UTC"

    @property
    def types(self) -> tuple[str, ...]:
        """Name the types of the systems."""
        there = {"devrev": self.devrev, "datadog": self.site, "prodmanager": self.url}
        return tuple(kind for kind, is_there in there.items() if is_there)

    @property
    def variables(self) -> tuple[str, ...]:
        """Name the variables that hold the secrets."""
        return tuple(name for kind in self.types for name in SECRETS[kind].values())

    def systems(self) -> dict[str, dict[str, Any]]:
        """Say how each system is reached, by its name."""
        more = {
            "datadog": {"site": self.site},
            "prodmanager": {"url": self.url, "timezone": self.zone},
        }
        return {
            NAMES[kind]: {"type": kind}
            | more.get(kind, {})
            | {key: f"${{{name}}}" for key, name in SECRETS[kind].items()}
            for kind in self.types
        }

    def creates(self) -> dict[str, dict[str, Any]]:
        """Let each system have the incidents of all others."""
        names = {NAMES[kind]: kind for kind in self.types}
        return {
            name: {"from": [other for other in names if other != name]}
            | ({"set": PLACES} if kind == "prodmanager" else {})
            for name, kind in names.items()
        }


def starter(chosen: Chosen) -> str:
    """Write a short file that is right, and below it what the presets map."""
    every = "every: 60s    # how often every system is heard"
    limits = f"limits: {flow(LIMITS)}    # what is more waits for a person"
    gets = "create:    # which systems get incidents that they do not have"
    parts = (
        _SHORT,
        _lines([every, limits]),
        _lines(["systems:", *_block(chosen.systems())]),
        _lines([gets, *_block(chosen.creates())]),
        _mapping(chosen),
    )
    return "\n".join(parts)


def in_full(chosen: Chosen) -> str:
    """Write a file that shows every key, with its meaning and its default or an example."""
    said = {
        "every": "60s",
        "limits": LIMITS,
        "systems": chosen.systems(),
        "create": chosen.creates(),
    }
    shown = said | _examples(chosen)
    parts = [_FULL]
    for key, part in schema()["properties"].items():
        lines = [*_about(part), *_entry(key, part, shown.get(key))]
        parts.append(_lines(lines if key in said else _off(lines)))
    return "\n".join([*parts, _mapping(chosen)])


def _examples(chosen: Chosen) -> dict[str, Any]:
    """Make a field of one's own and a test, such as these systems could have."""
    one, other = chosen.types[:2]
    said, sent = (
        {NAMES[kind]: {str(preset(kind).rules["title"].path): "Checkout slow"}}
        for kind in (one, other)
    )
    region = {"type": "choice", NAMES[one]: {"path": REGION[one]}}
    test = {"name": "a title goes on", "given": said, "sent": sent}
    return {"fields": {"region": region}, "tests": [test]}


def wrong(chosen: Chosen) -> tuple[Problem, ...]:
    """Tell what ``check`` would say is wrong with these systems, if anything."""
    environ = dict.fromkeys(chosen.variables, "is set")
    try:
        loads(starter(chosen), "", environ)
    except ConfigError as error:
        return error.problems
    return ()


def _lines(lines: Iterable[str]) -> str:
    """Join lines, each with its end."""
    return "".join(f"{line}\n" for line in lines)


def _in(lines: Iterable[str]) -> Iterator[str]:
    """Move lines one step in."""
    return (f"  {line}" for line in lines)


def _off(lines: Iterable[str]) -> Iterator[str]:
    """Make settings comments, from which one # less makes settings again."""
    return (line if line.startswith("# ") else f"#{line}" for line in lines)


def _block(said: Mapping[str, Any]) -> Iterator[str]:
    """Spell named mappings, each of their keys on a line."""
    for name, keys in said.items():
        yield f"  {name}:"
        yield from _in(_in(_line(key, value) for key, value in keys.items()))


def _line(key: str, value: Any) -> str:
    """Spell a key; what has to be edited is marked."""
    return f"{key}: {flow(value)}" + (f"    {_EDIT}" if value is PLACES else "")


def _about(part: Node) -> list[str]:
    """Say what a key means."""
    return [f"# {line}" for line in textwrap.wrap(part.get("description", ""), 90)]


def _entry(key: str, part: Node, said: Any) -> Iterator[str]:
    """Spell a key: with what is said of it, its own keys, or else its default or an example."""
    usual_one = [*([part["default"]] if "default" in part else part.get("examples", ()))]
    model = None if usual_one else _model(part, said)
    if model is None:
        yield _line(key, usual_one[0] if said is None else said)
        return
    yield f"{key}:"
    yield from _in(_keys(model, said))


def _keys(model: Node, said: Mapping[str, Any] | None) -> Iterator[str]:
    """Spell all keys of a mapping; of one that is said, those that are not become comments."""
    known, own = model.get("properties", {}), said or {}
    for key in dict.fromkeys([*(key for key in own if key in known), *known]):
        lines = [*_about(known[key]), *_entry(key, known[key], own.get(key))]
        yield from lines if said is None or key in own else _off(lines)
    for name in (key for key in own if key not in known):
        yield from _entry(name, model["additionalProperties"], own[name])


def _model(part: Node, said: Any) -> Node | None:
    """Find the mapping that stands at a key, if one does."""
    if "$ref" in part:
        return _model(schema()["definitions"][part["$ref"].rpartition("/")[2]], said)
    if "allOf" in part.get("then", {}):
        return _model({"$ref": KINDS[said["type"]]}, said)
    for inner in (*part.get("allOf", ()), *([part["then"]] if "then" in part else ())):
        if "$ref" in inner:
            return _model(inner, said)
    return part if "properties" in part or "additionalProperties" in part else None


def flow(value: Any) -> str:
    """Spell a value on one line; text is quoted where YAML might take it for something else."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {flow(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.casefold() not in _NO_TEXT:
        return value
    return "~" if value is None else json.dumps(value, ensure_ascii=False)


def _mapping(chosen: Chosen) -> str:
    """Tell in comments what the presets map."""
    return _MAPPING + _lines(f"# {line}" for line in mapped(chosen.types))


def mapped(types: Iterable[str]) -> list[str]:
    """Lay out what the presets map: a line for each field, and below it the words of a choice."""
    kinds = tuple(types)
    rows = [("field", "type", *(NAMES[kind] for kind in kinds))]
    for name, field in usual().items():
        rules = [preset(kind).rules.get(name) for kind in kinds]
        if any(rules):
            rows.append((name, str(field.type), *map(_path, rules)))
            rows += _words(field, rules)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _path(rule: RuleSpec | None) -> str:
    """Say where a field stands in a system, and whether it only goes one way."""
    if rule is None:
        return ""
    way = f" ({rule.direction})" if rule.direction is not Direction.BOTH else ""
    return f"{rule.path}{way}"


def _words(field: FieldSpec, rules: Iterable[RuleSpec | None]) -> Iterator[tuple[str, ...]]:
    """Say for each common word of a choice which words of the systems stand for it."""
    tables = [_table(field, rule) for rule in rules]
    for value in field.values:
        yield (f"  {value}", "", *(", ".join(_own(table, value)) for table in tables))
    unset = [", ".join(own for own, means in table.items() if not means) for table in tables]
    if any(unset):
        yield ("  nothing said", "", *unset)


def _table(field: FieldSpec, rule: RuleSpec | None) -> Mapping[str, tuple[str, ...]]:
    """Give the words of a system; without a table its words are the common ones."""
    if rule is None:
        return {}
    return {value: (value,) for value in field.values} if rule.words is None else rule.words


def _own(table: Mapping[str, tuple[str, ...]], value: str) -> list[str]:
    """Give the words that stand for a common word, the one that is written first."""
    may = [own for own, means in table.items() if value in means]
    return sorted(may, key=lambda own: table[own][0] != value)
