"""Findings: mistakes as they are found, before it is known where in the file they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

#: Where in the configuration: keys of mappings and indexes of lists, from the top.
Path = tuple[str | int, ...]
#: Where in the text: 1-based line and column.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake at a path.

    ``on_key`` if it is the key that is wrong, not its value; ``place`` where the path alone does
    not say where in the text.
    """

    code: str
    message: str
    path: Path
    hint: str = ""
    on_key: bool = False
    place: Place | None = None


def closest(word: str, valid: Iterable[str]) -> str:
    """Name the valid word that was probably meant, or nothing."""
    by_fold = {name.casefold(): name for name in valid}
    found = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""


def suggest(word: object, valid: Iterable[str]) -> str:
    """Say which valid word was probably meant, or else what is valid."""
    names = tuple(valid)
    if near := closest(str(word), names):
        return f'did you mean "{near}"?'
    return f"valid: {', '.join(names)}" if names else ""


def distinct(structural: Iterable[Finding], later: Iterable[Finding]) -> list[Finding]:
    """Join findings so that one mistake is one finding.

    A mistyped key explains the missing key that it resembles. What a later check finds at, above
    or below a place that is already known to be wrong is a consequence of that.
    """
    known: dict[object, Finding] = {}
    for finding in structural:
        known.setdefault((finding.path, finding.on_key, finding.place), finding)
    first = [*known.values()]
    found = [*first, *(f for f in later if not any(_touch(f.path, g.path) for g in first))]
    typos = [f for f in found if f.code == "E102"]
    return [f for f in found if f.code != "E106" or not any(_explains(t, f) for t in typos)]


def _touch(one: Path, other: Path) -> bool:
    """Whether one path is the other or leads to it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _explains(typo: Finding, missing: Finding) -> bool:
    """Whether the unknown key is the missing one, mistyped."""
    same = typo.path[:-1] == missing.path[:-1]
    return same and bool(closest(str(typo.path[-1]), [str(missing.path[-1])]))
