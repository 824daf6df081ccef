"""Spelling: how a system rewrites what it is sent, so that this is not taken for an edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from instep.core.fields import moment, spell
from instep.core.model import Word


class Precision(StrEnum):
    """The finest part of an instant that a system keeps."""

    MICROSECOND = "microsecond"
    MILLISECOND = "millisecond"
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


class Shorten(StrEnum):
    """How a text that is too long is shortened.

    It ends in an ellipsis, or in an ellipsis after its last whole word, or is just cut.
    """

    ELLIPSIS = "ellipsis"
    WORDS = "words"
    CUT = "cut"


#: Characters of local digits, such as ``2026-11-21T20:33``, by the precision that they have.
LENGTHS: Mapping[Precision, int] = MappingProxyType(
    {
        Precision.DAY: 10,
        Precision.MINUTE: 16,
        Precision.SECOND: 19,
        Precision.MILLISECOND: 23,
        Precision.MICROSECOND: 26,
    }
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a system rewrites what it is sent.

    Attributes:
        precision: instants are cut to it, downwards.
        zone: instants are local digits of this zone, without a zone of their own.
        tidy: lines lose trailing white space, runs of blank lines become one.
        strip: white space at both ends is no part of a text.
        min_length: shorter text is padded with dots.
        max_length: longer text is shortened to so many characters; 0 means no limit.
        shorten: how.
        single: of a set, the system holds one name.
        only_add: of a set, names are added to what the system holds, never taken away.
    """

    precision: Precision = Precision.MICROSECOND
    zone: str = ""
    tidy: bool = False
    strip: bool = False
    min_length: int = 0
    max_length: int = 0
    shorten: Shorten = Shorten.ELLIPSIS
    single: bool = False
    only_add: bool = False

    def digits(self, instant: str) -> str | None:
        """Cut an instant to the precision kept, in the system's zone where it has one.

        ``None`` where the calendar ends there before this instant does.
        """
        when = moment(instant)
        if not self.zone:
            return spell(
                datetime.fromisoformat(_cut(when, self.precision)).replace(tzinfo=when.tzinfo)
            )
        try:
            return _cut(when.astimezone(ZoneInfo(self.zone)), self.precision)
        except OverflowError:
            return None

    def local(self, digits: Word) -> Word:
        """Spell local digits the one way that has the precision; what cannot be read stays."""
        if not isinstance(digits, str):
            return digits or None
        try:
            when = datetime.fromisoformat(digits)
            when = when if when.tzinfo is None else when.astimezone(ZoneInfo(self.zone))
        except (ValueError, OverflowError):
            return digits or None
        return _cut(when, self.precision)

    def utc(self, digits: str) -> str:
        """Give local digits their zone.

        Raises:
            ValueError: they are no digits of an instant.
        """
        return datetime.fromisoformat(digits).replace(tzinfo=ZoneInfo(self.zone)).isoformat()

    def shape(self, text: str) -> str | None:
        """Apply the rewriting of text, its shortest and its longest; empty is ``None``."""
        kept = tidy(text) if self.tidy else text
        kept = kept.strip() if self.strip else kept
        if self.max_length and len(kept) > self.max_length:
            kept = _shortened(kept, self.max_length, self.shorten)
        return kept.ljust(self.min_length, ".") or None


#: Nothing is rewritten.
FAITHFUL = Spelling()


def _cut(when: datetime, precision: Precision) -> str:
    """Spell the digits of an instant to a precision, without its zone."""
    return when.replace(tzinfo=None).isoformat(timespec="microseconds")[: LENGTHS[precision]]


def _shortened(text: str, longest: int, how: Shorten) -> str:
    """Shorten a text to at most ``longest`` characters."""
    if how is Shorten.CUT:
        # A service that trims would otherwise make another text of it.
        return text[:longest].rstrip()
    kept = text[: longest - 1]
    if how is Shorten.WORDS:
        # The last word is whole if white space follows; a first one that is not has to do.
        is_whole = any(part.isspace() for part in (*kept[-1:], text[longest - 1]))
        if not is_whole and len(kept.split(None, 1)) > 1:
            kept = kept.rsplit(None, 1)[0]
        kept = kept.rstrip()
    return kept + "…"


def tidy(text: str) -> str:
    """Trim each line on the right and make runs of blank lines one, as ProdManager does."""
    lines: list[str] = []
    for line in (part.rstrip() for part in text.split("\n")):
        if line or not lines or lines[-1]:
            lines.append(line)
    return "\n".join(lines)
