"""Trials: the tests of a mapping, carried out without any system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instep.config.mapping import Trial
from instep.core import tell
from instep.core.fields import Kind
from instep.core.model import Word
from instep.core.plan import agrees
from instep.core.rehearse import Answer, Rehearsal, rehearse
from instep.core.rules import Rule
from instep.core.unit import Member, Unit

#: What is said of a path that is sent nothing; ``None`` is a path that is emptied.
NOT_SENT = "~"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a test expected something else: own words, and what of the mapping led to what is sent.

    ``expected`` and ``sent`` are ``NOT_SENT`` where nothing is (to be) sent, ``None`` where the
    path is emptied. ``path`` is empty where it is about everything that a system is sent.
    """

    system: str
    path: str
    expected: Word
    sent: Word
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test; ``unread`` are the paths that it gives and no rule reads."""

    name: str
    differences: tuple[Difference, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was sent as the test expects."""
        return not self.differences


def tried(unit: Unit, trials: tuple[Trial, ...]) -> tuple[Outcome, ...]:
    """Carry out tests; the members of the unit have to know what their systems can do."""
    return tuple(
        _tried(unit, trial, trial.name or f"test {number}")
        for number, trial in enumerate(trials, 1)
    )


def _tried(unit: Unit, trial: Trial, name: str) -> Outcome:
    """Carry out one test."""
    ((system, words),) = trial.given.items()
    done = rehearse(unit, system, words, edited=trial.edited)
    found = [
        difference
        for other, expected in trial.sent.items()
        for difference in _compared(unit.members[other], expected, done)
    ]
    given = unit.members[system]
    read = {rule.path for name, rule in given.rules.items() if given.hears(name)}
    unread = [path for path in {**words, **trial.edited} if path not in read]
    return Outcome(name, tuple(found), tuple(unread))


def _compared(
    member: Member, expected: Mapping[str, Word] | None, done: Rehearsal
) -> Iterator[Difference]:
    """Compare what one system is sent with what a test expects."""
    answer = done.answers[member.name]
    if expected is None:
        for path, word in answer.words.items():
            yield Difference(member.name, path, NOT_SENT, word, _why(member, path, done))
    elif not expected and not answer.operations:
        yield Difference(member.name, "", "anything", NOT_SENT, _silent(answer))
    for path, word in (expected or {}).items():
        sent = answer.words.get(path) if path in answer.words else NOT_SENT
        wanted = NOT_SENT if word is None else word
        if not _same(member, path, wanted, sent):
            why = _why(member, path, done)
            yield Difference(member.name, path, _emptied(wanted), sent, why)


def _emptied(word: Word) -> Word:
    """Read ``""`` as a path that is emptied."""
    return None if word == "" else word


def _same(member: Member, path: str, expected: Word, sent: Word) -> bool:
    """Whether two own words are one thing there, however they are spelled."""
    if NOT_SENT in (expected, sent):
        return expected == sent
    known = _rule(member, path)
    if known is None:
        is_list = isinstance(expected, tuple) or isinstance(sent, tuple)
        return _plain(expected, is_list=is_list) == _plain(sent, is_list=is_list)
    _, rule = known
    return _ended(rule, rule.own(expected)) == _ended(rule, rule.own(sent))


def _ended(rule: Rule, own: Word) -> Word:
    """Leave out the line ends behind a text: a block of YAML has one more."""
    return own.rstrip("\n") if rule.field.kind is Kind.TEXT and isinstance(own, str) else own


def _plain(word: Word, *, is_list: bool) -> Word:
    """Make plain a word that no rule reads: a list is a set of names, a bare one of them a name."""
    names = (word,) if is_list and isinstance(word, str) and word else word
    return tuple(sorted(set(names))) if isinstance(names, tuple) else names or None


def _rule(member: Member, path: str) -> tuple[str, Rule] | None:
    """Give the field and the rule by which a path is written, or else read."""
    found = [(name, rule) for name, rule in member.rules.items() if rule.path == path]
    return next((one for one in found if member.carries(one[0])), found[0] if found else None)


def _why(member: Member, path: str, done: Rehearsal) -> str:
    """Say what of the mapping led to what is sent to a path, or why nothing is."""
    answer, known = done.answers[member.name], _rule(member, path)
    if not answer.operations:
        return _silent(answer)
    if known is None:
        made = member.creation.words if member.creation else {}
        return "create.set" if path in made else f"no rule of {member.name} is about it"
    name, rule = known
    side = done.incident.side(member.name)
    if path in answer.words or not side.live:
        told = tell.put(member, name, done.incident, tell.becoming(member, done.incident))
        return told.why_not or told.through
    value = rule.wants(done.incident)
    if agrees(member, side, name, value):
        return "its record says so already"
    return tell.unsent(member, name, value, side.says)


def _silent(answer: Answer) -> str:
    """Say why a system is sent nothing at all."""
    return answer.held[0].reason if answer.held else answer.why
