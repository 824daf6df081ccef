"""Plan: what is still missing, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.abilities import Abilities, While
from instep.core.conditions import Is
from instep.core.fields import Decide, Field, Kind
from instep.core.merge import Candidate, Merged, merge
from instep.core.model import Base, Incident, Intent, Mark, Sent, Side, Word
from instep.core.operation import Operation, Why, carried
from instep.core.plan import Settled, agrees, apply, at_rest, settle
from instep.core.rules import Direction, Rule
from instep.core.unit import Creation, Member, Unit
from tests.core.make import (
    CHANGES,
    DEV_SEVERITY,
    DOG_SEVERITY,
    SAME_STATUS,
    UNIT,
    incident,
    incidents,
    make_field,
    make_rule,
    make_unit,
    play,
    reference,
    says,
    voices,
)

LINE = make_rule(Kind.LINE)
TEXT = make_rule(Kind.TEXT)
LINES = voices(make_field(Kind.LINE), LINE, LINE)


def settled(unit: Unit, row: Incident) -> Settled:
    """Merge and plan."""
    return settle(unit, row, merge(unit, row))


def only(unit: Unit, row: Incident) -> Operation:
    """Give the only operation planned."""
    (operation,) = settled(unit, row).operations
    return operation


# Updates.


def test_at_rest_nothing_is_planned() -> None:
    """Where every side says what was agreed, nothing is planned."""
    row = incident(says("a", "x", "x", "x"), says("b", "x", "x", "x"), f="x")
    outcome = settled(LINES, row)
    assert (outcome.operations, outcome.held, outcome.waiting) == ((), (), ())
    assert at_rest(outcome)


def test_the_others_are_written_to() -> None:
    """An edit on one side is sent to the other, with what that was assumed to say, and why."""
    row = incident(says("a", "y", "x", "x"), says("b", "x", "x", "x"), f="x")
    outcome = settled(LINES, row)
    operation = only(LINES, row)
    assert (operation.kind, operation.system, operation.incident) == ("update", "b", 7)
    assert operation.sent == {"f": Sent("p", "y", "y", assumed="x")}
    assert (operation.reason, operation.record, operation.mark) == ("f from a", "B-1", None)
    assert not operation.announced
    assert not at_rest(outcome)


def test_a_reason_names_every_source() -> None:
    """A reason says which fields come from where; values that nobody said are defaults."""
    rules = {name: Rule(Field(name, Kind.LINE), name) for name in ("f", "g", "h", "i")}
    unit = make_unit(Member("b", rules))
    base = {
        "f": Base("x", ("a", "c")),
        "g": Base("x", ("a", "c")),
        "h": Base("x"),
        "i": Base("y", ("c",)),
    }
    operation = only(unit, incident(Side("b", reference("b")), **base))
    assert operation.reason == "f, g from a and c; default h; i from c"


def test_a_word_that_agreed_once_is_kept() -> None:
    """A side that still says its shadow, and had agreed to the value, is not written (law 3)."""
    row = incident(says("a", "spelled", "spelled", "x"), f="x")
    assert settled(LINES, row).operations == ()
    assert agrees(LINES.members["a"], row.side("a"), "f", "x")
    assert not agrees(LINES.members["a"], row.side("a"), "f", "y")
    edited = replace(row.side("a"), shadow={"f": "other"})
    assert not agrees(LINES.members["a"], edited, "f", "x")


def test_a_coarse_word_is_kept() -> None:
    """``sev-3`` is not written again for ``minor``, nor SEV-0 for ``critical``."""
    known = make_field(Kind.CHOICE)
    unit = voices(known, make_rule(Kind.CHOICE, DEV_SEVERITY), make_rule(Kind.CHOICE, DOG_SEVERITY))
    row = incident(says("a", "sev-3", "sev-3", "low"), says("b", "SEV-5", "SEV-4", "low"), f="low")
    assert settled(unit, row).operations == ()
    row = incident(
        says("a", "sev-0", "sev-1", "high"), says("b", "SEV-0", "SEV-0", "high"), f="high"
    )
    assert settled(unit, row).operations == ()


def test_a_mute_word_is_not_written_over() -> None:
    """A word that stands for nothing known stays, whatever was agreed."""
    unit = voices(make_field(Kind.CHOICE), make_rule(Kind.CHOICE, DEV_SEVERITY))
    assert settled(unit, incident(says("a", "odd"), f="low")).operations == ()


def test_a_word_that_means_nothing_said_is_written_over() -> None:
    """A side that says nothing is told what was agreed."""
    unit = voices(make_field(Kind.CHOICE), make_rule(Kind.CHOICE, DOG_SEVERITY))
    operation = only(unit, incident(says("a", None), f="low"))
    assert operation.sent == {"f": Sent("p", "low", "SEV-4")}


def test_a_value_without_a_word_is_not_written() -> None:
    """A value that a system has no word for cannot be written to it."""
    unit = voices(make_field(Kind.CHOICE), make_rule(Kind.CHOICE, {"hi": ("high",)}))
    assert settled(unit, incident(says("a", "hi", "hi", "high"), f="low")).operations == ()


@pytest.mark.parametrize(
    "member",
    [
        Member("a", {"f": replace(LINE, direction=Direction.IN)}),
        Member("a", {"f": LINE}, Abilities(read_only=frozenset({"p"}))),
        Member("a", {"f": LINE}, writable=False),
    ],
)
def test_what_is_only_read_is_not_written(member: Member) -> None:
    """One-way rules, read-only paths and members that must not be written to are not."""
    row = incident(says("a", "x", "x", "x"), f="y")
    assert settled(make_unit(member), row).operations == ()


def test_what_is_only_written_is_set_right() -> None:
    """An edit where nobody listens is written over."""
    unit = make_unit(Member("a", {"f": replace(LINE, direction=Direction.OUT)}))
    operation = only(unit, incident(says("a", "z", "x", "x"), f="x"))
    assert operation.sent == {"f": Sent("p", "x", "x", assumed="z")}


@pytest.mark.parametrize("state", [{"gone": True}, {"doubt": True}])
def test_a_side_gone_or_in_doubt_is_not_written(state: dict[str, bool]) -> None:
    """Nothing is concluded from a side in doubt, and a record that is gone is left alone."""
    side = replace(says("a", "x", "x", "x"), **state)  # type: ignore[arg-type]
    outcome = settled(LINES, incident(side, f="y"))
    assert outcome.operations == ()
    assert at_rest(outcome) is side.gone


def test_a_side_with_an_open_intent_is_not_written() -> None:
    """There is at most one open intent for a system, and the incident is not at rest with it."""
    row = incident(says("a", "x", "x", "x"), f="y")
    intent = Intent(1, 7, "a", "update", {}, Mark("a", "", "uid7"), 60.0)
    outcome = settled(LINES, replace(row, intents=(intent,)))
    assert outcome.operations == ()
    assert not at_rest(outcome)


def test_a_field_that_waits_is_not_sent() -> None:
    """Of a field that waits for a person nothing is sent; the others flow."""
    rules = {"f": LINE, "g": Rule(Field("g", Kind.LINE), "q")}
    manual = {**rules, "f": replace(LINE, field=make_field(Kind.LINE, Decide.MANUAL))}
    unit = make_unit(*(Member(name, manual) for name in "abc"))
    sides = [says(s, w, "x", "x") for s, w in (("a", "y"), ("b", "z"), ("c", "x"))]
    outcome = settled(unit, incident(*sides, f="x", g="new"))
    assert [set(op.sent) for op in outcome.operations] == [{"g"}] * 3
    assert outcome.waiting == ("f",)
    rest = settle(unit, outcome.incident, {"f": Merged(waiting=(Candidate("y", ("a",), ""),))})
    assert not at_rest(replace(rest, operations=()))


@pytest.mark.parametrize(
    ("kind", "keeps", "word"),
    [(Kind.TEXT, "", True), (Kind.TEXT, "p", False), (Kind.LINE, "", False)],
)
def test_what_can_be_emptied_is(kind: Kind, keeps: str, word: bool) -> None:
    """Nothing is written where the field's type clears and the service can empty it."""
    rule = make_rule(kind)
    unit = make_unit(Member("a", {"f": rule}, Abilities(keeps=frozenset({keeps}))))
    operations = settled(unit, incident(says("a", "x", "x", "x"), f=None)).operations
    assert [op.sent["f"].word for op in operations] == [None] * word


