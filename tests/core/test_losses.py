"""Losses: which words of a rule cannot come back, all of them and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Kind
from instep.core.losses import Loss, losses
from instep.core.rules import Direction, Rule
from instep.core.template import parse
from tests.core.make import (
    DEV_SEVERITY,
    DOG_SEVERITY,
    DOG_STATUS,
    NAMES,
    SAME_SEVERITY,
    SEVERITY,
    STATUS,
    make_rule,
)

Table = Mapping[str, tuple[str, ...]]

_meanings = st.lists(st.sampled_from("hml"), max_size=3, unique=True).map(tuple)
TABLES = st.dictionaries(st.sampled_from("ABCD"), _meanings, max_size=4)
RULES = st.builds(
    lambda table, unlisted: replace(make_rule(Kind.CHOICE, table), otherwise=unlisted),
    TABLES,
    st.none() | _meanings,
)


def found(rule: Rule, values: tuple[str, ...] = ("h", "m", "l")) -> list[Loss]:
    """List the losses of a rule."""
    return list(losses(rule, values))


@pytest.mark.parametrize(
    ("table", "values", "expected"),
    [
        (SAME_SEVERITY, SEVERITY, []),
        (DEV_SEVERITY, SEVERITY, [Loss("minor", "sev-3", "low", is_own=False)]),
        (DOG_SEVERITY, SEVERITY, [Loss("SEV-0", "critical", "SEV-1", is_own=True)]),
        (
            DOG_STATUS,
            STATUS,
            [
                Loss("investigating", "active", "active", is_own=False),
                Loss("completed", "resolved", "resolved", is_own=True),
            ],
        ),
    ],
)
def test_what_the_services_cannot_say_is_named(
    table: Table, values: tuple[str, ...], expected: list[Loss]
) -> None:
    """Five severities do not fit into four, and of two words for one the second does not return."""
    assert found(make_rule(Kind.CHOICE, table), values) == expected


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (
            Loss("minor", "sev-3", "low", is_own=False),
            '"minor" is written as "sev-3", which is read as "low"',
        ),
        (
            Loss("SEV-0", "critical", "SEV-1", is_own=True),
            '"SEV-0" is read as "critical", which is written as "SEV-1"',
        ),
    ],
)
def test_a_loss_is_said_in_a_sentence(loss: Loss, sentence: str) -> None:
    """Both words are named, the one that both go through, and which of them comes back."""
    assert str(loss) == sentence


@given(RULES)
def test_a_common_word_is_named_if_it_does_not_come_back(rule: Rule) -> None:
    """Of the common words those are named, and only those, that are read as others once written."""
    lost = {loss.word: loss for loss in found(rule) if not loss.is_own}
    for value in ("h", "m", "l"):
        written = rule.put(value)
        back = value if written is None else rule.get(written, None)
        assert (value in lost) is (back != value)
        if value in lost:
            assert (lost[value].through, lost[value].becomes) == (written, back)


@given(RULES)
def test_an_own_word_is_named_if_it_does_not_come_back(rule: Rule) -> None:
    """Of the own words those are named, and only those, that are written as others once read."""
    lost = {loss.word: loss for loss in found(rule) if loss.is_own}
    for own in rule.words or ():
        read = rule.get(rule.own(own), None)
        back = own if read is None else rule.put(read)
        assert (own in lost) is (back != own)
        if own in lost:
            assert (lost[own].through, lost[own].becomes) == (read, back)


@given(RULES)
def test_every_loss_is_a_pair(rule: Rule) -> None:
    """A lost word and the one it becomes go with the same word, and each is named once."""
    told = found(rule)
    assert len({(loss.word, loss.is_own) for loss in told}) == len(told)
    for loss in told:
        assert loss.word != loss.becomes
        if loss.is_own:
            assert rule.get(loss.word, None) == rule.get(loss.becomes, None) == loss.through
        else:
            assert rule.put(loss.word) == loss.through
            assert {loss.word, loss.becomes} <= set(rule.reads(loss.through))


@given(RULES)
def test_without_losses_words_and_values_are_one_to_one(rule: Rule) -> None:
    """A table without losses gives each word that says something a value of its own, and back."""
    if found(rule):
        return
    said = {own: rule.get(own, None) for own, means in (rule.words or {}).items() if means}
    assert len(set(said.values())) == len(said)
    assert {value: rule.put(value) for value in said.values()} == {v: k for k, v in said.items()}


@given(TABLES, _meanings)
def test_words_that_are_not_listed_lose_nothing(table: Table, unlisted: tuple[str, ...]) -> None:
    """What all other words are read as is never written, so nothing goes through it and back."""
    rule = make_rule(Kind.CHOICE, table)
    assert found(replace(rule, otherwise=unlisted)) == found(rule)


def test_names_of_a_set_are_words_too() -> None:
    """Of two own names for one the second does not come back, nor a second meaning of one name."""
    assert found(make_rule(Kind.SET, NAMES), ()) == [Loss("WEB", "web", "Web", is_own=True)]
    shop = make_rule(Kind.SET, {"Shop": ("checkout", "cart")})
    assert found(shop, ("checkout", "cart")) == [Loss("cart", "Shop", "checkout", is_own=False)]


@pytest.mark.parametrize(
    "rule",
    [
        make_rule(Kind.CHOICE),
        make_rule(Kind.TEXT, max_length=3),
        replace(make_rule(Kind.CHOICE, DEV_SEVERITY), const="sev-1", direction=Direction.OUT),
        replace(make_rule(Kind.LINE), template=parse("{f}"), direction=Direction.OUT),
    ],
)
def test_without_a_table_no_word_is_lost(rule: Rule) -> None:
    """Where own words are common ones, or are made by the rule, no word is taken for another."""
    assert found(rule, SEVERITY) == []


# for tests/core/test_losses.py


@pytest.mark.parametrize("direction", [Direction.IN, Direction.OUT])
def test_what_goes_one_way_loses_nothing(direction: Direction) -> None:
    """Where a rule only reads or only writes, no word is to come back."""
    rule = make_rule(Kind.CHOICE, DOG_STATUS)
    assert found(replace(rule, direction=direction), STATUS) == []
