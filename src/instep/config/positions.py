"""YAML to plain values, with the line and column of every key and value.

The node graph is read rather than what YAML makes of it: nodes know where they stand, and all
repeated keys are found, not only the first. A key is always text, as it is spelled, so that the
words ``no`` and ``on`` or a severity ``1`` need no quotes. Of values only those of YAML 1.2 are
more than text: ``~``, ``true`` and ``false``, and numbers that can be read in one way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from instep.config.findings import Finding, Path, Place
from instep.config.nodes import DEEPEST, composed, is_empty, is_merge, kind, target
from instep.config.scalars import READ
from instep.config.syntax import marked, unmarked

#: How many values a file can hold; an alias counts as often as it stands.
MOST_VALUES = 100_000

_TAKES_MAPPINGS = "write <<: *name, or <<: [*one, *other]"


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
        if (node := composed(text)) is not None:
            document.tree = _Reader(document, _starts(text)).plain(node, (), ())
    except MarkedYAMLError as error:
        document.findings.append(marked(error, text))
    except YAMLError as error:
        document.findings.append(unmarked(error, text))
    except _TooMuchError as error:
        document.findings.append(error.finding)
    else:
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
                "instep init writes one",
            )
        ]
    if isinstance(tree, dict):
        return []
    kind = "a list" if isinstance(tree, list) else "one value"
    message = f"the configuration is {kind}, not a mapping"
    return [Finding("E105", message, (), "start with systems:")]


def _starts(text: str) -> list[int]:
    """List where the lines of a text begin."""
    return [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]


class _TooMuchError(Exception):
    """A text says too much to go on; it never leaves this module."""

    def __init__(self, finding: Finding) -> None:
        """Keep what is to be said of it."""
        super().__init__(finding.message)
        self.finding = finding


_Pairs = dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class _Reader:
    """Makes nodes plain and notes where they stand; ``told`` are nodes that a finding is about."""

    document: Document
    starts: list[int]
    count: int = 0
    told: set[int] = field(default_factory=set)

    def plain(self, node: Any, path: Path, above: tuple[int, ...]) -> Any:
        """Make a node plain; ``above`` are the nodes that it stands in."""
        self._weigh(path, above)
        self.document.values.setdefault(path, self._place(node))
        meant = target(node)
        if id(meant) in above:
            self._refuse(node, path, "an alias holds itself", "write the value out")
            return None
        if not self._known(meant, path):
            return None
        above = (*above, id(meant))
        if isinstance(meant, MappingNode):
            return self._mapping(meant, path, above)
        if isinstance(meant, SequenceNode):
            items = enumerate(meant.value)
            return [self.plain(item, (*path, i), above) for i, item in items]
        return self._scalar(meant, path)

    def _weigh(self, path: Path, above: tuple[int, ...]) -> None:
        """Stop where aliases unfold to more than a file can mean."""
        self.count += 1
        # An alias leads to where its anchor stands, so name the top key that leads there.
        place = self.document.keys.get(path[:1], (1, 1))
        if self.count > MOST_VALUES:
            message = f"the file unfolds to more than {MOST_VALUES:,} values"
            hint = "an alias counts as often as it stands; take some out"
            raise _TooMuchError(Finding("E135", message, path[:1], hint, place=place))
        if len(above) > DEEPEST:
            message = f"the file is nested more than {DEEPEST} deep"
            raise _TooMuchError(Finding("E135", message, path[:1], "take aliases out", place=place))

    def _mapping(self, node: Any, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        """Read a mapping with what it takes in by ``<<``."""
        plain: dict[str, Any] = {}
        for name, (key, value) in self._pairs(node, path, above).items():
            inside = (*path, name)
            self.document.keys.setdefault(inside, self._place(key))
            if is_empty(value):
                # Nothing stands at the next word, which is where the parser sees it.
                self.document.values[inside] = self._place(key)
            plain[name] = self.plain(value, inside, above)
        return plain

    def _pairs(self, node: Any, path: Path, above: tuple[int, ...]) -> _Pairs:
        """Give the keys and values of a mapping; its own keys win over those it takes in."""
        own: _Pairs = {}
        for key, value in node.value:
            if (name := self._name(key, path)) is None:
                continue
            if name in own:
                self._twice(key, (*path, name), own[name][0])
            else:
                own[name] = (key, value)
        # A key "<<" in quotes is a key like any other.
        taken = own.pop("<<") if "<<" in own and is_merge(own["<<"][0]) else None
        for source in self._sources(taken[1], path, above) if taken else ():
            for name, pair in self._pairs(source, path, (*above, id(source))).items():
                own.setdefault(name, pair)
        return own

    def _sources(self, value: Any, path: Path, above: tuple[int, ...]) -> Iterator[Any]:
        """Give the mappings that ``<<`` names, the one that wins first."""
        meant = target(value)
        for item in meant.value if isinstance(meant, SequenceNode) else (value,):
            self._weigh(path, above)
            source = target(item)
            if not isinstance(source, MappingNode):
                self._refuse(item, path, '"<<" takes in mappings only', _TAKES_MAPPINGS)
            elif id(source) in above:
                self._refuse(item, path, "an alias holds itself", "write the value out")
            else:
                yield source

    def _name(self, key: Any, path: Path) -> str | None:
        """Read a key; ``None`` if it is none."""
        node = target(key)
        if not isinstance(node, ScalarNode):
            hint = 'a value such as "{x}" needs quotes'
            self._note(key, Finding("E103", "a key must be one word", path, hint, on_key=True))
            return None
        if kind(node) == "null":
            hint = "write what it is for, or put it in quotes"
            self._note(key, Finding("E103", "a key that says nothing", path, hint, on_key=True))
            return None
        return self._text(node, path) if self._known(node, path) else None

    def _scalar(self, node: Any, path: Path) -> Any:
        """Read one value: the few kinds of YAML that are not text, and text for the rest."""
        text, tag = self._text(node, path), kind(node)
        try:
            return READ.get(tag, str)(text)
        except ValueError:
            if node.ctag.handle is not None:
                message, hint = f"what stands here is no !!{tag}", "take the tag out"
                self._refuse(node, path, message, hint)
            return text

    def _text(self, node: Any, path: Path) -> str:
        """Read a text; escapes can make of it what no service and no terminal takes."""
        text = str(node.value)
        try:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeError:
            self._refuse(node, path, "half a character stands here", "write it as it is")
        if "\0" in text:
            self._refuse(node, path, "character U+0000 cannot stand in a value", "take it out")
        return text.replace("\0", "")

    def _known(self, node: Any, path: Path) -> bool:
        """Whether the tag of a node has a meaning here."""
        tags: tuple[str, ...] = ("map",) if isinstance(node, MappingNode) else ("seq",)
        if isinstance(node, ScalarNode):
            tags = (*READ, "str", "timestamp", "merge", "value")
        tag = kind(node)
        if tag not in tags:
            spelled = tag if tag.startswith("!") else f"!!{tag}"
            hint = 'take it out, or write "${NAME}" for a variable'
            self._refuse(node, path, f"the tag {spelled} is not known", hint)
        return tag in tags

    def _twice(self, key: Any, path: Path, first: Any) -> None:
        """Note a key that stands twice in one mapping; the first counts."""
        hint = f"first on line {self._place(first)[0]}; keep one of them"
        if is_merge(key):
            hint = "write <<: [*one, *other]"
        message = f'"{path[-1]}" stands here twice'
        self._note(key, Finding("E104", message, path, hint, on_key=True))

    def _refuse(self, node: Any, path: Path, message: str, hint: str) -> None:
        """Note that a value cannot be read."""
        self._note(node, Finding("E103", message, path, hint))

    def _note(self, node: Any, finding: Finding) -> None:
        """Note once what is wrong with a node, however often an alias repeats it."""
        if id(node) not in self.told:
            self.told.add(id(node))
            self.document.findings.append(replace(finding, place=self._place(node)))

    def _place(self, node: Any) -> Place:
        """Give the line and column of a node: only a line feed ends a line, as in editors."""
        index = node.start_mark.index
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1
