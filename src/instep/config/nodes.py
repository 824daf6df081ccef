"""The nodes of a YAML text: each knows where it stands, and an alias has a place of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import Node, ScalarNode

#: How deep a text can be nested.
DEEPEST = 60

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Alias:
    """A place that repeats what stands elsewhere: it has a place of its own."""

    node: Node
    start_mark: Any


class _Composer(Composer):
    """Keeps where aliases stand; an anchor can be set anew, as YAML has it."""

    def __init__(self, loader: Any = None) -> None:
        """Take no offence at an anchor that is set twice."""
        super().__init__(loader)
        self.warn_double_anchors = False

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node, or the alias that stands for one."""
        is_alias = self.parser.check_event(AliasEvent)
        mark = self.parser.peek_event().start_mark
        node = super().compose_node(parent, index)
        return Alias(node, mark) if is_alias else node


def composed(text: str) -> Any:
    """Parse a text into nodes; ``None`` if there is nothing in it."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.max_depth = DEEPEST
    try:
        return yaml.compose(text)
    except (AssertionError, KeyError) as error:
        # Of a version of YAML that it does not know the parser says no more than that.
        raise YAMLError from error


def target(node: Any) -> Any:
    """Give the node that an alias stands for."""
    return node.node if isinstance(node, Alias) else node


def is_empty(node: Any) -> bool:
    """Whether nothing at all stands behind a key."""
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def kind(node: Any) -> str:
    """Name the tag of a node, which YAML gives to every node."""
    return str(node.tag).removeprefix(_TAG)


def is_merge(key: Any) -> bool:
    """Whether a key is the sign that takes other mappings in."""
    return kind(target(key)) == "merge"
