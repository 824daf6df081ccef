"""Findings: mistakes as they are found, before it is known where in the file they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

#: Where in the configuration: keys of mappings and indexes of lists, from the top.
Path = tuple[str | int, ...]
#: Where in the text: 1-based line and column.
Place = tuple[int, int]

#: How many valid words are named, and how long a value is shown.
_MANY, _LONG = 20, 40


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
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return f"valid: {', '.join(names[:_MANY])}{more}" if names else ""


def shown(value: object) -> str:
    """Show a value as it is, or what it is; nothing if it is too long to be shown."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONG else ""


def distinct(structural: Sequence[Finding], later: Iterable[Finding]) -> list[Finding]:
    """Join findings so that one mistake is one finding.

    A mistyped key explains the missing key that it resembles. Of what cannot be read as YAML
    nothing else is said. What a later check finds at, above
    or below a place that is already known to be wrong is a consequence of that.
    """
    known: dict[object, Finding] = {}
    unread = [f.path for f in structural if f.code == "E103" and f.path and not f.on_key]
    for finding in structural:
        if finding.code == "E103" or not any(_leads(path, finding.path) for path in unread):
            known.setdefault((finding.path, finding.on_key, finding.place), finding)
    first = [*known.values()]
    # What is wrong at the very top is wrong with the text, not with all that it says.
    wrong = [finding.path for finding in first if finding.path]
    found = [*first, *(f for f in later if not any(_touch(f.path, path) for path in wrong))]
    typos = [f for f in found if f.code == "E102"]
    return [f for f in found if f.code != "E106" or not any(_explains(t, f) for t in typos)]


def _touch(one: Path, other: Path) -> bool:
    """Whether one path is the other or leads to it."""
    return _leads(one, other) or _leads(other, one)


def _leads(one: Path, other: Path) -> bool:
    """Whether a path is the other or leads to it."""
    return other[: len(one)] == one


def _explains(typo: Finding, missing: Finding) -> bool:
    """Whether the unknown key is the missing one, mistyped."""
    same = typo.path[:-1] == missing.path[:-1]
    return same and bool(closest(str(typo.path[-1]), [str(missing.path[-1])]))


def unknown_system(
    name: str, path: Path, names: Collection[str], *, on_key: bool = False
) -> Finding:
    """Say that a name is no system's."""
    return Finding("E115", f'unknown system "{name}"', path, suggest(name, names), on_key=on_key)
