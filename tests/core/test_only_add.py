"""Only add: a system to whose sets names are added, and from which none is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.abilities import Abilities
from instep.core.fields import Decide, Kind
from instep.core.merge import merge_field
from instep.core.model import Base, Incident, Word
from instep.core.plan import agrees, at_rest, settle
from instep.core.rules import Direction, Rule
from instep.core.unit import Creation, Member, Unit
from tests.core.make import (
    NAMES,
    Played,
    incident,
    incidents,
    make_field,
    make_rule,
    make_unit,
    play,
    says,
    voices,
)

KEEPER, PLAIN = make_rule(Kind.SET, only_add=True), make_rule(Kind.SET)
#: Two own names for one common name.
TAGGED = make_rule(Kind.SET, NAMES, only_add=True)
#: In "a" names are only added; "b" and "c" say what was agreed.
UNIT = voices(make_field(Kind.SET, Decide.UNION), KEEPER, PLAIN, PLAIN)
NEWEST = voices(make_field(Kind.SET), KEEPER, PLAIN, PLAIN)


def unset(names: Iterable[str]) -> Word:
    """Spell a set of names as it stands in a record."""
    return tuple(sorted(names)) or None


def edited(row: Incident, system: str, names: Iterable[str], at: str = "5") -> Incident:
    """Have a person change what one record says."""
    now = unset(names)
    side = replace(
        row.side(system), says={} if now is None else {"f": now}, says_at={"f": at}, seen=9
    )
    return replace(row, sides={**row.sides, system: side})


def resting(*names: str, more: tuple[str, ...] = ()) -> Incident:
    """Make an incident at rest of which "a" holds more than was agreed."""
    value, held = unset(names), unset({*names, *more})
    return incident(
        says("a", held, held, held), says("b", value, value, value), says("c", value, value, value),
        f=value,
    )  # fmt: skip


def said(played: Played) -> list[Word]:
    """Give what each record says in the end."""
    return [played.incident.side(name).says.get("f") for name in "abc"]


# What is written.


@pytest.mark.parametrize(
    ("rule", "value", "own", "word"),
    [
        (KEEPER, ("api",), None, ("api",)),
        (KEEPER, ("api",), ("db",), ("api", "db")),
        (KEEPER, ("api", "web"), ("web", "zoo"), ("api", "web", "zoo")),
        (KEEPER, None, ("db",), ("db",)),
        (KEEPER, None, None, None),
        (KEEPER, ("api",), 5, ("api",)),
        (TAGGED, ("api", "db"), ("Web", "x"), ("API", "Web", "db", "x")),
        (TAGGED, ("api", "web"), ("WEB",), ("API", "WEB")),
        (PLAIN, ("api",), ("db",), ("api",)),
        (PLAIN, None, ("db",), None),
    ],
)
def test_names_are_written_beside_those_that_are_there(
    rule: Rule, value: Word, own: Word, word: Word
) -> None:
    """What lacks is added, in own names; a name that is there in another own word does not lack."""
    assert rule.over(value, own) == word


@pytest.mark.parametrize(
    ("own", "value", "does"),
    [
        (("api", "db"), ("api",), True),
        (("db",), None, True),
        (("db",), ("api",), False),
        (None, ("api",), False),
        (None, None, True),
    ],
)
def test_who_holds_more_agrees(own: Word, value: Word, does: bool) -> None:
    """A record that holds all names, and others beside, is not written; an empty one is."""
    row = incident(says("a", own), says("b", own), f=value)
    assert agrees(UNIT.members["a"], row.side("a"), "f", value) is does
    assert agrees(UNIT.members["b"], row.side("b"), "f", value) is (own == value)


# What is heard.


@pytest.mark.parametrize("unit", [UNIT, NEWEST])
@pytest.mark.parametrize(
    ("now", "base"),
    [
        (("api", "db", "new"), ("api", "new")),
        (("db",), None),
        (None, None),
        (("db", "new"), ("new",)),
        (("api",), ("api",)),
        (("api", "zoo"), ("api", "zoo")),
    ],
)
def test_what_was_done_to_it_is_done_to_all(unit: Unit, now: Word, base: Word) -> None:
    """Names that came there come everywhere, those that went go; the rest stays among itself."""
    row = edited(resting("api", more=("db",)), "a", now if isinstance(now, tuple) else ())
    played = play(unit, row)
    assert played.incident.value("f") == base
    assert said(played) == [now, base, base]


def test_a_new_record_brings_all_its_names() -> None:
    """Of a record that is heard for the first time every name counts, beside what was agreed."""
    value = ("api",)
    row = incident(says("a", ("db",)), says("b", value, value, value), f=value)
    played = play(UNIT, row)
    assert said(played) == [("api", "db"), ("api", "db"), None]


@pytest.mark.parametrize("unit", [UNIT, NEWEST])
def test_a_name_removed_elsewhere_stays_there_and_there_only(unit: Unit) -> None:
    """A removal does not reach the record that is only added to, and does not come back from it."""
    played = play(unit, edited(resting("api", "db"), "b", ["api"]))
    assert said(played) == [("api", "db"), ("api",), ("api",)]
    again = play(unit, edited(played.incident, "a", ["api", "db", "new"], "6"))
    assert said(again) == [("api", "db", "new"), ("api", "new"), ("api", "new")]
    assert {op.system for op in again.operations} == {"b", "c"}


def test_what_only_it_holds_is_nobodys_edit() -> None:
    """A name that only it held goes without a word, and no edit elsewhere is lost to that."""
    row = edited(resting("api", more=("db", "zoo")), "a", ["api", "zoo"], "6")
    merged = merge_field(NEWEST, edited(row, "b", ["api", "web"], "5"), NEWEST.fields["f"])
    assert merged.losers == ()
    assert merged.base == Base(("api", "web"), ("b",), "5")
    assert play(NEWEST, row).operations == []


def test_a_name_that_it_was_not_told_of_yet_can_be_removed() -> None:
    """Names that it lacks yet are not put forward by an edit there, against who removes them."""
    row = incident(
        says("a", ("db", "new", "web"), ("db", "web"), ("db", "web"), "5"),
        says("b", ("web",), ("api", "web"), ("api", "web"), "5"),
        f=("api", "web"),
    )
    merged = merge_field(UNIT, row, UNIT.fields["f"])
    assert merged.base is not None
    assert merged.base.value == ("new", "web")


def test_a_record_that_holds_more_is_never_late() -> None:
    """It cannot agree to less than it holds, so its edit is weighed like any other."""
    row = edited(resting("api", more=("db",)), "a", ["api", "db", "new"], "1")
    late = replace(row, base={"f": Base(("api",), ("c",), "9")})
    assert merge_field(NEWEST, late, NEWEST.fields["f"]).base == Base(("api", "new"), ("a",), "1")


def test_what_is_not_heard_is_only_added_to() -> None:
    """Where the rule writes only, what people add there stays there."""
    deaf = replace(KEEPER, direction=Direction.OUT)
    unit = voices(make_field(Kind.SET, Decide.UNION), deaf, PLAIN, PLAIN)
    row = edited(edited(resting("api"), "a", ["mine"]), "b", ["api", "web"])
    assert said(play(unit, row)) == [("api", "mine", "web"), ("api", "web"), ("api", "web")]


def test_a_service_that_cannot_be_emptied_is_left_alone() -> None:
    """Nothing said means nothing where a service cannot empty the field: the names return."""
    member = replace(UNIT.members["a"], abilities=Abilities(keeps=frozenset({"p"})))
    unit = replace(UNIT, members={**UNIT.members, "a": member})
    played = play(unit, edited(resting("api", more=("db",)), "a", []))
    assert said(played) == [("api",)] * 3


def test_a_new_record_is_given_what_was_agreed() -> None:
    """A create sends the names that were agreed."""
    member = Member("a", {"f": KEEPER}, creation=Creation(frozenset({"b"})))
    unit = make_unit(member, Member("b", {"f": PLAIN}))
    row = replace(incident(says("b", ("web",), ("web",), ("web",)), f=("web",)), origin="b")
    (operation,) = settle(unit, row, {}).operations
    assert operation.sent["f"].word == ("web",)


# Laws.

EDITS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.booleans(), st.sampled_from(("api", "web", "db", "cache"))
    ),
    max_size=6,
)


@pytest.mark.parametrize("unit", [UNIT, NEWEST])
@given(edits=EDITS, more=st.sets(st.sampled_from(("api", "db", "zoo"))))
def test_names_travel_as_people_mean_them(
    unit: Unit, edits: list[tuple[str, bool, str]], more: set[str]
) -> None:
    """Additions go everywhere; removals go everywhere but there; and each edit is at rest then."""
    row = resting(more=tuple(sorted(more)))
    agreed, held = set[str](), set(more)
    for at, (system, adds, name) in enumerate(edits, 1):
        own = held if system == "a" else agreed
        if (name in own) is adds:
            # Nobody can add what is there, or take away what is not.
            continue
        row = edited(row, system, own | {name} if adds else own - {name}, str(at))
        if adds or system == "a":
            held = held | {name} if adds else held - {name}
        agreed = agreed | {name} if adds else agreed - {name}
        played = play(unit, row)
        row = played.incident
        assert said(played) == [unset(held), unset(agreed), unset(agreed)]
        assert len({op.system for op in played.operations}) == len(played.operations)
        assert at_rest(played.rounds[-1])


@given(row=incidents(UNIT))
def test_no_name_is_ever_taken_away(row: Incident) -> None:
    """Whatever was heard and agreed, what is written there has every name that was there."""
    for operation in play(UNIT, row).operations:
        for sent in operation.sent.values():
            if operation.system == "a" and isinstance(sent.assumed, tuple):
                assert isinstance(sent.word, tuple)
                assert set(sent.assumed) < set(sent.word)


@given(row=incidents(UNIT))
def test_what_is_only_added_to_comes_to_rest(row: Incident) -> None:
    """After at most two rounds nothing is left to do, and every side agrees."""
    played = play(UNIT, row)
    assert played.rounds[2].operations == ()
    assert at_rest(played.rounds[3])
    for member in UNIT.members.values():
        side = played.incident.side(member.name)
        if side.live and "f" in played.incident.base:
            assert agrees(member, side, "f", played.incident.value("f"))
