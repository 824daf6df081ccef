"""Made words: places that are always told the same, or a text made of what the incident says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from instep.core.abilities import Abilities
from instep.core.fields import Decide, Field, Kind
from instep.core.merge import merge
from instep.core.model import NEVER, Base, Incident, Sent, Side, Word
from instep.core.plan import Settled, at_rest, settle
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling
from instep.core.template import parse
from instep.core.unit import Creation, Member, Unit
from tests.core.make import (
    SAME_SEVERITY,
    incident,
    incidents,
    make_field,
    make_rule,
    make_unit,
    play,
    reference,
    says,
)

PARIS = {"precision": Precision.MINUTE, "zone": "Europe/Paris"}
FOOTER = "{title}\nSeverity: {severity}\nMore: {a.url} {c.url}"


def const(kind: Kind, word: Word, **spelled: object) -> Rule:
    """Make a rule that always writes one word."""
    return replace(make_rule(kind, **spelled), const=word, direction=Direction.OUT)  # type: ignore[arg-type]


def template(kind: Kind, text: str, **spelled: object) -> Rule:
    """Make a rule that writes a text made of what the incident says."""
    made = make_rule(kind, **spelled)  # type: ignore[arg-type]
    return replace(made, template=parse(text), direction=Direction.OUT)


def alone(rule: Rule, able: Abilities | None = None) -> Unit:
    """Make a unit of one member with one rule."""
    return make_unit(Member("a", {"f": rule}, able or Abilities()))


def settled(unit: Unit, row: Incident) -> Settled:
    """Merge and plan."""
    return settle(unit, row, merge(unit, row))


# What is wanted.


@pytest.mark.parametrize(
    ("rule", "word", "heard"),
    [
        (const(Kind.CHOICE, "incident"), "incident", "incident"),
        (const(Kind.LINE, "db", min_length=4), "db..", "db.."),
        (const(Kind.LINE, 5), "5", "5"),
        (const(Kind.TEXT, " a \n", strip=True), "a", " a "),
        (const(Kind.LINK, "https://a.io"), "https://a.io", "https://a.io"),
        (const(Kind.SET, ("web", "api")), ("api", "web"), ("web", "api")),
        (const(Kind.SET, "api"), ("api",), "api"),
        (const(Kind.PEOPLE, "Ann@x.io"), ("ann@x.io",), "ANN@x.io"),
        (const(Kind.FLAG, "no"), False, False),
        (const(Kind.NUMBER, "3.0"), 3, 3),
        (const(Kind.INSTANT, "2026-01-05T11:00+01:00"), "2026-01-05T10:00:00Z", "2026-01-05T10:00"),
        (const(Kind.INSTANT, "2026-01-05T10:00", **PARIS), "2026-01-05T10:00", "2026-01-05 10:00"),
    ],
)
def test_a_constant_is_an_own_word(rule: Rule, word: Word, heard: Word) -> None:
    """A constant is written as the system spells it; a record that says so already is not."""
    (operation,) = settled(alone(rule), incident(Side("a", reference("a")))).operations
    assert operation.sent["f"].word == word
    assert settled(alone(rule), incident(says("a", rule.own(heard)))).operations == ()


def test_a_constant_is_added_where_names_are_only_added() -> None:
    """A name that is always to be there is written beside those that are."""
    rule = const(Kind.SET, "synced", only_add=True)
    played = play(alone(rule), incident(says("a", ("api",), ("api",), ("api",))))
    assert played.incident.side("a").says == {"f": ("api", "synced")}
    assert len(played.operations) == 1


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (template(Kind.TEXT, "{g}\n{a.url}"), "x\nhttps://a/1"),
        (template(Kind.LINE, "{g}:\n {a.id} "), "x: A-1"),
        (template(Kind.LINK, "https://b/{a.id}"), "https://b/A-1"),
        (template(Kind.LINE, "about {g}", max_length=4), "abo…"),
        (template(Kind.TEXT, "{missing}"), None),
    ],
)
def test_a_template_is_written_as_the_system_keeps_it(rule: Rule, word: Word) -> None:
    """What a template says is a text of its field's type, and spelled like any other."""
    row = incident(Side("a", reference("a")), g="x")
    assert rule.put(rule.wants(row)) == word


def test_other_rules_want_what_was_agreed() -> None:
    """A rule that makes nothing is to tell what was agreed on its field."""
    assert make_rule(Kind.LINE).wants(incident(f="x")) == "x"
    assert make_rule(Kind.LINE).wants(incident(g="x")) is None


# What is planned.


def test_a_made_word_has_its_rule_for_a_reason() -> None:
    """What is made is written though nobody said it, and the reason is the rule."""
    rules = {"f": const(Kind.CHOICE, "incident"), "g": Rule(Field("g", Kind.LINE), "q")}
    row = incident(says("a", "task", "task", "task"), f="task", g="new")
    (operation,) = settled(make_unit(Member("a", rules)), row).operations
    assert operation.sent["f"] == Sent("p", "incident", "incident", assumed="task")
    assert operation.reason == "f from its rule; g from z"


