"""Values to text or JSON: what an error says to a person, and to a program.

Nothing here prints a secret: a source line that holds one is shown with the value masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from instep.errors import ConfigError, InstepError, Problem

#: The key of a secret, up to where its value begins.
_KEY = re.compile(
    r"""\b(?:token|api_key|app_key|bearer|heartbeat["']?[ \t]*:\s*\{?\s*["']?url)"""
    r"""["']?[ \t]*:[ \t]*"""
)
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
#: In braces a plain value ends with a comma or a brace.
_IN_BRACES = re.compile(r"[^,}\n]*(?:\n[ \t]+[^,}\n]*)*")
_PASSWORD = re.compile(r"(?<=://)[^\s/:@]*:(?P<value>[^\s/@]+)(?=@)")
_REFERENCE = re.compile(r"""["']?(\$\{\w+\}|(file|credential):[^"',}]+)["']?(\s+\#.*)?""")
_MASK = "***"
#: Beyond this, a hint stands on a line of its own.
WIDTH = 100


def render_error(error: InstepError, *, color: bool = False) -> str:
    """Say what went wrong, where, what was not done, and what to do next."""
    if not isinstance(error, ConfigError):
        lines = [_style(error.message, color=color, bold=True)]
        return "\n".join([*lines, *([f"  {error.advice}"] if error.advice else [])])
    count = len(error.problems)
    head = f"{_source(error)} has {count} problem{'s' if count != 1 else ''}"
    blocks = [_style(head, color=color, bold=True) + "."]
    blocks += [_problem(problem, error, color=color) for problem in error.problems]
    blocks.append(f"Nothing was started. {error.advice}".rstrip())
    return "\n\n".join(blocks)


def error_json(error: InstepError) -> dict[str, Any]:
    """Say the same as data."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return {
        "error": error.message,
        "kind": error.kind,
        "exit": error.exit_code,
        "advice": error.advice,
        "problems": [asdict(problem) for problem in problems],
    }


def render_problem(problem: Problem, source: str, text: str = "", *, color: bool = False) -> str:
    """Say one problem or warning: code, fact, place, the line with a caret, and the hint."""
    return _problem(problem, ConfigError((), source=source, text=text), color=color)


def _problem(problem: Problem, error: ConfigError, *, color: bool) -> str:
    """Say one problem of a configuration."""
    code = f"{_style(problem.code, color=color, fg='red', bold=True)} " if problem.code else ""
    place = f"{_source(error)}:{problem.line}:{problem.column}" if problem.line else ""
    lines = [f"{code}{problem.message}"]
    if place:
        lines.append(_style(f"  {place}", color=color, dim=True))
    shown = [*_excerpt(problem, error.text)]
    lines += shown
    if shown and len(shown[-1]) + len(problem.hint) < WIDTH:
        lines[-1] += f" {problem.hint}".rstrip()
    elif problem.hint:
        lines.append(f"  {problem.hint}")
    return "\n".join(lines)


def _excerpt(problem: Problem, text: str) -> Iterator[str]:
    """Show the source line, masked, and a caret below the column."""
    lines = text.split("\n")
    if not 0 < problem.line <= len(lines) or not lines[problem.line - 1].strip():
        return
    start = sum(len(line) + 1 for line in lines[: problem.line - 1])
    end = start + len(lines[problem.line - 1])
    at = min(start + max(problem.column - 1, 0), end)
    hidden = [span for span in _secrets(text) if span[0] < end and span[1] > start]
    shown = _masked(text, start, end, hidden).rstrip("\r")
    before = _masked(text, start, at, hidden)
    margin, left = f"{problem.line:>5} | ", max(0, len(before) - WIDTH // 2)
    if cut := len(shown) > WIDTH + len(margin):
        shown = shown[left : left + WIDTH]
    yield margin + shown.replace("\t", " ")
    yield " " * (len(margin) - 2) + "| " + " " * (len(before) - left * cut) + "^"


def _masked(text: str, start: int, end: int, hidden: list[tuple[int, int]]) -> str:
    """Cut a piece out of the text, with a mask in the place of every secret that begins in it."""
    parts, at = [], start
    for first, last in hidden:
        if first >= end:
            break
        parts += [text[at : max(at, first)], _MASK]
        at = max(at, min(last, end))
    return "".join([*parts, text[at:end]])


def _secrets(text: str) -> list[tuple[int, int]]:
    """Find where secrets stand in a text that need not even be YAML."""
    found = [match.span("value") for match in _PASSWORD.finditer(text)]
    for key in _KEY.finditer(text):
        value = text[key.end() : _end(text, key)].rstrip()
        if value and not _REFERENCE.fullmatch(value):
            found.append((key.end(), key.end() + len(value)))
    return sorted(found)


def _end(text: str, key: re.Match[str]) -> int:
    """Find where a secret's value ends: as late as it can, for a mask may be too long only.

    In braces that is the next comma or brace; elsewhere the end of the line, with all lines below
    that are indented deeper.
    """
    if quoted := _QUOTED.match(text, key.end()):
        return quoted.end()
    before = text[: key.start()]
    if before.count("{") > before.count("}"):
        inside = _IN_BRACES.match(text, key.end())
        return inside.end() if inside else key.end()
    line = before[before.rfind("\n") + 1 :]
    deeper = len(line) - len(line.lstrip()) + 1
    below = re.compile(rf"[^\n]*(?:\n[ \t]{{{deeper},}}[^\n]*|\n[ \t]*(?=\n))*")
    found = below.match(text, key.end())
    return found.end() if found else key.end()


def _source(error: ConfigError) -> str:
    """Name the file."""
    return {"-": "the standard input", "": "the configuration"}.get(error.source, error.source)


def _style(text: str, *, color: bool, **style: Any) -> str:
    """Colour a text where colour is wanted."""
    return click.style(text, **style) if color else text
