"""Retry: later and later, the same whoever asks, and given up only on a service's word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instep.core.operation import Held, Why
from instep.core.retry import FIRST, LONGEST, TRIES, UNANSWERED, refused
from tests.core.guarding import op

NOW = 1_000_000.0
SPREAD = 0.25

words = st.text(max_size=3)
refusals = st.builds(op, st.integers(1, 10**6), system=st.sampled_from("ab"), word=words).map(
    lambda operation: Held(operation, Why.REFUSED, "no such status")
)


def wait(held: Held, before: int, *, answered: bool) -> float:
    """Give the seconds until the next try."""
    return refused(held, before, NOW, answered=answered).again - NOW


@given(refusals, st.integers(0, 50), st.booleans())
def test_only_answers_make_dead(held: Held, before: int, answered: bool) -> None:
    """So many answered refusals are enough; what was never answered is tried for ever."""
    after = refused(held, before, NOW, answered=answered)
    dead = answered and before + 1 >= TRIES
    assert after.why is (Why.DEAD if dead else Why.REFUSED)
    assert (after.operation, after.reason, after.tries) == (held.operation, held.reason, before + 1)
    assert dead or after.again > NOW


@given(refusals, st.booleans())
def test_waits_grow(held: Held, answered: bool) -> None:
    """Each try is waited for longer than the one before, until waits are as long as they get."""
    growing = TRIES - 1 if answered else 4
    waits = [wait(held, before, answered=answered) for before in range(growing)]
    assert waits == sorted(set(waits))


@given(refusals, st.integers(0, 10**6), st.booleans())
def test_waits_are_spread_by_at_most_a_quarter(held: Held, before: int, answered: bool) -> None:
    """A wait doubles from the first on up to the longest, give or take a quarter of it."""
    if answered:
        before %= TRIES - 1
    longest = LONGEST if answered else UNANSWERED
    even = min(FIRST * 2 ** min(before, 20), longest)
    assert (1 - SPREAD) * even <= wait(held, before, answered=answered) <= (1 + SPREAD) * even


@given(refusals, st.integers(0, TRIES - 2), st.booleans())
def test_whoever_asks_is_told_the_same(held: Held, before: int, answered: bool) -> None:
    """When something is tried again follows from what is sent, and from nothing else."""
    again = Held(held.operation, Why.LIMIT, "other", tries=9, again=3.0)
    assert wait(held, before, answered=answered) == wait(again, before, answered=answered)


def test_what_was_refused_together_is_not_tried_together() -> None:
    """A hundred records that were refused at once come back spread over time."""
    waits = {wait(Held(op(i), Why.REFUSED, ""), 0, answered=True) for i in range(100)}
    assert len(waits) > FIRST / 2
    assert max(waits) - min(waits) > FIRST * SPREAD
