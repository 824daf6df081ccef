"""A fault plan from its file; what is wrong with it is said with its place."""

from __future__ import annotations

from pathlib import Path

from instep.cli.show import render_error
from instep.config.findings import Finding, distinct
from instep.config.positions import Document, read
from instep.errors import ConfigError, Problem, UsageError
from instep.simulator.faults import Entry, Mistake, PlanError, entries

#: The finding that a text is no mapping, which a plan need not be.
SHAPE = "E105"
#: Kind of a mistake -> its code; the others are values of a wrong kind.
CODES = {
    "extra_forbidden": "E102",
    "missing": "E106",
    "literal_error": "E110",
    "greater_than": "E112",
    "greater_than_equal": "E112",
    "less_than_equal": "E112",
    "misfit": "E120",
}
EXAMPLE = '- {route: "POST /api/v2/incidents", nth: 2, kind: drop-after}'


def load(path: Path) -> list[Entry]:
    """Read a plan, a YAML list of entries.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; all of it is told at once.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {why}", advice=f"a plan is: {EXAMPLE}") from None
    document = read(text)
    found = [one for one in document.findings if one.code != SHAPE]
    if not found and not isinstance(document.tree, list):
        found = [Finding(SHAPE, "a fault plan is a list of entries", (), EXAMPLE)]
    if found:
        raise _wrong(path, text, document, found)
    try:
        return entries(document.tree)
    except PlanError as error:
        found = distinct([*map(_finding, error.mistakes)], ())
        raise _wrong(path, text, document, found) from None


def _finding(mistake: Mistake) -> Finding:
    """Give a mistake the code that it has in a configuration."""
    code = CODES.get(mistake.kind, "E107")
    is_key = mistake.kind == "extra_forbidden"
    return Finding(code, mistake.message, mistake.path, mistake.hint, on_key=is_key)


def _wrong(path: Path, text: str, document: Document, found: list[Finding]) -> UsageError:
    """Say everything that is wrong, as it is said of a configuration."""
    problems = tuple(
        Problem(one.message, "", *document.place(one), one.hint, one.code) for one in found
    )
    return UsageError(render_error(ConfigError(problems, source=str(path), text=text)))
