"""Merge: what all should say from now on, and who lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.abilities import Abilities, While
from instep.core.fields import Decide, Field, Kind
from instep.core.merge import Candidate, Merged, Taken, merge, merge_field
from instep.core.model import Base, Incident, Intent, Mark, Side, Word
from instep.core.plan import apply
from instep.core.rules import Direction, Rule
from instep.core.unit import Member, Unit
from tests.core.laws import proposers
from tests.core.make import (
    DEV_SEVERITY,
    DOG_SEVERITY,
    RULES,
    SAME_SEVERITY,
    UNIT,
    incident,
    incidents,
    make_field,
    make_rule,
    make_unit,
    says,
    voices,
)

DEV = make_rule(Kind.CHOICE, DEV_SEVERITY)
DOG = make_rule(Kind.CHOICE, DOG_SEVERITY)
PAGE = make_rule(Kind.CHOICE, SAME_SEVERITY)
LINE = make_rule(Kind.LINE)
TEXT = make_rule(Kind.TEXT)
SET = make_rule(Kind.SET)


def outcome(unit: Unit, row: Incident) -> Merged:
    """Merge the field ``f``."""
    return merge_field(unit, row, unit.fields["f"])


def choice(decide: Decide = Decide.NEWEST, *systems: str) -> Unit:
    """Make a unit of three members that spell severities differently: dev, dog and page."""
    return voices(make_field(Kind.CHOICE, decide, *systems), DEV, DOG, PAGE)


def lines(decide: Decide = Decide.NEWEST, *systems: str) -> Unit:
    """Make a unit of three members that say titles as they are."""
    return voices(make_field(Kind.LINE, decide, *systems), LINE, LINE, LINE)


def lost(merged: Merged) -> set[tuple[Word, tuple[str, ...]]]:
    """Name the losing values and who said them."""
    return {(c.value, c.origins) for c in merged.losers}


def agreed(system: str, value: str) -> Side:
    """Make a side at rest that says a title."""
    return says(system, value, value, value)


# Who proposes.


def test_nobody_said_anything_new() -> None:
    """Sides that say their shadow propose nothing, and nothing changes."""
    row = incident(agreed("a", "x"), agreed("b", "x"), f="x")
    assert outcome(lines(), row) == Merged()
    assert merge(lines(), row) == {"f": Merged()}


def test_one_proposal_wins() -> None:
    """One edit by a side that knew base is taken, without a conflict."""
    row = incident(says("a", "y", "x", "x", "5"), agreed("b", "x"), f="x")
    merged = outcome(lines(), row)
    assert merged.base == Base("y", ("a",), "5")
    assert merged.taken == {"a": Taken("y", "y")}
    assert (merged.losers, merged.waiting) == ((), ())


def test_the_first_word_ever_said_is_taken() -> None:
    """Where nothing was ever agreed, what the first record says becomes base."""
    merged = outcome(lines(Decide.MANUAL), incident(says("a", "x", at="5")))
    assert merged.base == Base("x", ("a",), "5")
    assert merged.waiting == ()


@pytest.mark.parametrize("gone", [True, False])
def test_a_side_without_a_record_says_nothing(gone: bool) -> None:
    """A side whose record is gone, or was never known, is not merged."""
    side = says("a", "y", "x", "x")
    side = replace(side, gone=True) if gone else replace(side, reference=None)
    assert outcome(lines(), incident(side, agreed("b", "x"), f="x")) == Merged()


def test_a_side_in_doubt_is_not_merged() -> None:
    """What a side in doubt said may be older than our own write: it is read before it counts.

    Somebody else heard the record while our write of "y" was under way, so our read-back was
    dropped and the word from before still stands beside the new shadow. It is no edit.
    """
    row = incident(replace(says("a", "x", "y", "y"), doubt=True), agreed("b", "y"), f="y")
    assert outcome(lines(), row) == Merged()


def test_a_side_with_an_open_create_is_not_merged() -> None:
    """Until it is known what came of a create, its side neither proposes nor is heard."""
    row = incident(says("a", "y", "x", "x"), agreed("b", "x"), f="x")
    intent = Intent(1, 7, "a", "create", {}, Mark("b", "", "uid7"), 60.0)
    assert outcome(lines(), replace(row, intents=(intent,))) == Merged()
    update = replace(intent, kind="update")
    assert outcome(lines(), replace(row, intents=(update,))).base == Base("y", ("a",))


def test_a_mute_word_is_not_read() -> None:
    """A word that stands for nothing known proposes nothing and is not consumed."""
    row = incident(says("a", "odd", "sev-1", "high"), f="high")
    assert outcome(choice(), row) == Merged()


def test_a_field_without_a_rule_is_not_merged() -> None:
    """A member without a rule for a field has no part in it."""
    unit = make_unit(Member("a", {"f": LINE}), Member("b"))
    assert outcome(unit, incident(agreed("a", "x"), says("b", "y"), f="x")) == Merged()


# Caught up, joined, late.


def test_a_side_that_came_round_has_caught_up() -> None:
    """A side that was brought to base by hand, or by our write, proposes nothing."""
    row = incident(says("a", "y", "x", "x"), agreed("b", "y"), f="y")
    assert outcome(lines(), row) == Merged(taken={"a": Taken("y", "y")})


def test_a_side_that_came_round_to_a_base_that_moves_on() -> None:
    """A side that caught up while base moved is remembered at the old base."""
    row = incident(says("a", "y", "x", "x"), says("b", "z", "y", "y"), f="y")
    merged = outcome(lines(), row)
    assert merged.base == Base("z", ("b",))
    assert merged.taken == {"a": Taken("y", "y"), "b": Taken("z", "z")}


def test_a_side_that_stood_for_the_new_value_all_along() -> None:
    """A word that stands for the old and the new value is settled without a write."""
    row = incident(says("a", "sev-3", "sev-3", "low"), says("c", "minor", "low", "low"), f="low")
    merged = outcome(choice(), row)
    assert merged.base == Base("minor", ("c",))
    assert merged.taken == {"a": Taken("sev-3", "minor"), "c": Taken("minor", "minor")}


def test_proposals_that_are_equal_are_one() -> None:
    """Two sides that propose one value agree: the later of their times is its time."""
    row = incident(says("a", "y", "x", "x", "5"), says("b", "y", "x", "x", "6"), f="x")
    merged = outcome(lines(Decide.MANUAL), row)
    assert merged.base == Base("y", ("a", "b"), "6")
    assert merged.losers == ()


@pytest.mark.parametrize("decide", [Decide.MANUAL, Decide.NEWEST, Decide.HIGHEST])
def test_a_coarser_word_joins_a_finer_value(decide: Decide) -> None:
    """``sev-3`` may stand for ``minor``: beside a proposal of that it is no conflict."""
    row = incident(
        says("a", "sev-3", "sev-1", "high", "9"), says("c", "minor", "high", "high"), f="high"
    )
    merged = outcome(choice(decide), row)
    assert merged.base == Base("minor", ("c",))
    assert merged.taken == {"a": Taken("sev-3", "minor"), "c": Taken("minor", "minor")}
    assert merged.losers == ()


@pytest.mark.parametrize("flip", [False, True])
def test_two_coarse_words_join_to_one(flip: bool) -> None:
    """Where each word may stand for the other's value, the first in order stands for both."""
    one = make_rule(Kind.CHOICE, {"A": ("low", "high")})
    two = make_rule(Kind.CHOICE, {"B": ("high", "low")})
    unit = voices(make_field(Kind.CHOICE, Decide.MANUAL), *((two, one) if flip else (one, two)))
    row = incident(says("a", "B" if flip else "A"), says("b", "A" if flip else "B"))
    merged = outcome(unit, row)
    assert merged.base == Base("high", ("a" if flip else "b",))
    assert merged.losers == ()


