"""Rules: how one field reads from and writes to one system.

A rule is a lens between a system's own words and common words. It is a relation, not a
function: ``sev-3`` may stand for ``low`` and for ``minor``, and a page that keeps minutes says
the same for all seconds of one. ``agrees`` is the question that everything else asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from instep.core.fields import MANY, Field, Kind, moment, normal, spell, unix
from instep.core.model import Word

#: own word -> the common words that it may stand for, the usual one first; empty means unset.
WordTable = Mapping[str, tuple[str, ...]]


class Direction(StrEnum):
    """Which way a rule carries: ``in`` reads only, ``out`` writes only."""

    BOTH = "both"
    IN = "in"
    OUT = "out"


class Precision(StrEnum):
    """The finest part of an instant that a system keeps."""

    MICROSECOND = "microsecond"
    MILLISECOND = "millisecond"
    SECOND = "second"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a system rewrites what it is sent, so that its spelling is not taken for an edit.

    Attributes:
        precision: instants are cut to it, downwards.
        zone: instants are local digits of this zone, without a zone of their own.
        tidy: lines lose trailing white space, runs of blank lines become one.
        min_length: shorter text is padded with dots.
        max_length: longer text is cut, ending in an ellipsis; 0 means no limit.
        single: of a set, the system holds one name.
    """

    precision: Precision = Precision.MICROSECOND
    zone: str = ""
    tidy: bool = False
    min_length: int = 0
    max_length: int = 0
    single: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field reads from and writes to one system.

    ``words`` is ``None`` where own words are common words. ``default`` is the own word that a
    create sends where nothing was said; the word ``opened`` stands for the time at which the
    incident's first record was made, where the field is an instant.
    """

    field: Field
    path: str
    direction: Direction = Direction.BOTH
    words: WordTable | None = None
    spelling: Spelling = Spelling()
    default: Word = None

    def own(self, word: Word) -> Word:
        """Make a system's word plain, so that two spellings of one thing are equal.

        Words that mean "nothing said" become ``None``. What cannot be read stays as it is.
        """
        if isinstance(word, str) and self.words is not None and self.words.get(word) == ():
            return None
        if self.field.kind is Kind.INSTANT and self.spelling.zone:
            return word or None
        if self.field.kind in (Kind.TEXT, Kind.LINE, Kind.LINK, Kind.CHOICE):
            if not isinstance(word, str):
                return word
            # White space is a text, but no line.
            return unix(word) if word.strip() or (word and self.field.kind is Kind.TEXT) else None
        try:
            return normal(self.field.kind, word)
        except (ValueError, OverflowError):
            return word

    def mute(self, own: Word) -> bool:
        """Whether the word is one that no common word stands for: neither read nor overwritten."""
        return own is not None and not self.reads(own)

    def reads(self, own: Word) -> tuple[Word, ...]:
        """Every common value that the own word may stand for, the usual one first."""
        if own is None:
            return (None,)
        if self.words is not None:
            return self._translate(own)
        try:
            return (normal(self.field.kind, self._utc(own)),)
        except (ValueError, OverflowError):
            return ()

    def _translate(self, own: Word) -> tuple[Word, ...]:
        """Read through the word table; of a set, name by name."""
        table = self.words or {}
        if isinstance(own, tuple):
            names = [means[0] for name in own if (means := table.get(name, (name,)))]
            return (normal(self.field.kind, names),)
        return table.get(str(own), ())

    def _utc(self, own: Word) -> Word:
        """Give local digits their zone."""
        if self.field.kind is not Kind.INSTANT or not self.spelling.zone:
            return own
        local = datetime.fromisoformat(str(own)).replace(tzinfo=ZoneInfo(self.spelling.zone))
        return local.isoformat()

    def get(self, own: Word, base: Word) -> Word:
        """Read an own word, keeping to ``base`` where it may stand for that."""
        if base is not None and self.agrees(own, base):
            return base
        values = self.reads(own)
        return values[0] if values else None

    def put(self, value: Word) -> Word:
        """Spell a common value in own words, as the system will keep it; ``None`` if it cannot."""
        if value is None:
            return None
        if self.words is not None:
            return self._word(value)
        if self.field.kind is Kind.INSTANT:
            return self._digits(str(value))
        if self.field.kind in MANY and isinstance(value, tuple):
            return value[:1] if self.spelling.single else value
        return self._shape(value) if isinstance(value, str) else value

    def _word(self, value: Word) -> Word:
        """Find the word to write: the first that usually means the value, else one that may."""
        table = self.words or {}
        if isinstance(value, tuple):
            back = {may: own for own, means in reversed(list(table.items())) for may in means}
            back |= {means[0]: own for own, means in reversed(list(table.items())) if means}
            names = tuple(sorted({back.get(name, name) for name in value}))
            return names[:1] if self.spelling.single else names
        usual = [own for own, means in table.items() if means and means[0] == value]
        maybe = [own for own, means in table.items() if value in means]
        return next(iter(usual or maybe), None)

    def _digits(self, value: str) -> str | None:
        """Cut an instant to the precision kept, in the system's zone where it has one."""
        when = moment(value)
        cut = {
            Precision.MINUTE: when.replace(second=0, microsecond=0),
            Precision.SECOND: when.replace(microsecond=0),
            Precision.MILLISECOND: when.replace(microsecond=when.microsecond // 1000 * 1000),
        }.get(self.spelling.precision, when)
        if not self.spelling.zone:
            return spell(cut)
        try:
            return cut.astimezone(ZoneInfo(self.spelling.zone)).isoformat()[
                : len("2026-11-21T20:33")
            ]
        except OverflowError:
            # The calendar ends before this instant does there.
            return None

    def _shape(self, text: str) -> str | None:
        """Apply the system's own rewriting of text, its shortest and its longest."""
        kept = tidy(text) if self.spelling.tidy else text
        longest = self.spelling.max_length
        if longest and len(kept) > longest:
            kept = kept[: longest - 1] + "…"
        return kept.ljust(self.spelling.min_length, ".") or None

    def agrees(self, own: Word, value: Word) -> bool:
        """Whether the own word reads as the value, or is what the value would be written as.

        Of a set of which the system holds one name, any name of the set will do.
        """
        if own is None or value is None:
            return own is None and value is None
        if value in self.reads(own) or self.put(value) == own:
            return True
        if self.spelling.single and isinstance(value, tuple):
            read = self.reads(own)[0]
            return isinstance(read, tuple) and set(read) <= set(value)
        return False


def tidy(text: str) -> str:
    """Trim each line on the right and make runs of blank lines one, as ProdManager does."""
    lines: list[str] = []
    for line in (part.rstrip() for part in text.split("\n")):
        if line or not lines or lines[-1]:
            lines.append(line)
    return "\n".join(lines)
