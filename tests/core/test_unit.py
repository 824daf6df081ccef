"""Units, members and incidents: what follows from what is configured and known."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from instep.core.abilities import Abilities, While
from instep.core.conditions import Is
from instep.core.fields import Field, Kind
from instep.core.model import Base, Incident, Intent, Mark, Record, Side, Written
from instep.core.rules import Direction, Rule
from instep.core.unit import Creation, Limits, Member, OnGone, Unit
from tests.core.make import UNIT, make_rule, reference

RULE = make_rule(Kind.LINE)
STATUS = Rule(Field("status", Kind.CHOICE), "status")


@pytest.mark.parametrize(
    ("direction", "hears", "writes"),
    [(Direction.BOTH, True, True), (Direction.IN, True, False), (Direction.OUT, False, True)],
)
def test_a_rule_carries_one_way_or_both(direction: Direction, hears: bool, writes: bool) -> None:
    """``in`` is only read, ``out`` only written, ``both`` is both."""
    member = Member("a", {"f": replace(RULE, direction=direction)})
    assert (member.hears("f"), member.writes("f")) == (hears, writes)


def test_a_field_without_a_rule_is_neither_read_nor_written() -> None:
    """A member has no part in a field that it has no rule for."""
    assert not Member("a").hears("f")
    assert not Member("a").writes("f")


def test_not_everything_can_be_written() -> None:
    """A member that must not be written to and a path that cannot be are only read."""
    shut = Member("a", {"f": RULE}, writable=False)
    fixed = Member("a", {"f": RULE}, Abilities(read_only=frozenset({"p"})))
    for member in (shut, fixed):
        assert member.hears("f")
        assert not member.writes("f")


@pytest.mark.parametrize(
    ("says", "held"), [({"status": "done"}, True), ({"status": "open"}, False), ({}, False)]
)
def test_a_state_holds_a_field_or_not(says: dict[str, str], held: bool) -> None:
    """A path that exists only in some states is held in those, and in no unknown one."""
    able = Abilities(only_while={"p": While("status", frozenset({"done"}))})
    member = Member("a", {"f": RULE, "status": STATUS}, able)
    assert member.holds("f", says) is held
    assert member.holds("status", says)
    assert Member("a", {"f": RULE}, able).holds("f", says)


def test_a_member_names_its_paths() -> None:
    """What is read of a record: the path of every rule, and of every configured word."""
    made = Creation(frozenset({"b"}), words={"kind": "incident", "p": "x"})
    assert Member("a", {"f": RULE}).paths == {"p"}
    member = Member("a", {"p": RULE, "status": STATUS}, creation=made)
    assert member.paths == {*member.rules, *made.words}


def test_a_fingerprint_names_the_rules() -> None:
    """Members with one set of rules have one fingerprint, in whatever order; else another."""
    one = Member("a", {"f": RULE, "status": STATUS})
    assert one.fingerprint == Member("b", {"status": STATUS, "f": RULE}, writable=False).fingerprint
    changed = {
        Member("a", {"f": rule, "status": STATUS}).fingerprint
        for rule in (
            replace(RULE, path="q"),
            replace(RULE, direction=Direction.IN),
            replace(RULE, words={"x": ("y",)}),
            replace(RULE, spelling=replace(RULE.spelling, tidy=True)),
            replace(RULE, default="x"),
        )
    }
    assert len(changed - {one.fingerprint}) == 5


def test_a_unit_is_bounded_unless_told_otherwise() -> None:
    """A unit has limits, and closes nothing, by default."""
    unit = Unit("u", {}, {})
    assert unit.limits == Limits()
    assert unit.closes == {}
    assert 0 < unit.limits.share < 1


def test_limits_of_a_system_s_own_come_first() -> None:
    """A system is bounded by its own limits, and one without any by those of all."""
    own, common = Limits(updates=1), Limits(updates=9)
    unit = Unit("u", {}, {"a": Member("a", limits=own), "b": Member("b")}, common)
    assert (unit.bounds("a"), unit.bounds("b")) == (own, common)


def test_an_incident_knows_nothing_at_first() -> None:
    """What was never agreed is nothing; a side that was never heard of is blank."""
    row = Incident(7, "uid7", "a", base={"f": Base("x")})
    assert (row.value("f"), row.value("g")) == ("x", None)
    assert row.side("a") == Side("a")
    assert not row.side("a").live
    assert row.pending("a") is None
    assert not row.creating("a")


def test_an_incident_knows_its_open_intents() -> None:
    """An open intent is found by its system; only a create keeps its side out."""
    create = Intent(1, 7, "a", "create", {}, Mark("b", "", "uid7"), 60.0)
    row = Incident(
        7, "uid7", "b", intents=(create, replace(create, id=2, system="b", kind="update"))
    )
    assert row.pending("a") is create
    assert row.creating("a")
    assert row.pending("b") is not None
    assert not row.creating("b")


def test_a_side_is_live_while_its_record_is_there() -> None:
    """A side is merged and written to while it has a record that is not gone."""
    assert Side("a", reference("a")).live
    assert not Side("a", reference("a"), gone=True).live


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_side_is_let_go_when_it_is_to_have_no_record(known: bool, gone: bool) -> None:
    """Gone without a reference is let go: neither a lost record nor a side that never had one."""
    side = Side("a", reference("a") if known else None, gone=gone)
    assert side.let_go is (gone and not known)


def test_content_is_the_only_proof_of_an_edit() -> None:
    """A field was edited if it says other than its shadow, and only then."""
    side = Side("a", reference("a"), {"f": "x", "g": "y"}, {"f": "later"}, {"f": "x", "h": "z"})
    assert [side.edited(name) for name in "fghi"] == [False, True, True, False]


def test_records_are_compared_by_what_they_are() -> None:
    """The service's own object takes no part in comparing records, nor in showing them."""
    one = Record("1", "born", "digest", {"secret": 1})
    assert one == replace(one, raw={})
    assert "secret" not in repr(one)
    assert one.points == ()
    assert Written(one).echo == {}