def test_a_value_that_closes_makes_a_close() -> None:
    """An update that brings a field to a value that closes is a close."""
    unit = voices(make_field(Kind.LINE), LINE)
    unit = replace(unit, closes={"f": frozenset({"done"})})
    assert only(unit, incident(says("a", "x", "x", "x"), f="done")).kind == "close"
    assert only(unit, incident(says("a", "x", "x", "x"), f="y")).kind == "update"


# States.

STATUS = Rule(Field("status", Kind.CHOICE, order=tuple(SAME_STATUS)), "status", words=SAME_STATUS)
ENDED = Rule(Field("ended", Kind.LINE), "end")
STATED = Member(
    "a",
    {"status": STATUS, "ended": ENDED},
    Abilities(only_while={"end": While("status", frozenset({"resolved"}))}),
)


def in_state(now: str, *, agreed: str | None = None, was: str | None = None) -> Side:
    """Make a side in a state."""
    shadow = {"status": was or now}
    return Side("a", reference("a"), {"status": now}, {}, shadow, {"status": agreed or was or now})


@pytest.mark.parametrize(
    ("now", "value", "sent"),
    [
        ("active", "active", set()),
        ("active", "resolved", {"status", "ended"}),
        ("resolved", "resolved", {"ended"}),
        ("resolved", "active", {"status"}),
    ],
)
def test_a_field_is_sent_only_in_a_state_that_holds_it(
    now: str, value: str, sent: set[str]
) -> None:
    """What exists only while resolved is sent with the resolving, or to what is resolved."""
    outcome = settled(make_unit(STATED), incident(in_state(now), status=value, ended="noon"))
    assert {name for op in outcome.operations for name in op.sent} == sent


