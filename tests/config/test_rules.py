"""The rules of the preset there and back: what is written is what was meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.config import loads, unit_of, unwritable
from instep.core.fields import Kind, normal, spell
from instep.core.model import Word
from instep.core.rules import Direction, Rule
from tests.config.broken import ENVIRON, SYSTEMS

UNIT = unit_of(
    loads(
        SYSTEMS.replace("https://status.example.com", "https://x, timezone: Europe/Paris"),
        "x",
        ENVIRON,
    )
)
RULES = [(m.name, rule) for m in UNIT.members.values() for rule in m.rules.values()]
WITH_WORDS = [pair for pair in RULES if pair[1].words is not None]
WRITING = [pair for pair in RULES if pair[1].direction is not Direction.IN]

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300)
#: Common values of each type, before they are made plain.
VALUES = {
    Kind.LINE: LINES.filter(str.strip),
    Kind.TEXT: st.lists(LINES, min_size=1).map("\n".join).filter(str.strip),
    Kind.INSTANT: st.datetimes(
        min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the zone itself
        max_value=datetime(2090, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ).map(spell),
    Kind.SET: st.lists(NAMES, min_size=1, max_size=5),
    Kind.PEOPLE: st.lists(st.emails(), min_size=1, max_size=4),
}


def named(pair: tuple[str, Rule]) -> str:
    """Name a rule in the list of tests."""
    return f"{pair[0]}.{pair[1].field.name}"


@pytest.mark.parametrize("pair", WITH_WORDS, ids=named)
def test_every_own_word_reads_to_something(pair: tuple[str, Rule]) -> None:
    """Each own word of the preset stands for a value of its field, or for nothing said."""
    rule = pair[1]
    for own in rule.words or {}:
        plain = rule.own(own)
        assert plain is None or set(rule.reads(plain)) <= set(rule.field.order)
        assert not rule.mute(plain)


@pytest.mark.parametrize("pair", WITH_WORDS, ids=named)
def test_every_value_of_the_order_can_be_written(pair: tuple[str, Rule]) -> None:
    """Each common value has an own word that agrees with it, or is reported."""
    system, rule = pair
    for value in rule.field.order:
        own = rule.put(value)
        assert own is not None or (system, rule.field.name, value) in unwritable(UNIT)
        assert own is None or rule.agrees(rule.own(own), value)


def test_the_preset_leaves_nothing_unwritable() -> None:
    """Each value of each choice of the preset can be written to all three services."""
    assert unwritable(UNIT) == ()


@pytest.mark.parametrize("pair", WITH_WORDS, ids=named)
def test_an_own_word_is_kept_where_it_still_stands_for_the_value(pair: tuple[str, Rule]) -> None:
    """Reading a word and writing its value back changes nothing that agrees (SEV-0 stays SEV-0)."""
    rule = pair[1]
    for own in rule.words or {}:
        for value in rule.reads(own):
            assert rule.agrees(own, value)
            assert rule.get(own, value) == value


def test_the_usual_words_are_the_ones_written() -> None:
    """Of several own words the first is written; ``sev-3`` stands for two values."""
    severity, status = (
        {name: member.rules[field] for name, member in UNIT.members.items()}
        for field in ("severity", "status")
    )
    assert severity["datadog"].put("critical") == "SEV-1"
    assert severity["devrev"].put("minor") == "sev-3"
    assert severity["devrev"].get("sev-3", "minor") == "minor"
    assert severity["devrev"].get("sev-3", None) == "low"
    assert severity["datadog"].own("UNKNOWN") is None
    assert status["devrev"].put("resolved") == "resolved"
    assert status["devrev"].put("investigating") == "acknowledged"
    assert status["datadog"].put("investigating") == "active"
    assert status["datadog"].get("active", "investigating") == "investigating"


@pytest.mark.parametrize(
    "pair", [pair for pair in WRITING if pair[1].field.kind in VALUES], ids=named
)
@given(data=st.data())
def test_what_is_written_agrees_when_it_is_read_back(
    pair: tuple[str, Rule], data: st.DataObject
) -> None:
    """Each common value, spelled for a system and made plain again, agrees with itself."""
    rule = pair[1]
    value: Word = normal(rule.field.kind, data.draw(VALUES[rule.field.kind]))
    own = rule.put(value)
    assert rule.agrees(own, value)
    assert rule.agrees(rule.own(own), value)
    assert rule.put(rule.get(rule.own(own), value)) == own
