"""The sentence that ``explain`` shows for each field and system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from instep.cli.reasons import judged
from instep.cli.why import HELPS, sentence, state
from instep.core.abilities import Abilities, While
from instep.core.conditions import Is
from instep.core.fields import Decide, Field, Kind, Policy
from instep.core.merge import merge
from instep.core.model import Base, Incident, Intent, Mark, Reference, Sent, Side
from instep.core.operation import Operation, Why
from instep.core.plan import settle
from instep.core.rules import Direction, Rule
from instep.core.unit import Creation, Member, OnGone, Unit

TITLE = Field("title", Kind.LINE, Policy(Decide.MANUAL))
LEVEL = Field("level", Kind.CHOICE, order=("high", "low"))
ENDED = Field("ended", Kind.LINE)
NOTE = Field("note", Kind.TEXT)
REFERENCE = Reference("7", "born", "B-7")
WORDS = {"H": ("high",), "odd": ("strange",)}
#: The time of the tests: the beginning of 2026.
NOW = 1_767_225_600.0
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
    Creation(frozenset({"one"}), when=Is("level", frozenset({"high"}))),
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


def row(why: Why, **more: Any) -> dict[str, Any]:
    """Make a row of what is held."""
    about = {"why": str(why), "reason": "as was said", "checksum": "c", "approved": ""}
    return {**about, "fields": {}, "tries": 0, "again": 0.0, **more}


def why(
    found: Incident,
    name: str,
    two: Member = TWO,
    held: dict[str, dict[str, Any]] | None = None,
    late: str = "",
) -> str:
    """Say how two stands to a field; ``held`` is what the ledger holds of it, by kind."""
    waits = {("two", kind): waiting for kind, waiting in (held or {}).items()}
    return judged(unit(two), found, waits, {"two": late} if late else {}, NOW).why("two", name)


def planned(found: Incident, two: Member = TWO) -> Operation:
    """Give what would be written to two."""
    settled = settle(unit(two), found, merge(unit(two), found))
    return next(op for op in settled.operations if op.system == "two")


def test_what_agrees_is_in_step() -> None:
    """A side that says what was agreed needs nothing."""
    assert why(incident({"title": "t"}, {"title": "t"}), "title") == "in step"


def test_what_was_left_as_it_is_is_not_called_in_step() -> None:
    """A record that says something else, which a person chose to leave, is told as that."""
    found = incident({"title": "new"}, {"title": "old"})
    side = replace(found.side("two"), agreed={"title": "new"})
    left = replace(found, sides={**found.sides, "two": side})
    assert why(left, "title") == "left alone: it stands for new here"


def test_what_differs_is_written_with_its_reason() -> None:
    """A side that stands where it stood is written to, unless a limit or a failure is before it."""
    found = incident({"title": "new"}, {"title": "old"})
    assert why(found, "title") == "will write new to B-7 because title from one"
    limit = {"update": row(Why.LIMIT, reason="over a limit")}
    assert why(found, "title", held=limit) == "held: over a limit; would write new to B-7"
    assert (
        why(found, "title", late="answers 503") == "late: answers 503; then will write new to B-7"
    )


def test_what_nobody_said_is_not_agreed() -> None:
    """Without a base there is nothing to be in step with."""
    assert why(incident({}, {}), "title") == "nothing is agreed yet"


def test_a_side_may_be_unable_to_say_it() -> None:
    """Read only, no word, wrong state, cannot be emptied: each is named."""
    reads = replace(TWO, rules={"title": Rule(TITLE, "title", Direction.IN)})
    found = incident({"title": "new"}, {"title": "old"})
    assert why(found, "title", reads) == "not written there: the rule reads only"
    only = replace(TWO, abilities=Abilities(read_only=frozenset({"title"})))
    assert why(found, "title", only) == "not written there: title is read only"
    assert why(found, "title", replace(TWO, writable=False)) == (
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
    found = incident({"level": "high"}, {"level": "??"})
    assert why(found, "level") == "left alone: no common word stands for ??"


def test_a_side_may_be_out_of_reach() -> None:
    """In doubt, or with a write of which it is not known what came of it."""
    found = incident({"title": "new"}, {"title": "old"})
    two = found.sides["two"]
    doubt = replace(found, sides={**found.sides, "two": replace(two, doubt=True)})
    assert why(doubt, "title") == "in doubt: read directly in the next cycle"
    sent = {"title": Sent("title", "new", "new")}
    intent = Intent(1, 1, "two", "update", sent, Mark("one", "A-1", "uid"), 0.0)
    assert why(replace(found, intents=(intent,)), "title") == (
        "its update is open: what came of it is looked up"
    )


def test_a_conflict_waits_with_both_values() -> None:
    """Under ``manual`` each side is told to wait, and what both say is named."""
    found = incident({"title": "t"}, {"title": "t"})
    one = replace(found.sides["one"], says={"title": "a"})
    two = replace(found.sides["two"], says={"title": "b"}, agreed={"title": "t"})
    found = replace(found, sides={"one": one, "two": two})
    assert why(found, "title") == "waits for a person: one: a, two: b"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (TWO, "no record there: only if level is high (create.when)"),
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
    found = incident({"level": "high", "title": "t"}, None)
    assert why(found, "title") == "will write t to a new record in two because one has A-1"
    assert why(found, "note") == "no record there: nothing is agreed yet"


@pytest.mark.parametrize("held", Why)
def test_everything_that_holds_has_a_sentence(held: Why) -> None:
    """Whatever is held: a sentence with its reason, a state, and what helps; approved, it goes."""
    told = sentence(row(held), NOW)
    assert "as was said" in told
    assert told.partition(":")[0] in ("held", "late", "dead", "kept out")
    assert state(held) in ("held", "late", "dead")
    assert HELPS[held]
    assert sentence(row(held, approved="c"), NOW) == "approved: goes in the next cycle"


def test_a_refusal_tells_its_tries_and_its_next_one() -> None:
    """Late: how often it was not taken, in which words, and when it is tried again; dead: no more.

    The sentence stands for the words that were refused: others are sent at once.
    """
    found = incident({"title": "new"}, {"title": "old"})
    same = {"reason": "two says no", "checksum": planned(found).checksum}
    late = row(Why.REFUSED, tries=2, again=NOW + 300, **same)
    assert why(found, "title", held={"update": late}) == (
        "late: not taken 2 times: two says no; tried again in 5 min; would write new to B-7"
    )
    due = row(Why.REFUSED, tries=1, again=NOW - 1, **same)
    assert "not taken 1 time: two says no; tried again in the next cycle" in (
        why(found, "title", held={"update": due})
    )
    dead = row(Why.DEAD, tries=5, **same)
    assert why(found, "title", held={"update": dead}) == (
        "dead: not taken 5 times: two says no; tried no more; would write new to B-7"
    )
    for refused in (late, dead):
        other = {"update": {**refused, "checksum": "of other words"}}
        assert why(found, "title", held=other) == "will write new to B-7 because title from one"


def test_what_is_approved_will_be_written() -> None:
    """A person's word is told in place of the reason."""
    found = incident({"title": "new"}, {"title": "old"})
    approved = row(Why.LIMIT, checksum="c", approved="c")
    assert why(found, "title", held={"update": approved}) == (
        "approved: goes in the next cycle; will write new to B-7"
    )
    # Let through as it was, it has changed since.
    assert why(found, "title", held={"update": {**approved, "checksum": "d"}}).startswith("held: ")