def test_a_coarser_word_joins_and_loses_with_it() -> None:
    """A side whose word was joined into a value that lost is heard at its own reading."""
    row = incident(
        says("a", "sev-3", "sev-1", "high", "3"),
        says("b", "SEV-1", "SEV-2", "high", "4"),
        says("c", "minor", "high", "high", "2"),
        f="high",
    )
    merged = outcome(choice(), row)
    assert merged.base == Base("critical", ("b",), "4")
    assert lost(merged) == {("minor", ("c",))}
    assert merged.taken["a"] == Taken("sev-3", "low")


def test_a_late_proposal_has_base_against_it() -> None:
    """An edit by a side that had not agreed to today's base contends with it."""
    row = incident(says("a", "z", "x", "x", "5"), agreed("b", "y"), f=Base("y", ("b",), "4"))
    merged = outcome(lines(), row)
    assert merged.base == Base("z", ("a",), "5")
    assert lost(merged) == {("y", ("b",))}
    older = incident(says("a", "z", "x", "x", "3"), agreed("b", "y"), f=Base("y", ("b",), "4"))
    merged = outcome(lines(), older)
    assert merged.base is None
    assert lost(merged) == {("z", ("a",))}
    assert merged.taken == {"a": Taken("z", "z")}


def test_base_is_no_candidate_if_one_side_knew_it() -> None:
    """Where one proposer had agreed to base, base was given up: the proposals contend alone."""
    row = incident(says("a", "z", "x", "x", "5"), says("b", "w", "y", "y", "6"), f="y")
    merged = outcome(lines(), row)
    assert merged.base == Base("w", ("b",), "6")
    assert lost(merged) == {("z", ("a",))}


