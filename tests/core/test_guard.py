"""Guard: too much change is held, not done and not dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.guard import FEW, Guarded, Key, Waiting
from instep.core.operation import Operation, Why
from instep.core.unit import Limits
from tests.core.guarding import LIMITS, op, remembered, run, waits

# Limits.


@pytest.mark.parametrize(
    ("kind", "limit", "name"),
    [
        ("create", 2, "creates = 2"),
        ("update", 3, "updates = 3"),
        ("close", 1, "closes = 1"),
        ("delete", 1, "deletes = 1"),
    ],
)
def test_each_kind_has_its_limit(kind: str, limit: int, name: str) -> None:
    """Over the limit of its kind, an operation is held and says which limit that was."""
    guarded = run(*(op(i, kind) for i in range(5)))
    assert [o.incident for o in guarded.passed] == list(range(limit))
    assert {(h.why, h.reason) for h in guarded.held} == {(Why.LIMIT, f"over limits.{name}")}


def test_the_first_go_first() -> None:
    """Operations are let through in the order in which they come: the oldest incident first."""
    guarded = run(*(op(i) for i in (5, 3, 1, 4, 2)))
    assert [o.incident for o in guarded.passed] == [5, 3, 1]
    assert [h.operation.incident for h in guarded.held] == [4, 2]


def test_each_system_is_counted_apart() -> None:
    """What one system is spared says nothing of another."""
    guarded = run(*(op(i, system=s) for i in range(4) for s in "ab"))
    assert Counter(o.system for o in guarded.passed) == {"a": 3, "b": 3}


def test_limits_of_a_system_s_own_stand_in_place_of_all_others() -> None:
    """A system with limits of its own is bounded by those alone, the others by the unit's."""
    guarded = run(*(op(i, system=s) for i in range(4) for s in "ab"), own=Limits(updates=1))
    assert Counter(o.system for o in guarded.passed) == {"a": 1, "b": 3}
    assert {h.reason for h in guarded.held if h.operation.system == "a"} == {
        "over limits.updates = 1"
    }
    wider = run(*(op(i) for i in range(9)), own=Limits(updates=9, share=1.0), linked=FEW)
    assert len(wider.passed) == 9


@pytest.mark.parametrize(
    ("records", "passed"), [(0, 3), (FEW - 1, 3), (FEW, 2), (29, 2), (30, 3), (1000, 3)]
)
def test_a_share_counts_once_there_are_enough(records: int, passed: int) -> None:
    """Updates are bounded by a share of the linked records, where a share means something."""
    guarded = run(*(op(i) for i in range(5)), linked=records)
    assert len(guarded.passed) == passed
    share = f"over limits.share = 10% of {records} records"
    assert (guarded.held[0].reason == share) is (passed == 2)


def test_a_share_does_not_bound_creates() -> None:
    """Creates are bounded by count alone: a system may begin empty."""
    shut = replace(LIMITS, share=0.0)
    assert len(run(*(op(i, "create") for i in range(5)), linked=FEW).passed) == 2
    assert run(op(1, "create"), limits=shut, linked=FEW).passed
    for kind in ("update", "close", "delete"):
        assert run(op(1, kind), limits=shut, linked=FEW).passed == ()


def test_what_was_spent_counts() -> None:
    """Passes of one run share its limits: what was let through before is counted, and on."""
    spent = Counter({("a", "update"): 2})
    guarded = run(op(1), op(2), op(3, "create"), spent=spent)
    assert [o.incident for o in guarded.passed] == [1, 3]
    assert spent == {("a", "update"): 3, ("a", "create"): 1}


def test_what_was_held_stays_held() -> None:
    """Held once, an operation waits for a person, however much room there is by now."""
    waiting = waits(op(1), Why.LIMIT)
    guarded = run(op(1), op(2), waiting=waiting)
    assert [o.incident for o in guarded.passed] == [2]
    assert guarded.held[0].reason == "it is limit"
    assert run(op(1, word="y"), waiting=waiting).passed == ()


def test_an_update_that_was_held_stays_held_as_a_close() -> None:
    """An update over a limit that has become a close since is no way round that limit."""
    waiting = waits(op(1), Why.LIMIT)
    (held,) = run(op(1, "close"), waiting=waiting).held
    assert (held.operation.kind, held.reason) == ("close", "it is limit")
    assert run(op(1, "delete"), waiting=waiting).passed


# Approvals.


