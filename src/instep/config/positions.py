"""YAML to plain values, with the line and column of every key and value.

The node graph is read rather than what YAML makes of it: nodes know where they stand, and all
repeated keys are found, not only the first. A key is always text, as it is spelled, so that the
words ``no`` and ``on`` or a severity ``1`` need no quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from instep.config.findings import Finding, Path, Place

_TAG = "tag:yaml.org,2002:"
_FLAGS = {"true": True, "yes": True, "on": True}


@dataclass(slots=True)
class Document:
    """What a text says (``tree``), where each part of it stands, and what is wrong as YAML."""

    tree: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def place(self, finding: Finding) -> Place:
        """Find the line and column of a finding; a missing key stands at its mapping's own key."""
        if finding.place:
            return finding.place
        first = self.keys if finding.on_key else self.values
        path = finding.path
        if path in first:
            return first[path]
        while path:
            path = path[:-1]
            if place := self.keys.get(path) or self.values.get(path):
                return place
        return (1, 1)


def read(text: str) -> Document:
    """Read YAML; what is wrong with it as YAML is among the findings."""
    document = Document()
    try:
        node = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        document.findings.append(_marked(error))
    except (YAMLError, RecursionError) as error:
        document.findings.append(_unmarked(error, text))
    else:
        if isinstance(node, Node):
            document.tree = _plain(document, node, (), ())
        if not document.findings:
            document.findings += _shape(document.tree)
    return document


def _shape(tree: object) -> list[Finding]:
    """Refuse a text that says nothing, or not a mapping."""
    if tree is None:
        return [
            Finding(
                "E105",
                "the configuration is empty",
                (),
                "config.example.yaml shows one, instep demo --keep writes one",
            )
        ]
    if isinstance(tree, dict):
        return []
    kind = "a list" if isinstance(tree, list) else "one value"
    message = f"the configuration is {kind}, not a mapping"
    return [Finding("E105", message, (), "start with systems:")]


def _plain(document: Document, node: Node, path: Path, above: tuple[int, ...]) -> Any:
    """Make a node plain and note where it stands."""
    document.values.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if id(node) in above:
        _refuse(document, path, "an alias holds itself", "write the value out")
        return None
    above = (*above, id(node))
    if isinstance(node, MappingNode):
        return _mapping(document, node, path, above)
    if isinstance(node, SequenceNode):
        return [_plain(document, item, (*path, i), above) for i, item in enumerate(node.value)]
    return _scalar(document, node, path)


def _mapping(
    document: Document, node: MappingNode, path: Path, above: tuple[int, ...]
) -> dict[str, Any]:
    """Read a mapping; of a repeated key the first counts and the others are findings."""
    plain: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            _refuse(document, path, "a key must be one word", 'a value such as "{x}" needs quotes')
            continue
        name, here = str(key.value), (key.start_mark.line + 1, key.start_mark.column + 1)
        inside = (*path, name)
        if name in plain:
            first = document.keys[inside][0]
            hint = f"first on line {first}; keep one of them"
            message = f'"{name}" stands here twice'
            document.findings.append(Finding("E104", message, inside, hint, place=here))
            continue
        document.keys[inside] = here
        plain[name] = _plain(document, value, inside, above)
    return plain


def _scalar(document: Document, node: Node, path: Path) -> Any:
    """Read one value: YAML's own kinds, and text for the rest (a date is text too)."""
    text = str(node.value)
    match str(node.tag).removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return _FLAGS.get(text.casefold(), False)
        case "int":
            return _integer(text)
        case "float":
            return _number(text)
        case kind if kind.startswith("!"):
            hint = 'write "${NAME}" for a variable'
            _refuse(document, path, f"the tag {kind} is not known", hint)
    return text


def _integer(text: str) -> int | str:
    """Read a whole number; ``0o17`` and ``0x1f`` are numbers too, ``08`` is eight."""
    digits = text.replace("_", "")
    try:
        return int(digits, 10 if digits.lstrip("+-").isdigit() else 0)
    except ValueError:
        return text


def _number(text: str) -> float | str:
    """Read a number with a fraction; ``.inf`` and ``.nan`` stay text, they are of no use here."""
    try:
        return float(text.replace("_", ""))
    except ValueError:
        return text


def _refuse(document: Document, path: Path, message: str, hint: str) -> None:
    """Note a construct of YAML that has no meaning here."""
    document.findings.append(Finding("E103", message, path, hint))


def _marked(error: MarkedYAMLError) -> Finding:
    """Say in plain words what the YAML parser stumbled over, and where."""
    mark = error.problem_mark or error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark else None
    # What stands in quotes after an alias is the file's own text, which could be a secret.
    said = re.sub(r"(alias|anchor|handle) '.*'", r"\1", str(error.problem or "not YAML"))
    message = f"this is not YAML: {said}".replace("character '\\t'", "a tab")
    return Finding("E103", message, (), _advice(said), place=place)


def _advice(said: str) -> str:
    """Name the usual cause of a parser's complaint."""
    usual = {
        "\\t": "indent with spaces; YAML does not allow tabs there",
        "mapping values": 'text with ": " in it needs quotes; keys of one mapping, one indent',
        "cannot start any token": "text that starts with this character needs quotes",
        "another document": 'one file holds one configuration; take out the line "---"',
        "end of stream": "a quote or bracket is not closed",
        "expected ',' or": "a bracket is not closed, or a comma is missing",
        "alias": 'text that starts with "*" needs quotes',
    }
    return next((hint for sign, hint in usual.items() if sign in said), "look one line up, too")


def _unmarked(error: Exception, text: str) -> Finding:
    """Say which character YAML does not take, or that the text is nested too deeply."""
    at = getattr(error, "position", None)
    if not isinstance(at, int):
        return Finding("E103", "this is not YAML: nested too deeply", (), "take brackets out")
    place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
    message = f"character U+{ord(text[at]):04X} cannot stand in YAML"
    return Finding("E103", message, (), "take it out", place=place)