def test_a_side_that_cannot_be_told_is_not_late() -> None:
    """A field that is never written to a side, or not in its state, is not held against it."""
    told = Abilities(only_while={"p": While("q", frozenset({"done"}))})
    status = Rule(Field("status", Kind.CHOICE), "q")
    for member in (
        Member("a", {"f": replace(LINE, direction=Direction.IN)}),
        Member("a", {"f": LINE}, Abilities(read_only=frozenset({"p"}))),
        Member("a", {"f": LINE}, writable=False),
        Member("a", {"f": LINE, "status": status}, told),
    ):
        row = incident(says("a", "z", "x", "x", "1"), f=Base("y", ("b",), "4"))
        merged = outcome(make_unit(member), row)
        assert merged.base == Base("z", ("a",), "1")
        assert merged.losers == ()


def test_a_chain_of_words_loses_nobody() -> None:
    """B's word may stand for A's value and C's for B's, but C's not for A's: C is not joined."""
    unit = voices(
        make_field(Kind.CHOICE),
        make_rule(Kind.CHOICE, {"a": ("critical",)}),
        make_rule(Kind.CHOICE, {"b": ("high", "critical")}),
        make_rule(Kind.CHOICE, {"c": ("low", "high")}),
    )
    merged = outcome(unit, incident(says("a", "a"), says("b", "b"), says("c", "c")))
    assert merged.base is not None
    assert {merged.base.value, *(c.value for c in merged.losers)} == {"critical", "low"}


def test_a_circle_of_words_loses_nobody() -> None:
    """Words that may stand for each other in a circle are a conflict, not nothing."""
    unit = voices(
        make_field(Kind.CHOICE),
        make_rule(Kind.CHOICE, {"a": ("critical", "low")}),
        make_rule(Kind.CHOICE, {"b": ("high", "critical")}),
        make_rule(Kind.CHOICE, {"c": ("low", "high")}),
    )
    merged = outcome(unit, incident(says("a", "a"), says("b", "b"), says("c", "c")))
    assert merged.base is not None


# Policies.


def three(decide: Decide, *systems: str) -> Merged:
    """Merge three edits: high at 3, critical at 1, low at 2."""
    row = incident(
        says("a", "sev-1", "sev-2", "moderate", "3"),
        says("b", "SEV-1", "SEV-3", "moderate", "1"),
        says("c", "low", "moderate", "moderate", "2"),
        f="moderate",
    )
    return outcome(choice(decide, *systems), row)


