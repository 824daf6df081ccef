"""From a file to a configuration, or to everything that is wrong with it at once."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from instep.config.checks import check
from instep.config.credentials import Resolver
from instep.config.findings import Finding, distinct
from instep.config.mistakes import named_systems, validated
from instep.config.positions import Document, read
from instep.config.schema import Config
from instep.config.syntax import place_at
from instep.errors import ConfigError, Problem

#: Values up to this length could stand in a message by chance.
_SHORT = 5


def load(path: Path | Literal["-"], environ: Mapping[str, str]) -> Config:
    """Read a configuration file; ``-`` is the standard input.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong.
    """
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        problem = _unreadable(Path(path), error)
        raise ConfigError((problem,), source=str(path)) from None
    return loads(_decoded(raw, str(path)), str(path), environ)


def _decoded(raw: bytes, source: str) -> str:
    """Read bytes as text; of bytes that are none, show where they stand."""
    # Taken off by hand: with the codec that does it, errors count from behind the mark.
    raw = raw.removeprefix(BOM_UTF8)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        text = raw.decode(errors="replace")
        before = raw[: error.start].decode()
        line, column = place_at(before, len(before))
        message, hint = "the file is not UTF-8 text", "save it as UTF-8"
        problem = Problem(message, "", line, column, hint, "E101")
        raise ConfigError((problem,), source=source, text=showable(text)) from None


def showable(text: str) -> str:
    """Put a sign in the place of every character that would do something to a terminal."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def loads(text: str, source: str, environ: Mapping[str, str]) -> Config:
    """Read a configuration; ``file:`` references are relative to the folder of ``source``.

    Raises:
        ConfigError: something in it is wrong; all of it is told at once.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    document, secrets = read(text), Resolver(environ, Path(source).parent)
    if not isinstance(document.tree, dict):
        told = problems(document, secrets, document.findings)
        raise ConfigError(told, source=source, text=showable(text))
    tree = secrets.walk(document.tree)
    config, mistakes = validated(tree)
    names = named_systems(tree)
    checked = check(config, names) if config else []
    structural = [*document.findings, *secrets.findings, *mistakes]
    warnings = [found for found in (*secrets.findings, *checked) if found.code.startswith("W")]
    wrong = [found for found in structural if found.code.startswith("E")]
    wrong = distinct(wrong, [found for found in checked if found.code.startswith("E")])
    if wrong or config is None:
        told = problems(document, secrets, wrong)
        raise ConfigError(told, source=source, text=showable(text))
    told = problems(document, secrets, warnings)
    return config.read_from(
        showable(text), told, lambda path: document.place(Finding("", "", path))
    )


def problems(
    document: Document, secrets: Resolver, findings: Iterable[Finding]
) -> tuple[Problem, ...]:
    """Give each finding its place and sort them as the file reads; what an alias repeats, once."""
    placed = (_problem(document, secrets, finding) for finding in findings)
    once = {(p.line, p.column, p.code, p.message): p for p in placed}
    return tuple(sorted(once.values(), key=_reading_order))


def _problem(document: Document, secrets: Resolver, found: Finding) -> Problem:
    """Give a finding its place in the text, and take out of it what must not be seen."""
    line, column = document.place(found)
    message, hint = (_safe(text, secrets.hidden) for text in (found.message, found.hint))
    path = _visible(".".join(str(step) for step in found.path))
    return Problem(message, path, line, column, hint, found.code)


def _safe(text: str, hidden: Mapping[str, str]) -> str:
    """Take the values of references out of a text; a short one only where it is quoted."""
    # The longest first: one value can be a part of another.
    for value in sorted(hidden, key=len, reverse=True):
        reference = hidden[value]
        text = text.replace(f'"{value}"', f'"{reference}"')
        if len(value) > _SHORT:
            text = text.replace(value, reference)
    return _visible(text)


def _visible(text: str) -> str:
    """Spell out what cannot be seen, or would do something to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _reading_order(problem: Problem) -> tuple[int, int, str, str]:
    """Sort by place, and what stands at one place by its code and path."""
    return problem.line, problem.column, problem.code, problem.path


def _unreadable(path: Path, error: OSError) -> Problem:
    """Say why a file cannot be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        hint = "instep init writes one; --config names another"
        return Problem(f"{path} does not exist", hint=hint, code="E101")
    if isinstance(error, IsADirectoryError):
        hint = f"did you mean {path / 'instep.yaml'}?"
        return Problem(f"{path} is a directory", hint=hint, code="E101")
    hint = "look at its owner and mode" if isinstance(error, PermissionError) else ""
    why = (error.strerror or "it cannot be opened").lower()
    return Problem(f"{path} cannot be read: {why}", hint=hint, code="E101")