def test_a_state_that_nobody_knows_holds_everything() -> None:
    """Where no rule reads the state, the field is sent."""
    member = replace(STATED, rules={"ended": ENDED})
    assert only(make_unit(member), incident(says("a", None), ended="noon")).sent.keys() == {"ended"}


@pytest.mark.parametrize("why", ["waits", "kept"])
def test_a_state_that_is_not_written_holds_nothing(why: str) -> None:
    """What exists only while resolved is not sent where resolving waits, or was agreed before."""
    if why == "waits":
        row = incident(in_state("stable", was="active"), status="resolved", ended="noon")
        merged = {"status": Merged(waiting=(Candidate("stable", ("a",), ""),))}
    else:
        side = in_state("stable", agreed="resolved")
        row, merged = incident(side, status="resolved", ended="noon"), {}
    assert settle(make_unit(STATED), row, merged).operations == ()


# Creates.


def newcomer(
    *, able: Abilities | None = None, words: dict[str, Word] | None = None, **rules: Rule
) -> Member:
    """Make a member ``b`` that is given the incidents of ``a``."""
    made = Creation(frozenset({"a"}), words=words or {})
    named = {key: replace(rule, field=replace(rule.field, name=key)) for key, rule in rules.items()}
    return Member("b", named or {"f": LINE}, able or Abilities(), made)


def begun(*, title: str = "x", **base: Word) -> Incident:
    """Make an incident that began in ``a``."""
    return incident(says("a", title, title, title), f=title, **base)


def creating(member: Member, row: Incident | None = None) -> Settled:
    """Plan what a newcomer needs."""
    known = {name: rule.field for name, rule in member.rules.items()}
    unit = make_unit(Member("a", {"f": LINE}), member)
    unit = replace(unit, fields={**unit.fields, **known})
    return settle(unit, row or begun(), {})


