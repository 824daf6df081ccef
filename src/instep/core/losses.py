"""Losses: which words of a rule cannot come back, once they went through it.

A rule is a relation, so most of what it cannot tell apart does no harm: a word that stands is
left standing, and a value that was agreed is kept. What is lost shows where a word is read for
the first time, or a value is written where another word stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from instep.core.rules import Direction, Rule


@dataclass(frozen=True, slots=True)
class Loss:
    """A word that becomes another of its kind, and by which word of the other kind.

    ``is_own`` if they are words of the system, else they are common ones.
    """

    word: str
    through: str
    becomes: str
    is_own: bool

    def __str__(self) -> str:
        """Say it in a sentence."""
        there, back = ("read", "written") if self.is_own else ("written", "read")
        return f'"{self.word}" is {there} as "{self.through}", which is {back} as "{self.becomes}"'


def losses(rule: Rule, values: Iterable[str]) -> Iterator[Loss]:
    """Name every pair of words of which one cannot come back; ``values`` are the common ones."""
    if rule.words is None or rule.is_made or rule.direction is not Direction.BOTH:
        # What goes one way is not to come back.
        return
    for value in values:
        own = rule.put(value)
        if own is None:
            # There is no word for it, so it never goes there.
            continue
        back = rule.reads(own)[0]
        if back != value:
            yield Loss(value, str(own), str(back), is_own=False)
    for own, means in rule.words.items():
        if not means:
            continue
        back = rule.put(means[0])
        if back != own:
            yield Loss(own, means[0], str(back), is_own=True)