@pytest.mark.parametrize(
    ("decide", "systems", "value"),
    [
        (Decide.NEWEST, (), "high"),
        (Decide.HIGHEST, (), "critical"),
        (Decide.LOWEST, (), "low"),
        (Decide.PREFER, ("c", "a"), "low"),
        (Decide.PREFER, ("b",), "critical"),
        (Decide.PREFER, ("x",), "high"),
    ],
)
def test_a_policy_decides(decide: Decide, systems: tuple[str, ...], value: str) -> None:
    """The field's policy chooses one value; the others are kept, with who said them and when."""
    merged = three(decide, *systems)
    assert merged.base is not None
    assert merged.base.value == value
    said = {"high": ("a", "3"), "critical": ("b", "1"), "low": ("c", "2")}
    del said[value]
    assert {c.value: (c.origins[0], c.at) for c in merged.losers} == said
    assert {system: taken.agreed for system, taken in merged.taken.items()} == {
        "a": "high",
        "b": "critical",
        "c": "low",
    }


@pytest.mark.parametrize("decide", [Decide.HIGHEST, Decide.LOWEST])
def test_a_value_without_a_place_stands_below_all(decide: Decide) -> None:
    """A word outside the order is lower than every word in it."""
    unit = voices(make_field(Kind.CHOICE, decide), make_rule(Kind.CHOICE), make_rule(Kind.CHOICE))
    merged = outcome(unit, incident(says("a", "minor"), says("b", "none")))
    assert merged.base is not None
    assert merged.base.value == ("minor" if decide is Decide.HIGHEST else "none")


@pytest.mark.parametrize("decide", [Decide.NEWEST, Decide.PREFER])
def test_ties_go_to_the_first_member(decide: Decide) -> None:
    """Of edits with one time, that of the member named first is taken."""
    merged = outcome(lines(decide), incident(says("b", "y", at="1"), says("a", "x", at="1")))
    assert merged.base == Base("x", ("a",), "1")


def test_a_person_decides() -> None:
    """Under ``manual`` a conflict waits: nobody is heard, nothing of the field changes."""
    merged = three(Decide.MANUAL)
    assert merged == Merged(
        waiting=(
            Candidate("high", ("a",), "3"),
            Candidate("critical", ("b",), "1"),
            Candidate("low", ("c",), "2"),
        )
    )
    row = incident(says("a", "sev-1"), f="low")
    assert apply(row, {"f": merged}) == row


# One way.


@pytest.mark.parametrize("now", ["z", None])
def test_a_word_that_does_not_count_is_consumed(now: str | None) -> None:
    """What is said where nobody listens proposes nothing, and is written over."""
    unit = make_unit(Member("a", {"f": replace(LINE, direction=Direction.OUT)}))
    merged = outcome(unit, incident(says("a", now, "x", "x"), f="x"))
    assert merged == Merged(taken={"a": Taken(now, now)})


def test_a_word_where_nobody_listens_may_agree() -> None:
    """A side that is only written to is settled if it says what all should say."""
    unit = make_unit(Member("a", {"f": replace(LINE, direction=Direction.OUT)}))
    merged = outcome(unit, incident(says("a", "y", "x", "x"), f="y"))
    assert merged == Merged(taken={"a": Taken("y", "y")})


def test_a_side_that_is_only_read_is_heard() -> None:
    """A side that is never written to proposes like any other."""
    unit = make_unit(
        Member("a", {"f": replace(LINE, direction=Direction.IN)}), Member("b", {"f": LINE})
    )
    merged = outcome(unit, incident(says("a", "y", "x", "x"), agreed("b", "x"), f="x"))
    assert merged.base == Base("y", ("a",))


# Nothing said.


@pytest.mark.parametrize("rule", [LINE, PAGE, RULES["instant"], RULES["flag"], RULES["number"]])
def test_nothing_said_is_no_proposal(rule: Rule) -> None:
    """Where nothing is no value, a side that falls silent proposes none and is consumed."""
    unit = voices(rule.field, rule)
    merged = outcome(unit, incident(says("a", None, "low", "low"), f="low"))
    assert merged == Merged(taken={"a": Taken(None, None)})


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.SET, Kind.PEOPLE, Kind.LINK])
def test_emptying_is_an_edit_to_nothing(kind: Kind) -> None:
    """Text, sets, people and links can be emptied: that is a proposal like any other."""
    word: Word = ("x",) if kind in (Kind.SET, Kind.PEOPLE) else "x"
    unit = voices(make_field(kind), make_rule(kind))
    merged = outcome(unit, incident(says("a", None, word, word, "5"), f=word))
    assert merged.base == Base(None, ("a",), "5")
    assert merged.taken == {"a": Taken(None, None)}