def test_values_are_frozen() -> None:
    """What the core is given it cannot change."""
    values = (UNIT, UNIT.members["dev"], RULE, RULE.field, Side("a"), Incident(1, "u", "a"))
    for value in values:
        first = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, first, None)


def test_the_rules_have_one_name_whatever_the_order_of_sets() -> None:
    """The same configuration has the same number in every process; another one has another."""

    def unit(*names: str, writable: bool = True) -> Unit:
        creation = Creation(frozenset(names), Is("severity", frozenset(names)))
        members = {"a": Member("a", creation=creation, writable=writable), "b": Member("b")}
        return Unit("default", {}, members)

    assert unit("x", "y").rules == unit("y", "x").rules
    assert unit("x", "y").rules != unit("x", "z").rules
    assert unit("x").rules != unit("x", writable=False).rules


def test_what_becomes_of_the_lost_is_part_of_the_rules() -> None:
    """Each way to take the loss of a record makes other rules; how records are read stays."""
    members = [Member("a", {"f": RULE}, on_gone=on_gone) for on_gone in OnGone]
    numbers = {Unit("u", {}, {"a": member}).rules for member in members}
    assert len(numbers) == len(OnGone)
    assert len({member.fingerprint for member in members}) == 1
    assert members[0] == Member("a", {"f": RULE})


def test_what_a_new_record_needs_and_nothing_says_is_known() -> None:
    """A rule that writes, a default and a configured word speak of a place; a reading rule not."""
    able = Abilities(required=frozenset({"a", "b", "c", "d", "e"}), read_only=frozenset({"e"}))
    rules = {
        "a": Rule(Field("a", Kind.LINE), "a"),
        "b": Rule(Field("b", Kind.LINE), "b", Direction.IN, default="x"),
        "d": Rule(Field("d", Kind.LINE), "d", Direction.IN),
        "e": Rule(Field("e", Kind.LINE), "e", default="x"),
    }
    made = Creation(frozenset({"other"}), words={"c": "x"})
    assert Member("m", rules, able, made).unmet == {"d", "e"}
    assert Member("m", abilities=able).unmet == able.required