def test_what_only_a_create_carries_is_never_updated() -> None:
    """A path that only a create can carry goes into the create, and into no update."""
    member = newcomer(able=Abilities(create_only=frozenset({"p"})))
    (operation,) = creating(member).operations
    assert operation.sent == {"f": Sent("p", "x", "x")}
    there = incident(says("a", "x", "x", "x"), says("b", "y", "y", "x"), f="x")
    assert creating(member, there).operations == ()


def test_a_side_that_should_exist_is_created() -> None:
    """A create says what was agreed, carries the mark of where it began, and gives the reason."""
    (operation,) = creating(newcomer()).operations
    assert (operation.kind, operation.system, operation.record) == ("create", "b", None)
    assert operation.sent == {"f": Sent("p", "x", "x")}
    assert operation.mark == Mark("a", "A-1", "uid7", "https://a/1", "2026-03-29T00:59:30Z")
    assert str(operation.mark) == "a:A-1/uid7"
    assert operation.reason == "a has A-1"
    assert carried(operation.sent, operation.extra) == {"p": "x"}


@pytest.mark.parametrize(
    "member",
    [
        replace(newcomer(), creation=None),
        replace(newcomer(), creation=Creation(frozenset({"c"}))),
        replace(newcomer(), creation=Creation(frozenset({"a"}), Is("f", frozenset({"y"})))),
        replace(newcomer(), creation=Creation(frozenset({"a"}), Is("g", frozenset({"x"})))),
        replace(newcomer(), writable=False),
    ],
)
def test_a_side_that_nobody_wants_is_not_created(member: Member) -> None:
    """Only what the configuration gives a system is created there."""
    outcome = creating(member)
    assert (outcome.operations, outcome.held) == ((), ())
    assert at_rest(outcome)


def test_a_condition_that_is_met_creates() -> None:
    """Where the condition's field has one of its values, the record is made."""
    when = Is("f", frozenset({"x", "y"}))
    assert creating(replace(newcomer(), creation=Creation(frozenset({"a"}), when))).operations


def test_an_incident_without_a_record_is_not_created() -> None:
    """When every record of an incident is gone, none is made."""
    gone = replace(says("a", "x", "x", "x"), gone=True)
    assert creating(newcomer(), incident(gone, f="x")).operations == ()


def test_what_a_system_requires_is_not_left_out() -> None:
    """A create that lacks what the service requires is held, and names it."""
    able = Abilities(required=frozenset({"p", "q", "r"}))
    outcome = creating(newcomer(able=able, f=LINE, g=Rule(Field("g", Kind.LINE), "q")))
    (held,) = outcome.held
    assert outcome.operations == ()
    assert (held.why, held.reason) == (Why.LACKING, "b requires q, r, and nothing says it")
    assert not at_rest(outcome)


def test_configured_words_are_in_every_new_record() -> None:
    """Configured words stand for whatever was agreed, and for paths that no field covers."""
    rule = make_rule(Kind.SET)
    member = newcomer(words={"p": "mine", "q": "extra"}, f=LINE, g=replace(rule, path="s"))
    (operation,) = creating(member, begun(g=("z",))).operations
    assert operation.sent["f"] == Sent("p", "x", "mine")
    assert operation.extra == {"q": "extra"}
    assert carried(operation.sent, operation.extra) == {"p": "mine", "q": "extra", "s": ("z",)}


def test_configured_words_are_left_alone() -> None:
    """A configured word that is not the agreed value is not written over after the create."""
    unit = make_unit(Member("a", {"f": LINE}), newcomer(words={"p": "mine"}))
    played = play(unit, begun())
    assert [op.kind for op in played.operations] == ["create"]
    assert played.incident.side("b").says == {"f": "mine"}


@pytest.mark.parametrize(
    ("rule", "value", "word"),
    [
        (make_rule(Kind.CHOICE, DEV_SEVERITY), None, "sev-2"),
        (make_rule(Kind.CHOICE, DEV_SEVERITY), "low", "sev-3"),
        (make_rule(Kind.CHOICE, {"sev-2": ("moderate",)}), "low", "sev-2"),
    ],
)
def test_a_default_is_sent_where_nothing_can_be_said(rule: Rule, value: Word, word: str) -> None:
    """The default fills in for a value that is missing, or that the system has no word for."""
    member = newcomer(g=replace(rule, path="g", default="sev-2"))
    (operation,) = creating(member, begun(g=value)).operations
    assert operation.sent == {"g": Sent("g", value, word)}