def test_a_side_that_never_said_anything_empties_nothing() -> None:
    """Silence that is not new is no edit."""
    unit = voices(make_field(Kind.TEXT), TEXT, TEXT)
    row = incident(says("a", None), says("b", "x", "x", "x"), f="x")
    assert outcome(unit, row) == Merged()


def test_what_a_service_cannot_empty_was_not_emptied() -> None:
    """Where a service cannot empty a field, its silence is no edit."""
    unit = make_unit(Member("a", {"f": TEXT}, Abilities(keeps=frozenset({"p"}))))
    merged = outcome(unit, incident(says("a", None, "x", "x"), f="x"))
    assert merged == Merged(taken={"a": Taken(None, None)})


def test_what_a_state_cannot_hold_was_not_emptied() -> None:
    """A text that exists only in some states is not emptied by a change of state."""
    status = Rule(Field("status", Kind.CHOICE), "q")
    able = Abilities(only_while={"p": While("q", frozenset({"done"}))})
    unit = make_unit(Member("a", {"f": TEXT, "status": status}, able))
    side = says("a", None, "x", "x")
    side = replace(side, says={"status": "open"}, shadow={"f": "x", "status": "done"})
    assert outcome(unit, incident(side, f="x")).base is None


# Union.

JOINED = voices(make_field(Kind.SET, Decide.UNION), SET, SET, SET)
names = st.frozensets(st.sampled_from("pqrst")).map(lambda s: tuple(sorted(s)) or None)


@pytest.mark.parametrize(
    ("base", "first", "second", "value"),
    [
        ("pq", ("pq", "pqr"), ("pq", "pqs"), "pqrs"),
        ("pq", ("pq", "p"), ("pq", "pqr"), "pr"),
        ("pq", ("pq", "p"), ("pq", "q"), ""),
        ("pq", ("pq", "p"), ("p", "pqr"), "pqr"),
        ("pqr", ("pq", "p"), ("pqr", "pqr"), "pr"),
        ("", ("", "p"), ("", "q"), "pq"),
    ],
)
def test_a_union_adds_and_takes_away(
    base: str, first: tuple[str, str], second: tuple[str, str], value: str
) -> None:
    """Each side's edit is what it added and took away; who adds a name wins over who drops it."""
    said = [
        says(s, tuple(now) or None, tuple(was) or None, tuple(base) or None, "1")
        for s, (was, now) in zip("ab", (first, second), strict=True)
    ]
    row = incident(*said, f=tuple(base) or None)
    after = apply(row, merge(JOINED, row))
    assert after.value("f") == (tuple(value) or None)
    assert outcome(JOINED, row).losers == ()


def test_a_union_without_edits_is_base() -> None:
    """Where nobody edited, a union is what it was."""
    assert outcome(JOINED, incident(says("a", ("p",), ("p",), ("p",)), f=("p",))) == Merged()


@given(names, names, names, names)
def test_a_union_is_a_three_way_merge(base: Word, one: Word, two: Word, three_: Word) -> None:
    """From one base: a name stands if somebody added it, or if nobody took it away."""
    row = incident(
        *(says(s, now, base, base) for s, now in zip("abc", (one, two, three_), strict=True)),
        f=base,
    )
    held = _set(base)
    said = [_set(now) for now in (one, two, three_)]
    added = set[str]().union(*(now - held for now in said))
    removed = set[str]().union(*(held - now for now in said))
    after = apply(row, merge(JOINED, row))
    assert _set(after.value("f")) == (held - removed) | added


def _set(value: Word) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()


# Laws of every merge.

COMMUTATIVE = (Decide.NEWEST, Decide.HIGHEST, Decide.LOWEST, Decide.PREFER, Decide.MANUAL)