def test_a_field_that_flaps_is_held_alone() -> None:
    """Beside it other fields of the same record are written."""
    found = incident({"title": "new", "note": "new"}, {"title": "old", "note": "old"})
    flaps = {"flap": row(Why.FLAP, reason="to and fro", fields={"title": "new"})}
    assert why(found, "title", held=flaps) == "held: to and fro; would write new to B-7"
    assert why(found, "note", held=flaps).startswith("will write new to B-7")


def test_a_close_waits_as_the_update_that_it_was() -> None:
    """What became a close since is still held under the name of an update."""
    found = incident({"title": "over"}, {"title": "old"})
    closing = replace(unit(), closes={"title": frozenset({"over"})})
    held = {("two", "update"): row(Why.LIMIT, reason="over a limit")}
    assert judged(closing, found, held, {}, NOW).why("two", "title") == (
        "held: over a limit; would write over to B-7"
    )


def test_what_completes_a_create_waits_with_it() -> None:
    """A field that a create cannot carry is held as long as the create is."""
    born = replace(TWO, abilities=Abilities(born={"level": "odd"}))
    found = incident({"level": "high", "title": "t"}, None)
    held = {"create": row(Why.ALIKE, reason="looks the same")}
    assert why(found, "level", born) == (
        "will write H to a new record in two because what a create cannot carry"
    )
    for name in ("level", "title"):
        assert why(found, name, born, held).startswith("held: looks the same; would write ")


