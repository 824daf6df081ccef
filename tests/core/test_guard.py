"""Guard: too much change is held, not done and not dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.guard import FEW, Guarded, Waiting, guard
from instep.core.model import Sent
from instep.core.plan import Operation, Why
from instep.core.unit import Limits

LIMITS = Limits(creates=2, updates=3, closes=1, share=0.1)
NONE: Mapping[tuple[int, str, str], Waiting] = {}


def op(
    incident: int,
    kind: str = "update",
    system: str = "a",
    word: str = "x",
    *,
    follows: bool = False,
) -> Operation:
    """Make an operation."""
    sent = {"f": Sent("p", word, word)}
    return Operation(kind, system, incident, sent, "because", "A-1", follows=follows)


def run(
    *operations: Operation,
    limits: Limits = LIMITS,
    linked: int = 0,
    waiting: Mapping[tuple[int, str, str], Waiting] = NONE,
    spent: Counter[tuple[str, str]] | None = None,
    approved: bool = False,
) -> Guarded:
    """Guard operations on a system with so many linked records."""
    return guard(
        operations,
        limits,
        {"a": linked, "b": linked},
        waiting=waiting,
        spent=Counter() if spent is None else spent,
        approved=approved,
    )


@pytest.mark.parametrize(
    ("kind", "limit", "name"),
    [("create", 2, "creates = 2"), ("update", 3, "updates = 3"), ("close", 1, "closes = 1")],
)
def test_each_kind_has_its_limit(kind: str, limit: int, name: str) -> None:
    """Over the limit of its kind, an operation is held and says which limit that was."""
    guarded = run(*(op(i, kind) for i in range(5)))
    assert [o.incident for o in guarded.passed] == list(range(limit))
    assert {(h.why, h.reason) for h in guarded.held} == {(Why.LIMIT, f"over limits.{name}")}


def test_the_oldest_go_first() -> None:
    """In whatever order operations come, those of the oldest incidents are let through."""
    guarded = run(*(op(i) for i in (5, 3, 1, 4, 2)))
    assert [o.incident for o in guarded.passed] == [1, 2, 3]
    assert [h.operation.incident for h in guarded.held] == [4, 5]


def test_each_system_has_its_own_limits() -> None:
    """What one system is spared says nothing of another."""
    guarded = run(*(op(i, system=s) for i in range(4) for s in "ab"))
    assert Counter(o.system for o in guarded.passed) == {"a": 3, "b": 3}


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
    assert len(run(*(op(i, "create") for i in range(5)), linked=FEW // 2 * 2).passed) == 2
    assert len(run(op(1, "create"), limits=replace(LIMITS, share=0.0), linked=FEW).passed) == 1
    assert run(op(1, "close"), limits=replace(LIMITS, share=0.0), linked=FEW).passed == ()


def test_what_was_spent_counts() -> None:
    """Passes of one run share its limits: what was let through before is counted, and on."""
    spent = Counter({("a", "update"): 2})
    guarded = run(op(1), op(2), op(3, "create"), spent=spent)
    assert [o.incident for o in guarded.passed] == [1, 3]
    assert spent == {("a", "update"): 3, ("a", "create"): 1}


def test_what_was_held_stays_held() -> None:
    """Held once, an operation waits for a person, however much room there is by now."""
    waiting = {(1, "a", "update"): Waiting(Why.LIMIT, "other", "over limits.updates = 3")}
    guarded = run(op(1), op(2), waiting=waiting)
    assert [o.incident for o in guarded.passed] == [2]
    assert guarded.held[0].reason == "over limits.updates = 3"
    assert run(op(1), waiting=waiting, approved=True).passed == (op(1),)


def test_refused_words_stay_refused() -> None:
    """Words that the service refused are not sent again; other words are."""
    before = Waiting(Why.REFUSED, op(1).checksum, "name too short")
    waiting = {(1, "a", "update"): before}
    spent = Counter[tuple[str, str]]()
    (held,) = run(op(1), waiting=waiting, spent=spent).held
    assert (held.why, held.reason, held.operation) == (Why.REFUSED, "name too short", op(1))
    assert spent["a", "update"] == 0
    assert run(op(1, word="y"), waiting=waiting).passed
    assert not run(op(1), waiting=waiting, approved=True).passed


def test_what_lacked_something_is_tried_again() -> None:
    """What was held because something was lacking goes through once nothing is."""
    assert run(op(1), waiting={(1, "a", "update"): Waiting(Why.LACKING, "", "requires p")}).passed


def test_approval_lets_all_through_and_counts() -> None:
    """An approval lifts every limit once; what it lets through is counted."""
    spent = Counter[tuple[str, str]]()
    assert len(run(*(op(i) for i in range(9)), spent=spent, approved=True).passed) == 9
    assert spent["a", "update"] == 9


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
    waiting = {again.key: Waiting(Why.REFUSED, again.checksum, "no such status")}
    assert run(again, waiting=waiting).passed == ()


kinds = st.sampled_from(("create", "update", "close"))
many = st.lists(
    st.builds(op, st.integers(1, 9), kinds, st.sampled_from("ab")), unique_by=lambda o: o.key
)


@given(many, st.sampled_from((0, 25)))
def test_nothing_is_dropped(operations: list[Operation], linked: int) -> None:
    """Every operation is either let through or held, once; and no limit is passed."""
    guarded = run(*operations, linked=linked)
    every = [*guarded.passed, *(held.operation for held in guarded.held)]
    assert sorted(o.key for o in every) == sorted(o.key for o in operations)
    count = Counter((o.system, o.kind) for o in guarded.passed)
    for (_, kind), passed in count.items():
        assert passed <= {"create": 2, "update": 2 if linked else 3, "close": 1}[kind]


@given(many)
def test_what_is_held_stays_held_however_often(operations: list[Operation]) -> None:
    """Guarding again what was held lets nothing more through, until a person approves."""
    held = run(*operations).held
    waiting = {h.operation.key: Waiting(h.why, h.operation.checksum, h.reason) for h in held}
    again = run(*(h.operation for h in held), waiting=waiting)
    assert again.passed == ()
    assert again.held == held
    assert run(*(h.operation for h in held), waiting=waiting, approved=True).held == ()