@pytest.mark.parametrize("decide", COMMUTATIVE)
@given(data=st.data())
def test_the_order_of_members_changes_nothing(decide: Decide, data: st.DataObject) -> None:
    """In whatever order members are named, the value is the same, and so is who lost."""
    unit = choice(decide, "b", "c", "a")
    row = data.draw(rows(unit))
    order = data.draw(st.permutations(list(unit.members.values())))
    other = replace(unit, members={member.name: member for member in order})
    one, two = outcome(unit, row), outcome(other, row)
    assert (one.base and one.base.value) == (two.base and two.base.value)
    assert _plain(one.losers) == _plain(two.losers)
    assert _plain(one.waiting) == _plain(two.waiting)
    assert one.taken == two.taken


@given(incidents(), st.permutations(list(UNIT.members)))
def test_the_order_of_members_does_not_change_a_union(row: Incident, order: list[str]) -> None:
    """In whatever order members are named, a set is joined to the same names."""
    other = replace(UNIT, members={name: UNIT.members[name] for name in order})
    one, two = (merge_field(unit, row, UNIT.fields["parts"]) for unit in (UNIT, other))
    assert (one.base and one.base.value) == (two.base and two.base.value)
    assert one.taken == two.taken


def _plain(candidates: tuple[Candidate, ...]) -> set[tuple[Word, frozenset[str], str]]:
    return {(c.value, frozenset(c.origins), c.at) for c in candidates}


@st.composite
def rows(draw: st.DrawFn, unit: Unit) -> Incident:
    """Draw an incident with one field and an edit of its own time on every side."""
    times = draw(st.permutations("1234"))
    base = draw(st.sampled_from((None, *unit.fields["f"].order)))
    drawn = [
        says(
            name,
            draw(st.sampled_from(tuple(member.rules["f"].words or ()))),
            draw(st.sampled_from((None, *(member.rules["f"].words or ())))),
            draw(st.sampled_from((base, "high"))),
            at,
        )
        for (name, member), at in zip(unit.members.items(), times, strict=False)
    ]
    drawn = [replace(s, says={n: w for n, w in s.says.items() if w != "UNKNOWN"}) for s in drawn]
    known = {} if base is None else {"f": Base(base, ("z",), times[3])}
    return incident(*drawn, **known)


@given(incidents())
def test_no_edit_is_ever_lost_silently(row: Incident) -> None:
    """Every edit stands for the outcome, or is kept among those that lost or wait."""
    for name, known in UNIT.fields.items():
        if known.policy.decide is Decide.UNION:
            continue
        merged = merge_field(UNIT, row, known)
        value = merged.base.value if merged.base else row.value(name)
        kept = [value, *(c.value for c in (*merged.losers, *merged.waiting))]
        for rule, own in proposers(UNIT, row, known):
            assert any(rule.agrees(own, candidate) for candidate in kept)


@given(incidents())
def test_base_is_never_lost_silently(row: Incident) -> None:
    """Base gives way only to an edit by a side that had agreed to it; else it is kept."""
    for name, known in UNIT.fields.items():
        merged = merge_field(UNIT, row, known)
        if merged.base is None or name not in row.base or known.policy.decide is Decide.UNION:
            continue
        knew = [
            m.name
            for m in UNIT.members.values()
            if m.hears(name)
            and row.side(m.name).edited(name)
            and (
                row.side(m.name).agreed.get(name) == row.value(name)
                or not m.writes(name)
                or not m.holds(name, row.side(m.name).shadow)
            )
        ]
        assert knew or row.value(name) in [c.value for c in merged.losers]


@given(incidents())
def test_merging_twice_is_merging_once(row: Incident) -> None:
    """Applied, a merge leaves nothing to merge: no value moves, nobody is heard twice."""
    once = apply(row, merge(UNIT, row))
    again = merge(UNIT, once)
    assert all(merged == Merged() for merged in again.values())
    assert apply(once, again) == once


@given(incidents())
def test_what_is_heard_is_what_was_said(row: Incident) -> None:
    """A shadow only ever becomes what the side said when it was merged."""
    for name, merged in merge(UNIT, row).items():
        for system, taken in merged.taken.items():
            assert taken.own == row.side(system).says.get(name)