def test_what_a_create_lacks_is_named() -> None:
    """A create that the service would refuse says for want of what."""
    needy = replace(TWO, abilities=Abilities(required=frozenset({"note"})))
    found = incident({"level": "high", "title": "t"}, None)
    assert why(found, "title", needy) == (
        "held: two requires note, and nothing says it; would write t to a new record in two"
    )


@pytest.mark.parametrize(
    ("on_gone", "said"),
    [
        (OnGone.KEEP, "left alone (on_gone: keep)"),
        (OnGone.CLOSE, "the incident is closed elsewhere (on_gone: close)"),
        (OnGone.RECREATE, "made anew (on_gone: recreate)"),
        (OnGone.DELETE, "the other records are deleted as well (on_gone: delete)"),
    ],
)
def test_a_record_that_is_gone_says_what_becomes_of_it(on_gone: OnGone, said: str) -> None:
    """Since when it is gone, and what the configuration makes of that."""
    found = incident({"title": "t"}, {"title": "t"})
    found = replace(found, sides={"one": found.sides["one"], "two": lost(found)})
    # Of the origin there is nothing left that a new record could name.
    origin = replace(found.sides["one"], reference=None)
    made = replace(found, sides={**found.sides, "one": origin})
    two = replace(TWO, on_gone=on_gone)
    for each in (found, made) if on_gone is not OnGone.RECREATE else (made,):
        assert why(each, "title", two) == f"the record has been gone for 2 h: {said}"
    if on_gone is OnGone.RECREATE:
        assert why(found, "title", two).startswith("will write t to a new record in two because ")


def lost(found: Incident) -> Side:
    """Make two's record be gone for two hours."""
    return replace(found.sides["two"], gone=True, gone_at="2025-12-31T22:00:00.000000Z")


def test_what_is_to_be_deleted_says_why() -> None:
    """With one record gone under ``delete`` the others are to go, unless a limit holds it."""
    found = incident({"title": "t"}, {"title": "t"})
    found = replace(found, sides={**found.sides, "one": replace(found.sides["one"], gone=True)})
    both = replace(unit(), members={"one": replace(ONE, on_gone=OnGone.DELETE), "two": TWO})
    told = "delete B-7"
    because = "because the record in one is gone (on_gone: delete)"
    assert judged(both, found, {}, {}, NOW).why("two", "title") == f"will {told} {because}"
    held = {("two", "delete"): row(Why.LIMIT, reason="over limits.deletes = 0")}
    assert judged(both, found, held, {}, NOW).why("two", "title") == (
        f"held: over limits.deletes = 0; would {told}"
    )
    sent = Intent(1, 1, "two", "delete", {}, Mark("one", "A-1", "uid"), 0.0)
    assert judged(both, replace(found, intents=(sent,)), {}, {}, NOW).why("two", "title") == (
        "its delete is open: what came of it is looked up"
    )


def test_an_incident_that_was_edited_elsewhere_is_kept() -> None:
    """Under ``delete`` an edit in another record counts more than the loss of one."""
    found = incident({"title": "t"}, {"title": "t"})
    edited = replace(found.sides["one"], says={"title": "edited"}, agreed={"title": "t"})
    found = replace(found, sides={"one": edited, "two": lost(found)})
    assert why(found, "title", replace(TWO, on_gone=OnGone.DELETE)) == (
        "the record has been gone for 2 h: the others are kept, since the incident was edited "
        "there (on_gone: delete)"
    )


def test_what_was_let_go_says_how_to_want_it_again() -> None:
    """There is to be no record, until a person wants one."""
    found = incident({"title": "t"}, {"title": "t"})
    two = replace(found.sides["two"], reference=None, gone=True)
    assert why(replace(found, sides={**found.sides, "two": two}), "title") == (
        "let go: there is to be no record here; instep retry 1 wants it again"
    )