def test_a_default_is_sent_though_the_field_is_only_read() -> None:
    """A field that is only read still gets its default when a record is made."""
    member = newcomer(g=Rule(Field("g", Kind.LINE), "g", Direction.IN, default="made"))
    (operation,) = creating(member, begun(g="other")).operations
    assert operation.sent == {"g": Sent("g", "other", "made")}


def test_opened_is_when_the_first_record_was_made() -> None:
    """The default ``opened`` of an instant is the time of the record in which it began."""
    member = newcomer(g=replace(make_rule(Kind.INSTANT), default="opened"))
    (operation,) = creating(member).operations
    assert operation.sent == {"g": Sent("p", None, CHANGES[0])}


def test_opened_may_be_a_word() -> None:
    """For a field that is no instant, ``opened`` is a word like any other."""
    rule = make_rule(Kind.CHOICE, {"opened": ("active",), "closed": ("resolved",)})
    (operation,) = creating(newcomer(g=replace(rule, default="opened"))).operations
    assert operation.sent["g"].word == "opened"


def test_opened_may_be_unknown() -> None:
    """Where a service does not say when its record was made, there is no such default."""
    able = Abilities(required=frozenset({"p"}))
    member = newcomer(able=able, g=replace(make_rule(Kind.INSTANT), default="opened"))
    silent = replace(says("a", "x", "x", "x"), reference=replace(reference("a"), opened=""))
    (held,) = creating(member, incident(silent, f="x")).held
    assert held.why is Why.LACKING


def test_what_a_create_cannot_carry_is_lacking() -> None:
    """A required path that only a following update could write is lacking."""
    able = Abilities(required=frozenset({"p"}), born={"p": None})
    assert creating(newcomer(able=able)).operations == ()


BORN = Abilities(
    born={"status": "active", "end": None},
    only_while={"end": While("status", frozenset({"resolved"}))},
)


@pytest.mark.parametrize(
    ("status", "follows"),
    [("active", set()), ("stable", {"status"}), ("resolved", {"status", "ended"})],
)
def test_what_a_create_cannot_carry_is_announced(status: str, follows: set[str]) -> None:
    """An update follows a create for what that cannot carry, as far as the new state holds it."""
    member = newcomer(able=BORN, f=LINE, status=STATUS, ended=ENDED)
    create, *rest = creating(member, begun(status=status, ended="noon")).operations
    assert carried(create.sent, create.extra) == {"p": "x"}
    assert [set(op.sent) for op in rest] == [follows] * bool(follows)
    for follow in rest:
        assert follow.announced
        assert (follow.kind, follow.reason) == ("update", "what a create cannot carry")
        assert follow.sent["status"] == Sent("status", status, status, assumed="active")


def test_what_was_announced_is_done() -> None:
    """Once the record is there, the update that was announced is the one that is planned."""
    member = newcomer(able=BORN, f=LINE, status=STATUS, ended=ENDED)
    unit = replace(
        make_unit(Member("a", {"f": LINE}), member), closes={"status": frozenset({"resolved"})}
    )
    played = play(unit, begun(status="resolved", ended="noon"))
    announced = played.rounds[0].operations[1]
    done = played.rounds[1].operations[0]
    assert (done.kind, done.sent, done.checksum) == ("close", announced.sent, announced.checksum)
    assert played.incident.side("b").says == {"f": "x", "status": "resolved", "ended": "noon"}
    assert at_rest(played.rounds[2])


def test_a_field_that_waits_is_not_in_a_create() -> None:
    """A create says nothing of a field that waits for a person."""
    outcome = settle(
        make_unit(Member("a", {"f": LINE}), newcomer()),
        begun(),
        {"f": Merged(waiting=(Candidate("y", ("a",), ""),))},
    )
    assert outcome.operations[0].sent == {}


