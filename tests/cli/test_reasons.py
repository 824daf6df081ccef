"""The sentence that ``explain`` shows for each field and system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.cli.reasons import judged
from instep.core.abilities import Abilities, While
from instep.core.fields import Decide, Field, Kind, Policy
from instep.core.model import Base, Incident, Intent, Mark, Reference, Sent, Side
from instep.core.rules import Direction, Rule
from instep.core.unit import Creation, Member, Unit

TITLE = Field("title", Kind.LINE, Policy(Decide.MANUAL))
LEVEL = Field("level", Kind.CHOICE, order=("high", "low"))
ENDED = Field("ended", Kind.LINE)
NOTE = Field("note", Kind.TEXT)
REFERENCE = Reference("7", "born", "B-7")
WORDS = {"H": ("high",), "odd": ("strange",)}
ONE = Member(
    "one",
    {f.name: Rule(f, f.name) for f in (TITLE, LEVEL, ENDED, NOTE)},
    creation=Creation(frozenset()),
)
TWO = Member(
    "two",
    {
        "title": Rule(TITLE, "title"),
        "level": Rule(LEVEL, "level", words=WORDS),
        "ended": Rule(ENDED, "ended"),
        "note": Rule(NOTE, "note"),
    },
    Abilities(
        only_while={"ended": While("level", frozenset({"L"}))},
        keeps=frozenset({"note"}),
    ),
    Creation(frozenset({"one"}), when={"level": frozenset({"high"})}),
)


def unit(two: Member = TWO) -> Unit:
    """Make a unit of two systems."""
    fields = {f.name: f for f in (TITLE, LEVEL, ENDED, NOTE)}
    return Unit("default", fields, {"one": ONE, "two": two})


def incident(one: dict[str, str], two: dict[str, str] | None) -> Incident:
    """Make an incident that began in one, at rest but for what two says."""
    sides = {"one": Side("one", replace(REFERENCE, display="A-1"), one, {}, one, one)}
    if two is not None:
        sides["two"] = Side("two", REFERENCE, two, {}, two, {})
    base = {name: Base(value, ("one",), "") for name, value in one.items()}
    return Incident(1, "uid", "one", base=base, sides=sides)


def why(row: Incident, name: str, two: Member = TWO, held: str = "", late: str = "") -> str:
    """Say how two stands to a field."""
    waits = {("two", kind): held for kind in ("create", "update")} if held else {}
    return judged(unit(two), row, waits, {"two": late} if late else {}).why("two", name)


def test_what_agrees_is_in_step() -> None:
    """A side that says what was agreed needs nothing."""
    assert why(incident({"title": "t"}, {"title": "t"}), "title") == "in step"


def test_what_differs_is_written_with_its_reason() -> None:
    """A side that stands where it stood is written to, unless a limit or a failure is before it."""
    row = incident({"title": "new"}, {"title": "old"})
    assert why(row, "title") == "will write new to B-7 because title from one"
    assert why(row, "title", held="over a limit") == "held: over a limit; would write new to B-7"
    assert why(row, "title", late="answers 503") == "late: answers 503; then writes new to B-7"


def test_what_nobody_said_is_not_agreed() -> None:
    """Without a base there is nothing to be in step with."""
    assert why(incident({}, {}), "title") == "nothing is agreed yet"


def test_a_side_may_be_unable_to_say_it() -> None:
    """Read only, no word, wrong state, cannot be emptied: each is named."""
    reads = replace(TWO, rules={"title": Rule(TITLE, "title", Direction.IN)})
    row = incident({"title": "new"}, {"title": "old"})
    assert why(row, "title", reads) == "not written there: the rule reads only"
    only = replace(TWO, abilities=Abilities(read_only=frozenset({"title"})))
    assert why(row, "title", only) == "not written there: title is read only"
    assert why(row, "title", replace(TWO, writable=False)) == (
        "not written there: the system is only heard"
    )
    low = incident({"level": "low"}, {"level": "H"})
    assert why(low, "level") == "not written there: it has no word for low"
    ended = incident({"level": "high", "ended": "now"}, {"level": "H"})
    assert why(ended, "ended") == "not written there: it cannot hold it while level is H"
    kept = incident({"note": "was"}, {"note": "was"})
    two = replace(kept.sides["two"], agreed={"note": "was"})
    kept = replace(kept, base={"note": Base(None, ("one",))}, sides={**kept.sides, "two": two})
    assert why(kept, "note") == "not written there: it cannot be emptied"


def test_an_unknown_word_is_left_alone() -> None:
    """A word that no common word stands for is neither read nor overwritten."""
    row = incident({"level": "high"}, {"level": "??"})
    assert why(row, "level") == "left alone: no common word stands for ??"


def test_a_side_may_be_out_of_reach() -> None:
    """Gone, in doubt, or with a write of which it is not known what came of it."""
    row = incident({"title": "new"}, {"title": "old"})
    two = row.sides["two"]
    gone = replace(row, sides={**row.sides, "two": replace(two, gone=True)})
    assert why(gone, "title") == "the record is gone: left alone"
    doubt = replace(row, sides={**row.sides, "two": replace(two, doubt=True)})
    assert why(doubt, "title") == "in doubt: read directly in the next cycle"
    sent = {"title": Sent("title", "new", "new")}
    intent = Intent(1, 1, "two", "update", sent, Mark("one", "A-1", "uid"), 0.0)
    assert why(replace(row, intents=(intent,)), "title") == (
        "its update is open: what came of it is looked up"
    )


def test_a_conflict_waits_with_both_values() -> None:
    """Under ``manual`` each side is told to wait, and what both say is named."""
    row = incident({"title": "t"}, {"title": "t"})
    one = replace(row.sides["one"], says={"title": "a"})
    two = replace(row.sides["two"], says={"title": "b"}, agreed={"title": "t"})
    row = replace(row, sides={"one": one, "two": two})
    assert why(row, "title") == "waits for a person: one: a, two: b"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (TWO, "no record there: not while level is low"),
        (replace(TWO, creation=None), "no record there: it is given none (create)"),
        (replace(TWO, writable=False), "no record there: the system is only heard"),
        (
            replace(TWO, creation=Creation(frozenset({"three"}))),
            "no record there: it is given none of one (create.from)",
        ),
    ],
)
def test_a_missing_record_has_a_reason(member: Member, expected: str) -> None:
    """Each rule by which a system is given no record is named."""
    assert why(incident({"level": "low", "title": "t"}, None), "title", member) == expected


def test_a_record_to_be_made_says_what_it_will_say() -> None:
    """A field of a create is announced; one that it does not carry says why."""
    row = incident({"level": "high", "title": "t"}, None)
    assert why(row, "title") == "will write t to a new record in two because one has A-1"
    assert why(row, "note") == "no record there: nothing is agreed yet"
