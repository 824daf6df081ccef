"""The switches of each double: what its class takes beside what all of them take."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from instep.simulator.serve import KINDS

#: What is no switch of one double: its world, and what ``simulate`` has options for.
COMMON = frozenset({"world", "token", "incidents"})
NONE = "none"
EMPTY = '""'
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
#: Annotation -> what a value has to be.
SPELLED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "str | None": f"text, or {NONE}",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch: ``kind`` is how its parameter is annotated, ``says`` what it does."""

    name: str
    kind: str
    default: object
    says: str = ""

    def read(self, text: str) -> object:
        """Read a value.

        Raises:
            ValueError: it is not of the switch's kind.
        """
        try:
            return self._read(text)
        except (KeyError, ValueError):
            raise ValueError(f'"{self.name}" must be {SPELLED[self.kind]}') from None

    def _read(self, text: str) -> object:
        match self.kind:
            case "bool":
                return _FLAGS[text.casefold()]
            case "int":
                return int(text)
            case "float" if not math.isfinite(float(text)):
                raise ValueError(text)
            case "float":
                return float(text)
            case "str | None" if text.casefold() == NONE:
                return None
        return "" if text == EMPTY else text


def switches(kind: str) -> tuple[Switch, ...]:
    """Answer the switches of a kind of double, as its class declares and describes them."""
    made = KINDS[kind]
    taken = [
        one
        for one in inspect.signature(made).parameters.values()
        if one.kind is one.KEYWORD_ONLY
        and one.name not in COMMON
        and str(one.annotation) in SPELLED
    ]
    says = _says(inspect.getdoc(made) or "", [one.name for one in taken])
    return tuple(
        Switch(one.name, str(one.annotation), one.default, says.get(one.name, "")) for one in taken
    )


def _says(text: str, names: Iterable[str]) -> dict[str, str]:
    """Find what a docstring says of each name: from it, where it begins a line, to the next."""
    start = rf"^(?:- )?``({'|'.join(names)})``:?"
    said = re.compile(rf"{start}(.*?)(?=\n\n|{start}|\Z)", re.MULTILINE | re.DOTALL)
    return {
        found[1]: " ".join(found[2].split()).replace("``", "`") for found in said.finditer(text)
    }


def spell(value: object) -> str:
    """Spell a default as ``--set`` takes it."""
    if value in (None, ""):
        return NONE if value is None else EMPTY
    return str(value).lower() if isinstance(value, bool) else str(value)