@pytest.mark.parametrize("gone", [True, False])
def test_a_mark_names_where_it_began(gone: bool) -> None:
    """The mark names the record in which it began, even if that is gone; or none, if unknown."""
    first = [replace(says("a", "x", "x", "x"), gone=True)] if gone else []
    row = incident(*first, says("c", "x", "x", "x"), f="x")
    (operation,) = creating(newcomer(), row).operations
    assert operation.mark is not None
    assert (operation.mark.origin, operation.mark.display) == ("a", "A-1" if gone else "")


# Laws of every plan.


@given(incidents())
def test_settling_comes_to_rest(row: Incident) -> None:
    """After at most three rounds of writes to faithful services, nothing is left to do."""
    played = play(UNIT, row)
    assert played.rounds[3].operations == ()
    assert played.rounds[3].incident == played.rounds[2].incident
    assert at_rest(played.rounds[3]) or played.rounds[3].held


@given(incidents())
def test_a_side_that_agrees_is_never_written(row: Incident) -> None:
    """No update sends a field that agreed, and each sends the word that the value is put as."""
    for each in play(UNIT, row).rounds:
        for op in each.operations:
            if op.kind == "create" or op.announced:
                continue
            member, side = UNIT.members[op.system], each.incident.side(op.system)
            for name, sent in op.sent.items():
                assert sent.value == each.incident.value(name)
                assert sent.word == member.rules[name].put(sent.value)
                assert sent.assumed == side.says.get(name)
                assert not agrees(member, side, name, sent.value)
                assert member.writes(name)


@given(incidents())
def test_no_field_is_sent_twice(row: Incident) -> None:
    """No field is sent to a system twice, whatever was edited."""
    sent = [
        (op.system, each.path)
        for op in play(UNIT, row).operations
        for each in op.sent.values()
        if each.carried
    ]
    assert len(sent) == len(set(sent))


@given(incidents())
def test_at_rest_everybody_agrees(row: Incident) -> None:
    """In the end each side agrees with base in all that it can be told."""
    end = play(UNIT, row).incident
    for member in UNIT.members.values():
        side = end.side(member.name)
        if not side.live:
            continue
        for name, rule in member.rules.items():
            value, own = end.value(name), side.says.get(name)
            free = member.writes(name) and member.holds(name, side.says) and not rule.mute(own)
            if name in end.base and value is not None and free:
                assert agrees(member, side, name, value)


@given(incidents(), st.data())
def test_an_edit_in_one_place_reaches_the_others(row: Incident, data: st.DataObject) -> None:
    """From rest, a new title on one side is base in the end, and is written once to each other."""
    end = play(UNIT, row).incident
    there = [name for name, side in end.sides.items() if side.live]
    if not there or not at_rest(settled(UNIT, end)):
        return
    name = data.draw(st.sampled_from(there))
    side = end.sides[name]
    edited = replace(
        side, says={**side.says, "title": "Reborn"}, says_at={**side.says_at, "title": "9"}
    )
    played = play(UNIT, replace(end, sides={**end.sides, name: edited}))
    assert played.incident.value("title") == "Reborn"
    systems = [op.system for op in played.operations]
    assert name not in systems
    assert len(systems) == len(set(systems))


@pytest.mark.parametrize("kind", [Kind.LINE, Kind.CHOICE])
def test_a_service_that_keeps_nothing_changes_nothing(kind: Kind) -> None:
    """A service that takes a write and ignores it is not written for ever, and empties nobody."""
    rule = make_rule(kind)
    row = incident(says("a", "x", "x", "x"), says("b", None), f="x")
    played = play(voices(make_field(kind), rule, rule), row, deaf="b")
    assert played.incident.value("f") == "x"
    assert played.rounds[3].operations == ()


def test_applying_leaves_the_rest() -> None:
    """What a merge does not speak of stays as it is."""
    row = incident(says("a", "x", "x", "x"), f="x")
    assert apply(row, {}) == row
    assert apply(row, {"f": Merged()}) == row
