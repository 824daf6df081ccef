"""Rules: how one field reads from and writes to one system.

A rule is a lens between a system's own words and common words. It is a relation, not a
function: ``sev-3`` may stand for ``low`` and for ``minor``, and a page that keeps minutes says
the same for all seconds of one. ``agrees`` is the question that everything else asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from instep.core.fields import MANY, Field, Kind, normal, unix
from instep.core.model import Incident, Word
from instep.core.spelling import FAITHFUL, Spelling
from instep.core.template import Template, values

#: own word -> the common words that it may stand for, the usual one first; empty means unset.
WordTable = Mapping[str, tuple[str, ...]]


class Direction(StrEnum):
    """Which way a rule carries: ``in`` reads only, ``out`` writes only."""

    BOTH = "both"
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field reads from and writes to one system.

    ``words`` is ``None`` where own words are common words; an own word that the table lacks may
    stand for the common words ``otherwise``, and is mute if that is ``None``. ``default`` is the
    own word that a create sends where nothing was said; the word ``opened`` stands for the time
    at which the incident's first record was made, where the field is an instant. With ``const``
    or a ``template`` the system is always told the same own word, or a text that is made of what
    the incident says.
    """

    field: Field
    path: str
    direction: Direction = Direction.BOTH
    words: WordTable | None = None
    spelling: Spelling = FAITHFUL
    default: Word = None
    otherwise: tuple[str, ...] | None = None
    const: Word = None
    template: Template | None = None

    @property
    def is_made(self) -> bool:
        """Whether the system is told what the rule makes, rather than what was agreed."""
        return self.const is not None or self.template is not None

    def wants(self, incident: Incident) -> Word:
        """Give the common value that the system is to be told of; ``None`` if there is none."""
        if self.template is not None:
            return normal(self.field.kind, self.template.render(values(incident)))
        if self.const is not None:
            return self.get(self.own(self.const), None)
        return incident.value(self.field.name)

    def own(self, word: Word) -> Word:
        """Make a system's word plain, so that two spellings of one thing are equal.

        Words that mean "nothing said" become ``None``. What cannot be read stays as it is.
        """
        table = self.words
        if isinstance(word, str) and table is not None and table.get(word, self.otherwise) == ():
            return None
        if self.field.kind is Kind.INSTANT and self.spelling.zone:
            return self.spelling.local(word)
        if self.field.kind in (Kind.TEXT, Kind.LINE, Kind.LINK, Kind.CHOICE):
            if not isinstance(word, str):
                return word
            # White space is a text, but no line.
            is_text = self.field.kind is Kind.TEXT and not self.spelling.strip
            return unix(word) if word.strip() or (word and is_text) else None
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
        if isinstance(own, tuple) and self.field.kind not in MANY:
            # Several names are no text.
            return ()
        if self.words is not None:
            return self._translate(own)
        is_local = self.field.kind is Kind.INSTANT and self.spelling.zone
        try:
            plain = self.spelling.utc(str(own)) if is_local else own
            value = normal(self.field.kind, plain)
            return (value.strip() if self.spelling.strip and isinstance(value, str) else value,)
        except (ValueError, OverflowError):
            return ()

    def _translate(self, own: Word) -> tuple[Word, ...]:
        """Read through the word table; of a set, name by name."""
        table = self.words or {}
        if isinstance(own, tuple):
            names = [means[0] for name in own if (means := table.get(name, (name,)))]
            return (normal(self.field.kind, names),)
        return table.get(str(own), self.otherwise or ())

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
            return self.spelling.digits(str(value))
        if self.field.kind in MANY and isinstance(value, tuple):
            return value[:1] if self.spelling.single else value
        return self.spelling.shape(value) if isinstance(value, str) else value

    def holds(self, own: Word, value: Word) -> bool:
        """Whether the own word agrees with the value, or holds more that is not taken away."""
        adds = self.spelling.only_add and own is not None
        return self.agrees(own, value) or (adds and self.over(value, own) == own)

    def over(self, value: Word, own: Word) -> Word:
        """Spell a common value to be written over an own word: names are kept that only add."""
        if not self.spelling.only_add or not isinstance(own, tuple):
            return self.put(value)
        # A name that it holds in another word of its own is not added in the usual one.
        held = _many(self.get(own, None))
        lacking = tuple(name for name in _many(value) if name not in held)
        return tuple(sorted({*own, *_many(self.put(lacking))}))

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

    def agrees(self, own: Word, value: Word) -> bool:
        """Whether the own word reads as the value, or is what the value would be written as.

        Of a set of which the system holds one name, any name of the set will do.
        """
        if own is None or value is None:
            return own is None and value is None
        if value in self.reads(own) or self.put(value) == own:
            return True
        if self.spelling.single and isinstance(value, tuple):
            read = next(iter(self.reads(own)), None)
            return isinstance(read, tuple) and set(read) <= set(value)
        return False


def _many(value: Word) -> tuple[str, ...]:
    """Give the names of a set; nothing said has none."""
    return value if isinstance(value, tuple) else ()
