"""Conditions: which incidents a system is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.conditions import ALWAYS, Condition, Every, Is, Not, Some, parts
from instep.core.model import Word

HIGH = Is("severity", frozenset({"critical", "high"}))
OPEN = Is("status", frozenset({"active"}))
SILENT = Is("severity", frozenset({None}))
ABOUT_API = Is("parts", frozenset({"api", None}))

#: What an incident may say: of a choice, and of a set.
SAID = st.fixed_dictionaries(
    {},
    optional={
        "severity": st.sampled_from(("critical", "high", "low", None)),
        "status": st.sampled_from(("active", "resolved")),
        "parts": st.sampled_from((("api",), ("api", "web"), ("web",), None)),
    },
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from((HIGH, OPEN, SILENT, ABOUT_API)),
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(lambda of: Every(tuple(of)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda of: Some(tuple(of)))
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("condition", "said", "holds"),
    [
        (HIGH, {"severity": "high"}, True),
        (HIGH, {"severity": "low"}, False),
        (HIGH, {"severity": None}, False),
        (HIGH, {}, False),
        (SILENT, {}, True),
        (SILENT, {"severity": None}, True),
        (SILENT, {"severity": "low"}, False),
        (ABOUT_API, {"parts": ("api", "web")}, True),
        (ABOUT_API, {"parts": ("web",)}, False),
        (ABOUT_API, {"parts": None}, True),
        (ABOUT_API, {}, True),
        (Is("flag", frozenset({False})), {"flag": False}, True),
        (Is("flag", frozenset({False})), {}, False),
    ],
)
def test_a_field_has_one_of_some_values(
    condition: Condition, said: dict[str, Word], holds: bool
) -> None:
    """A value is among those asked for, a set has one name of them, and nothing can be asked."""
    assert condition.holds(said) is holds


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (HIGH, "severity is critical or high"),
        (SILENT, "severity is nothing"),
        (Is("tries", frozenset({3, 12})), "tries is 12 or 3"),
        (Not(HIGH), "not (severity is critical or high)"),
        (Every((HIGH, OPEN)), "severity is critical or high and status is active"),
        (Some((SILENT, OPEN)), "(severity is nothing or status is active)"),
        (ALWAYS, ""),
    ],
)
def test_a_condition_is_said_in_words(condition: Condition, text: str) -> None:
    """Conditions are said the same way every time, whatever the order of their values."""
    assert str(condition) == text


@given(CONDITIONS, CONDITIONS, SAID)
def test_conditions_are_joined_as_in_logic(
    one: Condition, other: Condition, said: dict[str, Word]
) -> None:
    """Not, all and any mean what they say."""
    assert Not(one).holds(said) is not one.holds(said)
    assert Every((one, other)).holds(said) is (one.holds(said) and other.holds(said))
    assert Some((one, other)).holds(said) is (one.holds(said) or other.holds(said))
    assert Not(Every((one, other))).holds(said) is Some((Not(one), Not(other))).holds(said)


@given(SAID)
def test_without_a_condition_every_incident_is_given(said: dict[str, Word]) -> None:
    """Where nothing is asked, everything holds."""
    assert ALWAYS.holds(said)
    assert list(parts(ALWAYS, said)) == []


@given(CONDITIONS, SAID)
def test_the_parts_tell_whether_the_whole_holds(
    condition: Condition, said: dict[str, Word]
) -> None:
    """A condition holds if every part of it that has to hold does, and each is told in words."""
    told = list(parts(condition, said))
    assert condition.holds(said) is all(holds for _, holds in told)
    assert all(text for text, _ in told)


def test_parts_are_told_one_by_one() -> None:
    """What has to hold is taken apart, also where it is nested; what can hold is not."""
    nested = Every((HIGH, Every((OPEN, Some((SILENT, Not(HIGH)))))))
    assert list(parts(nested, {"severity": "high"})) == [
        ("severity is critical or high", True),
        ("status is active", False),
        ("(severity is nothing or not (severity is critical or high))", False),
    ]
