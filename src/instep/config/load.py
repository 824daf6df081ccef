"""From a file to a configuration, or to everything that is wrong with it at once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from instep.config.checks import check
from instep.config.credentials import Resolver
from instep.config.findings import Finding, distinct
from instep.config.mistakes import named_systems, validated
from instep.config.positions import Document, read
from instep.config.schema import Config
from instep.errors import ConfigError, Problem


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
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        hint = "save it as UTF-8"
        problem = Problem("the file is not UTF-8 text", "", line, column, hint, "E101")
        raise ConfigError((problem,), source=str(path)) from None
    return loads(text, str(path), environ)


def loads(text: str, source: str, environ: Mapping[str, str]) -> Config:
    """Read a configuration; ``file:`` references are relative to the folder of ``source``.

    Raises:
        ConfigError: something in it is wrong; all of it is told at once.
    """
    document = read(text)
    if not isinstance(document.tree, dict):
        raise ConfigError(_problems(document, document.findings), source=source, text=text)
    secrets = Resolver(environ, Path(source).parent)
    tree = secrets.walk(document.tree)
    config, mistakes = validated(tree)
    names = named_systems(tree)
    checked = check(config, names) if config else []
    structural = [*document.findings, *secrets.findings, *mistakes]
    warnings = [found for found in (*secrets.findings, *checked) if found.code.startswith("W")]
    wrong = [found for found in structural if found.code.startswith("E")]
    wrong = distinct(wrong, [found for found in checked if found.code.startswith("E")])
    if wrong or config is None:
        raise ConfigError(_problems(document, wrong), source=source, text=text)
    return config.warned(_problems(document, warnings))


def _problems(document: Document, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Give each finding its place and sort them as the file reads."""
    return tuple(sorted((_problem(document, f) for f in findings), key=_reading_order))


def _problem(document: Document, found: Finding) -> Problem:
    """Give a finding its place in the text."""
    line, column = document.place(found)
    path = ".".join(str(step) for step in found.path)
    return Problem(found.message, path, line, column, found.hint, found.code)


def _reading_order(problem: Problem) -> tuple[int, int, str, str]:
    """Sort by place, and what stands at one place by its code and path."""
    return problem.line, problem.column, problem.code, problem.path


def _unreadable(path: Path, error: OSError) -> Problem:
    """Say why a file cannot be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        hint = (
            "config.example.yaml shows one, instep demo --keep writes one; --config names another"
        )
        return Problem(f"{path} does not exist", hint=hint, code="E101")
    if isinstance(error, IsADirectoryError):
        hint = f"did you mean {path / 'instep.yaml'}?"
        return Problem(f"{path} is a directory", hint=hint, code="E101")
    hint = "look at its owner and mode" if isinstance(error, PermissionError) else ""
    why = (error.strerror or "it cannot be opened").lower()
    return Problem(f"{path} cannot be read: {why}", hint=hint, code="E101")