@pytest.mark.parametrize("kind", ["create", "update", "close", "delete"])
@pytest.mark.parametrize("why", [Why.LIMIT, Why.ALIKE])
def test_what_a_person_approved_goes(kind: str, why: Why) -> None:
    """Approved words are let through past limits and looks, and count against no limit."""
    spent = Counter[tuple[str, str]]()
    shut, alike = Limits(0, 0, 0, 0), {(1, "a"): "A-2 looks the same"}
    waiting = waits(op(1, kind), why, again=9.0)
    assert run(op(1, kind), waiting=waiting, limits=shut, alike=alike).passed == ()
    approved = {key: replace(w, approved=w.checksum) for key, w in waiting.items()}
    name = op(1, kind).checksum
    for known, names in ((approved, ()), (waiting, (name,))):
        guarded = run(
            op(1, kind), waiting=known, approved=names, limits=shut, alike=alike, spent=spent
        )
        assert (guarded.passed, guarded.held) == ((op(1, kind),), ())
    assert not +spent


def test_what_was_approved_and_then_refused_waits_for_its_time() -> None:
    """A service's refusal stands above a person's word, which counts again once it is time."""
    waiting = waits(op(1), Why.REFUSED, again=9.0)
    approved = {key: replace(w, approved=w.checksum) for key, w in waiting.items()}
    shut = Limits(0, 0, 0, 0)
    assert run(op(1), waiting=approved, limits=shut, now=8.0).passed == ()
    assert run(op(1), waiting=approved, limits=shut, now=9.0).passed == (op(1),)
    assert run(op(1), waiting=waiting, limits=shut, now=9.0).passed == ()


def test_an_approval_takes_no_room() -> None:
    """What a person approved leaves the limits of the run to the others."""
    names = {op(i).checksum for i in range(1, 8)}
    spent = Counter[tuple[str, str]]()
    guarded = run(*(op(i) for i in range(1, 12)), approved=names, spent=spent)
    assert [o.incident for o in guarded.passed] == list(range(1, 11))
    assert spent == {("a", "update"): 3}


def test_an_approval_is_worth_nothing_for_other_words() -> None:
    """What a person did not look at is not let through: other words, or another place."""
    waiting = waits(op(1), Why.LIMIT)
    waiting = {key: replace(w, approved=w.checksum) for key, w in waiting.items()}
    assert run(op(1), waiting=waiting).passed
    (held,) = run(op(1, word="y"), waiting=waiting).held
    assert held.why is Why.LIMIT
    shut = Limits(0, 0, 0, 0)
    for other in (op(1, word="y"), op(2), op(1, system="b"), op(1, "close"), op(1, names="fg")):
        assert run(other, limits=shut, approved={op(1).checksum}).passed == ()


# Refusals.


def test_refused_words_wait_until_they_are_tried_again() -> None:
    """Words that the service refused wait, as often as they were tried, and then go again."""
    waiting = waits(op(1), Why.REFUSED, tries=2, again=100.0)
    spent = Counter[tuple[str, str]]()
    (held,) = run(op(1), waiting=waiting, spent=spent, now=99.9).held
    assert (held.why, held.reason, held.operation) == (Why.REFUSED, "it is refused", op(1))
    assert (held.tries, held.again) == (2, 100.0)
    assert not +spent
    assert run(op(1), waiting=waiting, now=100.0).passed == (op(1),)


def test_other_words_than_the_refused_go_at_once() -> None:
    """Other words than those that the service refused are tried, though it be given up."""
    for why in (Why.REFUSED, Why.DEAD):
        waiting = waits(op(1), why, tries=4, again=100.0)
        assert run(op(1, word="y"), waiting=waiting).passed


def test_dead_words_are_not_tried() -> None:
    """What is given up is not tried again, however long it has waited."""
    waiting = waits(op(1), Why.DEAD, tries=5)
    (held,) = run(op(1), waiting=waiting, now=1e12).held
    assert (held.why, held.tries) == (Why.DEAD, 5)


def test_a_new_try_is_within_the_limits() -> None:
    """What is tried again is counted like all else, and waits where there is no room."""
    waiting = waits(op(1), Why.REFUSED, again=1.0)
    spent = Counter[tuple[str, str]]()
    assert run(op(1), waiting=waiting, now=1.0, spent=spent).passed
    assert spent == {("a", "update"): 1}
    (held,) = run(op(1), waiting=waiting, now=1.0, limits=Limits(updates=0)).held
    assert held.why is Why.LIMIT


def test_what_lacked_something_is_tried_again() -> None:
    """What was held because something was lacking goes through once nothing is."""
    assert run(op(1), waiting=waits(op(1), Why.LACKING)).passed


# Creates.


def test_only_creates_wait_for_what_looks_alike() -> None:
    """A create waits where a record looks the same; what is there already is written to."""
    alike = {(1, "a"): "A-2 looks the same"}
    (held,) = run(op(1, "create"), alike=alike).held
    assert (held.why, held.reason) == (Why.ALIKE, "A-2 looks the same")
    others = (op(1), op(1, "close"), op(1, "delete"), op(1, "create", "b"), op(2, "create"))
    assert run(*others, alike=alike).held == ()


