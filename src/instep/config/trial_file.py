"""Tests of a mapping in a file of their own: read and checked as if they stood in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from instep.config.checks import check
from instep.config.credentials import Resolver
from instep.config.findings import Finding, distinct, suggest
from instep.config.load import problems, showable
from instep.config.mapping import Trial
from instep.config.mistakes import validated
from instep.config.positions import Document, read
from instep.config.schema import Config
from instep.errors import ConfigError

KEY = "tests"


def load_tests(text: str, source: str, config: Config, environ: Mapping[str, str]) -> Config:
    """Give a configuration with the tests of a text, a list or a mapping with ``tests``.

    Its own are left out, and where they stand is forgotten: places are those of this text.

    Raises:
        ConfigError: something in the text is wrong; all of it is told at once.
    """
    document = _under_key(read(text.replace("\r\n", "\n").replace("\r", "\n")))
    secrets = Resolver(environ, File(source).parent)
    found, wrong = _checked(document, config, secrets)
    if wrong:
        told = problems(document, secrets, wrong)
        raise ConfigError(told, source=source, text=showable(text))
    whole = config.model_copy(update={KEY: found})
    return whole.read_from(showable(text), (), lambda path: document.place(Finding("", "", path)))


def _under_key(document: Document) -> Document:
    """Put a bare list of tests under the key that they have in a configuration."""
    # That it is none is not what is wrong with it.
    findings = [found for found in document.findings if found.code != "E105"]
    if not isinstance(document.tree, list):
        return replace(document, findings=findings)
    return Document(
        tree={KEY: document.tree},
        keys={(KEY, *path): place for path, place in document.keys.items()},
        values={(KEY, *path): place for path, place in document.values.items()},
        findings=[replace(found, path=(KEY, *found.path)) for found in findings],
    )


def _checked(
    document: Document, config: Config, secrets: Resolver
) -> tuple[tuple[Trial, ...], list[Finding]]:
    """Check tests by themselves, and against the configuration."""
    shape = _shape(document)
    if shape or not isinstance(document.tree, dict):
        return (), [*document.findings, *shape]
    tree: Any = secrets.walk(document.tree)
    found, mistakes = validated({"systems": {}, KEY: tree.get(KEY)})
    tests = found.tests if found else ()
    whole = config.model_copy(update={KEY: tests})
    later = [f for f in check(whole, tuple(config.systems)) if f.path[:1] == (KEY,)]
    return tests, distinct([*document.findings, *secrets.findings, *mistakes], later)


def _shape(document: Document) -> list[Finding]:
    """Refuse a text in which there are no tests, or something beside them."""
    if not isinstance(document.tree, dict):
        hint = 'a list of tests, or "tests:" with a list below it'
        found = Finding("E105", "there are no tests in this file", (), hint)
        return [] if document.findings else [found]
    beside = [
        Finding("E102", f'unknown key "{key}"', (key,), suggest(key, [KEY]), on_key=True)
        for key in document.tree
        if key != KEY
    ]
    missing = Finding("E106", f'"{KEY}" is missing', (KEY,), "a list of tests")
    return beside if KEY in document.tree or beside else [missing]