def test_a_word_that_is_made_closes_like_any_other() -> None:
    """A constant that closes makes a close."""
    unit = replace(alone(const(Kind.CHOICE, "done")), closes={"f": frozenset({"done"})})
    assert settled(unit, incident(says("a", "open"))).operations[0].kind == "close"


@pytest.mark.parametrize(
    ("said", "told", "emptied"),
    [("old", None, False), ("old", NEVER, False), (None, None, False), ("old", "old", True)],
)
def test_a_template_that_says_nothing_empties_only_what_it_said(
    said: str | None, told: str | None, *, emptied: bool
) -> None:
    """Where none of its lines is left, the text that was told there before goes; no other does."""
    row = incident(says("a", said, said, told))
    found = settled(alone(template(Kind.TEXT, "{missing}")), row).operations
    assert [op.sent["f"].word for op in found] == ([None] if emptied else [])
    line = alone(template(Kind.LINE, "{missing}"))
    assert settled(line, row).operations == ()


@pytest.mark.parametrize("able", [Abilities(read_only=frozenset({"p"})), Abilities()])
def test_what_is_made_is_written_only_where_that_is_possible(able: Abilities) -> None:
    """A place that cannot be written is told nothing, made or not."""
    row = incident(says("a", "task"))
    assert len(settled(alone(const(Kind.CHOICE, "x"), able), row).operations) == (
        not able.read_only
    )


def test_what_is_made_is_nobodys_edit() -> None:
    """What stands in such a place proposes nothing, also where it is what another field agreed."""
    rule = const(Kind.LINE, "made")
    unit = make_unit(Member("a", {"f": rule}), Member("b", {"f": make_rule(Kind.LINE)}))
    row = incident(says("a", "mine", "made", "made", "9"), says("b", "x", "x", "x"), f="x")
    played = play(unit, row)
    assert played.incident.value("f") == "x"
    assert [op.system for op in played.operations] == ["a"]
    agreed = incident(says("a", "x", "made", "made", "9"), says("b", "x", "x", "x"), f="x")
    assert play(unit, agreed).incident.side("a").says == {"f": "made"}


def test_a_new_record_says_what_is_made() -> None:
    """A create carries constants and templates, and an update adds what it could not know."""
    rules = {
        "f": make_rule(Kind.LINE),
        "kind": replace(const(Kind.CHOICE, "incident"), path="kind"),
        "note": replace(template(Kind.TEXT, "see {a.url}\nthis is {b.id}"), path="note"),
    }
    member = Member("b", rules, creation=Creation(frozenset({"a"})))
    unit = make_unit(Member("a", {"f": make_rule(Kind.LINE)}), member)
    played = play(unit, incident(says("a", "x", "x", "x"), f="x"))
    create, update = played.operations
    assert {name: s.word for name, s in create.sent.items()} == {
        "f": "x",
        "kind": "incident",
        "note": "see https://a/1",
    }
    assert {name: s.word for name, s in update.sent.items()} == {
        "note": "see https://a/1\nthis is B-1"
    }
    assert at_rest(played.rounds[-1])


def test_a_service_that_rewrites_what_was_made_is_not_written_for_ever() -> None:
    """What a service makes of a made word is its spelling of that: only an edit is put back."""
    unit = alone(const(Kind.TEXT, "made"))
    played = play(unit, incident(says("a", "mine")), deaf="a")
    assert len(played.operations) == 1
    assert at_rest(played.rounds[-1])


# Laws, of three members: "b" has a constant, a template and one for a line that is cut.


def _unit() -> Unit:
    """Make the unit; what is made in "b" is said by people in the others, or by nobody."""
    known: Mapping[str, Field] = {
        "title": Field("title", Kind.LINE),
        "severity": make_field(Kind.CHOICE, Decide.HIGHEST, name="severity"),
        "note": Field("note", Kind.TEXT),
        "kind": Field("kind", Kind.LINE),
        "brief": Field("brief", Kind.LINE),
    }
    plain = {
        "title": Rule(known["title"], "title"),
        "severity": Rule(known["severity"], "severity", words=SAME_SEVERITY),
    }
    people = {**plain, "note": Rule(known["note"], "note"), "kind": Rule(known["kind"], "kind")}
    out, cut = Direction.OUT, Spelling(max_length=6)
    made = {
        **plain,
        "note": Rule(known["note"], "note", out, template=parse(FOOTER)),
        "kind": Rule(known["kind"], "kind", out, const="incident"),
        "brief": Rule(known["brief"], "brief", out, spelling=cut, template=parse("re: {title}")),
    }
    create = Creation(frozenset("ac"))
    return make_unit(Member("a", people), Member("b", made, creation=create), Member("c", people))