def test_what_no_longer_looks_alike_is_made() -> None:
    """Once the record that looked the same is linked elsewhere, the create goes by itself."""
    waiting = waits(op(1, "create"), Why.ALIKE)
    assert run(op(1, "create"), waiting=waiting).passed


def test_what_completes_a_create_is_part_of_it() -> None:
    """An update that follows its create goes with it, is not counted, and is not held apart."""
    spent = Counter[tuple[str, str]]()
    pairs = [o for i in range(3) for o in (op(i, "create"), op(i, follows=True))]
    guarded = run(*pairs, spent=spent, limits=replace(LIMITS, updates=0))
    assert guarded.passed == tuple(pairs[:4])
    assert spent == {("a", "create"): 2}
    assert [(h.operation.kind, h.why) for h in guarded.held] == [("create", Why.LIMIT)]


def test_one_side_waits_for_its_own_create_only() -> None:
    """A create that is held in one system holds nothing of another."""
    operations = (op(1, "create"), op(1, system="b", follows=True))
    guarded = run(*operations, limits=replace(LIMITS, creates=0))
    assert guarded.passed == operations[1:]


def test_refused_words_are_not_completed() -> None:
    """Words that the service refused are not sent again as what completes a create, either."""
    again = op(1, follows=True)
    assert run(again, waiting=waits(again, Why.REFUSED, again=9.0)).passed == ()


# Laws.

kinds = st.sampled_from(("create", "update", "close", "delete"))
names = st.sampled_from(("f", "g", "fg", "fgh"))
#: At most one for each record, as in every plan.
many = st.lists(
    st.builds(op, st.integers(1, 9), kinds, st.sampled_from("ab"), names=names),
    unique_by=lambda o: o.key[:2],
)


@st.composite
def memories(draw: st.DrawFn, operations: list[Operation]) -> dict[Key, Waiting]:
    """Draw what the ledger remembers of operations: held for anything, approved or not."""
    found = {}
    for each in operations:
        why = draw(st.sampled_from((None, Why.LIMIT, Why.REFUSED, Why.DEAD, Why.FLAP)))
        if why is not None:
            (key,) = waits(each, why)
            checksum = draw(st.sampled_from((each.checksum, "other")))
            found[key] = Waiting(
                why,
                checksum,
                "before",
                draw(st.sampled_from(("", checksum))),
                again=draw(st.sampled_from((0.0, 9.0))),
                fields={"f": "x"},
            )
    return found


@given(many, st.sampled_from((0, 25)), st.data())
def test_nothing_is_dropped_and_nothing_is_twice(
    operations: list[Operation], linked: int, data: st.DataObject
) -> None:
    """Whatever is known, every field of every operation is let through or held, just once."""
    waiting = data.draw(memories(operations))
    flaps = st.sampled_from(("", "to and fro"))
    guarded = run(
        *operations,
        linked=linked,
        waiting=waiting,
        approved={o.checksum for o in operations if data.draw(st.booleans())},
        flapping={(o.incident, o.system, n): data.draw(flaps) for o in operations for n in o.sent},
        alike={(o.incident, o.system): "alike" for o in operations if data.draw(st.booleans())},
        now=5.0,
    )
    assert _parts(guarded) == Counter(part for o in operations for part in _part(o))
    keys = [o.key for o in guarded.passed]
    assert len(keys) == len(set(keys))
    assert len({h.key for h in guarded.held}) == len(guarded.held)


def _parts(guarded: Guarded) -> Counter[tuple[object, ...]]:
    """Count all that was let through or held, field by field."""
    every = [*guarded.passed, *(held.operation for held in guarded.held)]
    return Counter(part for each in every for part in _part(each))


def _part(operation: Operation) -> list[tuple[object, ...]]:
    """Name what an operation sends, field by field; one that sends nothing is one part."""
    if not operation.sent:
        return [(operation.key,)]
    return [(operation.key, name, s.path, s.word) for name, s in operation.sent.items()]


@given(many, st.sampled_from((0, 25)))
def test_no_limit_is_passed(operations: list[Operation], linked: int) -> None:
    """Without a person's word, no more of a kind goes to a system than its limit says."""
    guarded = run(*operations, linked=linked)
    count = Counter((o.system, o.kind) for o in guarded.passed)
    for (_, kind), passed in count.items():
        assert passed <= {"create": 2, "update": 2 if linked else 3, "close": 1, "delete": 1}[kind]


@given(many)
def test_what_is_held_stays_held_however_often(operations: list[Operation]) -> None:
    """Guarding again what was held lets nothing more through, until a person approves."""
    held = run(*operations).held
    again = run(*(h.operation for h in held), waiting=remembered(*held))
    assert (again.passed, again.held) == ((), held)
    approved = remembered(*held, approved=True)
    assert run(*(h.operation for h in held), waiting=approved).held == ()
