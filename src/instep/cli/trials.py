"""The tests of a mapping, as ``check`` runs and shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.cli.text import columns, many, word
from instep.config.trials import NOT_SENT, Difference, Outcome
from instep.core.model import Word
from instep.errors import ConfigError, Problem

if TYPE_CHECKING:
    from instep.config import Config

HEAD = ("SYSTEM", "PATH", "EXPECTED", "SENT", "THROUGH")
#: How a path that is emptied is written in a test.
EMPTIED = '""'
#: Characters of the sentence that says what of the mapping led there.
WIDE = 100


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one test, and where it stands: ``file:line:column``."""

    outcome: Outcome
    place: str


async def run(config: Config, source: str) -> list[Tried]:
    """Carry out the tests of a configuration that stands in ``source``."""
    from instep.app import rehearsed

    outcomes = await rehearsed(config)
    places = [config.place("tests", i) for i in range(len(outcomes))]
    return [
        Tried(outcome, f"{source}:{line}:{column}")
        for outcome, (line, column) in zip(outcomes, places, strict=True)
    ]


def proven(config: Config, source: str) -> Config:
    """Give the configuration back, if it does what its tests say.

    Raises:
        ConfigError: a test fails.
    """
    from instep.app import rehearsed

    outcomes = asyncio.run(rehearsed(config)) if config.tests else ()
    wrong = [
        Problem(
            f'the test "{outcome.name}" fails: {_first(outcome)}',
            f"tests.{i}",
            *config.place("tests", i),
            "instep check shows all of it",
            "E125",
        )
        for i, outcome in enumerate(outcomes)
        if not outcome.passed
    ]
    if wrong:
        raise ConfigError(tuple(wrong), source=source, text=config.text)
    return config


def _first(outcome: Outcome) -> str:
    """Say where a test differs first."""
    one = outcome.differences[0]
    path = f" {one.path}" if one.path else ""
    return f"{one.system}{path} is sent {_shown(one.sent)}, not {_shown(one.expected)}"


def facts(found: Sequence[Tried]) -> list[dict[str, Any]]:
    """Give tests as JSON shows them: ``~`` is a path that is not sent, ``null`` one emptied."""
    return [
        {
            "name": each.outcome.name,
            "place": each.place,
            "passed": each.outcome.passed,
            "differences": [
                {
                    "system": one.system,
                    "path": one.path,
                    "expected": one.expected,
                    "sent": one.sent,
                    "through": one.why,
                }
                for one in each.outcome.differences
            ],
            "unread": list(each.outcome.unread),
        }
        for each in found
    ]


def lines(found: Sequence[Tried]) -> Iterator[str]:
    """Count what passed, show where each that failed differs, and what was given in vain."""
    failed = [each for each in found if not each.outcome.passed]
    if not found:
        return
    passed = f"{many(len(found) - len(failed), 'test')} of the mapping passed"
    yield f"{passed}, {len(failed)} failed" if failed else passed
    for each in failed:
        yield from ("", f"failed: {word(each.outcome.name, WIDE)}  {each.place}")
        yield from columns([HEAD, *map(_row, each.outcome.differences)])
    # Of a test that passes, too: it may pass only because a path is mistyped.
    for each in found:
        if unread := ", ".join(each.outcome.unread):
            name = word(each.outcome.name, WIDE)
            yield f"note: {name} ({each.place}) gives what no rule reads: {unread}"


def _row(one: Difference) -> tuple[str, ...]:
    """Show one difference."""
    path = one.path or "-"
    return one.system, path, _shown(one.expected), _shown(one.sent), word(one.why, WIDE)


def _shown(value: Word) -> str:
    """Show a word as a test spells it."""
    return EMPTIED if value is None else NOT_SENT if value == NOT_SENT else word(value)
