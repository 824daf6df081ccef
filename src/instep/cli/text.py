"""Values as people read them: words, ages, counts and columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from instep.core.fields import moment, stamp
from instep.core.model import Word

#: Exit code -> what ``kind`` says beside it, where there was no error.
KINDS = {0: "done", 1: "waiting", 2: "config", 3: "system", 5: "ledger"}
#: Characters of a value that one line shows.
WIDE = 48
NOTHING = "-"


def emit(data: Mapping[str, Any], code: int) -> int:
    """Print facts as one JSON object on one line; answers the exit code."""
    shown = {**data, "exit": code, "kind": KINDS[code]}
    click.echo(json.dumps(shown, default=dict))
    return code


def emit_lines(lines: Iterable[str]) -> None:
    """Print text."""
    for line in lines:
        click.echo(line.rstrip())


def word(value: Word, width: int = WIDE) -> str:
    """Show a value on one line, however long or odd it is."""
    if value is None:
        return NOTHING
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    # What comes from a service must not move the cursor of a terminal.
    plain = "".join(c if c.isprintable() else " " if c in "\n\t" else "?" for c in text)
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def span(seconds: float) -> str:
    """Say how long something took or takes, to one unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 1 else f"{max(seconds, 0):.0f} s"


def age(at: str, now: float) -> str:
    """Say how long ago an instant was."""
    return span(now - moment(at).timestamp()) if at else "?"


def instant(at: float) -> str | None:
    """Spell seconds since the epoch as an instant; zero stands for never."""
    return stamp(datetime.fromtimestamp(at, UTC)) if at else None


def many(count: int, noun: str) -> str:
    """Count something: 1 create, 2 creates."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Put rows of cells into columns; the last one is as wide as it likes."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [indent + "  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
