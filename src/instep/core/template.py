"""Templates: text that is made of what an incident says, such as a footer with links.

``{title}`` stands for a common value and ``{datadog.url}`` for the record of a system; ``{{`` is
a bracket. There is nothing else: no expressions, no calls. A line of which a name says nothing is
left out, and so are the empty lines that would then stand at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

from instep.core.model import Incident, Word

#: What a template can say of a system's record.
PARTS = ("id", "url")

#: Text and the name that follows it, which is empty after the last.
Piece = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A template, taken apart: for each line its pieces."""

    text: str
    lines: tuple[tuple[Piece, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name in it, as it reads, each once."""
        return tuple(dict.fromkeys(name for line in self.lines for _, name in line if name))

    def render(self, values: Mapping[str, str]) -> str:
        """Put the values in place of their names; empty where nothing is left."""
        kept = (self._line(line, values) for line in self.lines)
        return "\n".join(line for line in kept if line is not None).rstrip("\n")

    def _line(self, pieces: tuple[Piece, ...], values: Mapping[str, str]) -> str | None:
        """Render one line; ``None`` if one of its names says nothing."""
        if any(name and not values.get(name) for _, name in pieces):
            return None
        return "".join(text + (values[name] if name else "") for text, name in pieces)


def parse(text: str) -> Template:
    """Take a template apart.

    Raises:
        ValueError: a bracket is open, or holds more than a name; the message says which.
    """
    return Template(text, tuple(tuple(_pieces(line)) for line in text.split("\n")))


def _pieces(line: str) -> Iterator[Piece]:
    """Take one line apart."""
    try:
        found = list(Formatter().parse(line))
    except ValueError as error:
        raise ValueError(
            f"a bracket is open in {line!r}; a bracket itself is written twice"
        ) from error
    for text, name, spec, conversion in found:
        if spec or conversion or name == "" or (name and not _is_plain(name)):
            raise ValueError(f"a bracket holds one name and nothing else, in {line!r}")
        yield text, name or ""


def _is_plain(name: str) -> bool:
    """Whether it is one name, or two with a dot between them."""
    parts = name.split(".")
    return len(parts) <= 2 and all(part.replace("-", "_").isidentifier() for part in parts)


def values(incident: Incident) -> dict[str, str]:
    """Give all that a template can say of an incident, by name."""
    found = {name: _spelled(incident.value(name)) for name in incident.base}
    for system, side in incident.sides.items():
        if side.live and side.reference is not None:
            found[f"{system}.id"] = side.reference.display or side.reference.id
            found[f"{system}.url"] = side.reference.url
    return found


def _spelled(value: Word) -> str:
    """Spell a common value for people."""
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