UNIT = _unit()
MADE = ("note", "kind", "brief")


def wanted(row: Incident, name: str) -> Word:
    """Give what "b" is to say in a place, in own words."""
    rule = UNIT.members["b"].rules[name]
    return rule.put(rule.wants(row))


@given(row=incidents(UNIT))
def test_what_is_made_comes_to_rest(row: Incident) -> None:
    """Within three rounds nothing is left to write, and every made place says what its rule makes.

    A new record takes one round more than others: only then is its own address known.
    """
    played = play(UNIT, row)
    assert played.rounds[3].operations == ()
    assert at_rest(played.rounds[3])
    side = played.incident.side("b")
    for name in MADE if side.live else ():
        made = wanted(played.incident, name)
        assert made is None or side.says.get(name) == made


@given(row=incidents(UNIT), name=st.sampled_from(MADE), word=st.sampled_from(("mine", "", "x\ny")))
def test_an_edit_of_what_is_made_is_put_back_once(row: Incident, name: str, word: str) -> None:
    """Whoever writes there is written over, once and in that record only; nothing else moves."""
    rest = play(UNIT, row).incident
    side = rest.side("b")
    made, own = wanted(rest, name), UNIT.members["b"].rules[name].own(word)
    assume(side.live and made is not None)
    says_now = {**side.says, name: own}
    touched = replace(side, says={n: w for n, w in says_now.items() if w is not None}, seen=50)
    played = play(UNIT, replace(rest, sides={**rest.sides, "b": touched}))
    (operation,) = played.operations
    assert (operation.kind, operation.system) == ("update", "b")
    assert {n: s.word for n, s in operation.sent.items()} == {name: made}
    assert played.incident.side("b").says == side.says
    assert played.incident.base == rest.base
    assert at_rest(played.rounds[1])


@given(row=incidents(UNIT))
def test_an_edit_elsewhere_changes_what_is_made_of_it(row: Incident) -> None:
    """A new title reaches the record that is made of it, with all that is, in one write."""
    rest = play(UNIT, row).incident
    side = rest.side("a")
    assume(side.live and rest.side("b").live)
    edited = replace(
        side,
        says={**side.says, "title": "Reborn"},
        says_at={**side.says_at, "title": "9"},
        seen=50,
    )
    played = play(UNIT, replace(rest, sides={**rest.sides, "a": edited}))
    assert played.incident.value("title") == "Reborn"
    (operation,) = [op for op in played.operations if op.system == "b"]
    assert {"title", "note", "brief"} == set(operation.sent)
    assert played.incident.side("b").says["brief"] == "re: R…"
    assert str(played.incident.side("b").says["note"]).splitlines()[0] == "Reborn"


def test_what_no_base_was_agreed_for_is_made_too() -> None:
    """A place is told what its rule makes before anybody has said anything of its field."""
    row = incident(Side("b", reference("b")), title=Base("Slow", ("a",), "0"))
    (operation,) = settled(UNIT, replace(row, origin="b")).operations
    assert {name: s.word for name, s in operation.sent.items()} == {
        "title": "Slow",
        "note": "Slow",
        "kind": "incident",
        "brief": "re: S…",
    }


# for tests/core/test_made.py; it needs `from instep.core.operation import Why` nowhere, and
# Decide, Abilities, Creation, make_field as imported there.


def waited_for(able: Abilities | None = None, *, has_record: bool = False) -> Settled:
    """Settle an incident of which "a" and "c" disagree on a field that "b" has a constant for."""
    known = make_field(Kind.LINE, Decide.MANUAL)
    line = replace(make_rule(Kind.LINE), field=known)
    made = replace(const(Kind.LINE, "made"), field=known)
    member = Member("b", {"f": made}, able or Abilities(), Creation(frozenset({"a"})))
    unit = make_unit(Member("a", {"f": line}), Member("c", {"f": line}), member)
    there = [says("b", "mine")] if has_record else []
    row = incident(says("a", "y", "x", "x"), says("c", "z", "x", "x"), *there, f="x")
    return settled(unit, row)


def test_what_is_made_waits_for_nobody() -> None:
    """A constant is written, and put into a new record, while people decide on its field."""
    (create,) = waited_for(Abilities(required=frozenset({"p"}))).operations
    assert create.sent["f"].word == "made"
    (update,) = waited_for(has_record=True).operations
    assert (update.kind, update.sent["f"].word) == ("update", "made")


def test_what_is_made_is_written_over_what_cannot_be_read() -> None:
    """A word that stands for nothing known is left alone, but not where the rule makes the word."""
    unit = alone(const(Kind.FLAG, True))
    played = play(unit, incident(says("a", "perhaps", True, True)))
    assert played.incident.side("a").says == {"f": True}
