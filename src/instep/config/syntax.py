"""What a YAML parser stumbles over, in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from instep.config.findings import Finding, Place


@dataclass(frozen=True, slots=True)
class _Usual:
    """A complaint of the parser: a ``sign`` to know it by, what is wrong, and what helps.

    ``begun``: the mistake is where the part begins that the parser could not end.
    """

    sign: str
    message: str
    hint: str
    begun: bool = False


_USUAL = (
    _Usual(
        r"character '\\t'|'\\t'",
        "a tab cannot stand here",
        "indent with spaces; YAML does not allow tabs there",
    ),
    _Usual(
        "mapping values",
        '": " cannot stand here',
        'text with ": " in it needs quotes; else look above for "key:value" or another indent',
    ),
    _Usual(
        "cannot start any token",
        "no value starts with this character",
        "text that starts with it needs quotes",
    ),
    _Usual(
        "another document",
        "a second document begins here",
        'one file holds one configuration; take out the line "---"',
    ),
    _Usual(
        "end of stream|document separator",
        "a quote is not closed",
        'it begins here; a " inside double quotes is written \\"',
        begun=True,
    ),
    _Usual(
        "expected ',' or",
        "a bracket is not closed, or a comma is missing",
        "the bracket is open since line {line}",
    ),
    _Usual(
        "could not find expected ':'",
        'a ":" is missing',
        "write key: value, with a space after the colon",
        begun=True,
    ),
    _Usual(
        "expected <block end>|sequence entries|mapping keys|non-comment",
        "this does not fit the lines above",
        "keys of one mapping have one indent, and a text with quotes ends with its quote",
    ),
    _Usual(
        "<document start>",
        "this does not fit the lines above",
        'what stands above is complete, or starts with "%", which speaks to the parser',
    ),
    _Usual(
        "expected the node content",
        "a value is missing",
        "text that starts with this character needs quotes; else a bracket or comma is too many",
    ),
    _Usual(
        "undefined alias",
        "no anchor of this name stands above",
        'text that starts with "*" needs quotes',
    ),
    _Usual(
        "scanning an (alias|anchor)",
        "a name must follow",
        'text that starts with "*" or "&" needs quotes',
    ),
    _Usual(
        "escape",
        "an escape that is none",
        "in double quotes \\ begins an escape; in single quotes it is text",
    ),
    _Usual(
        "maximum depth",
        "nested too deeply",
        "take brackets out",
    ),
    _Usual(
        "tag",
        "a tag that is none",
        'text that starts with "!" needs quotes',
    ),
    _Usual(
        "directive|incompatible YAML",
        "a directive that is none",
        'a line that starts with "%" speaks to the parser; take it out',
    ),
    _Usual(
        "block scalar",
        "a text behind | or > that cannot be read",
        "indent its lines alike, deeper than its key",
    ),
)


def marked(error: MarkedYAMLError, text: str) -> Finding:
    """Say in plain words what the YAML parser stumbled over, and where."""
    # The parser's own text is not repeated: it quotes the file, which could hold a secret.
    said = f"{error.context} {error.problem}"
    usual = next((each for each in _USUAL if re.search(each.sign, said)), None)
    marks = (error.problem_mark, error.context_mark)
    mark = next((m for m in (marks[::-1] if usual and usual.begun else marks) if m), None)
    place = place_at(text, mark.index) if mark else None
    message = usual.message if usual else "it cannot be read from here"
    begun = error.context_mark or error.problem_mark
    hint = usual.hint if usual else "look one line up, too"
    hint = hint.replace("{line}", str(begun.line + 1)) if begun else hint
    return Finding("E103", f"this is not YAML: {message}", (), hint, place=place)


def unmarked(error: YAMLError, text: str) -> Finding:
    """Say which character YAML does not take, or which YAML the parser does not know."""
    at = getattr(error, "position", None)
    if at is None:
        message, at = "this is a version of YAML that is not known", max(text.find("%YAML"), 0)
        return Finding("E103", message, (), "take the line out", place=place_at(text, at))
    hint = "save the file as UTF-8 text" if text[at] == "\0" else "take it out"
    message = f"character U+{ord(text[at]):04X} cannot stand in YAML"
    return Finding("E103", message, (), hint, place=place_at(text, at))


def place_at(text: str, index: int) -> Place:
    """Give line and column of a character: only a line feed ends a line, as in editors."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
