"""Conditions for creation: equality, lists, ranges, and what they are put together with."""

from __future__ import annotations

import pytest

from instep.config import loads, unit_of
from instep.core.conditions import parts
from instep.core.model import Word
from instep.core.unit import Creation
from instep.errors import ConfigError
from tests.config.broken import ENVIRON, SYSTEMS


def created(when: str) -> Creation:
    """Give the creation of a system with a condition."""
    text = f"create: {{devrev: {{when: {when}}}}}\n"
    creation = unit_of(loads(SYSTEMS + text, "i.yaml", ENVIRON)).members["devrev"].creation
    assert creation is not None
    return creation


SAID: dict[str, Word] = {"severity": "high", "status": "active", "components": ("Mail", "Search")}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("{}", True),
        ("{severity: high}", True),
        ("{severity: low}", False),
        ("{severity: [critical, high]}", True),
        ("{severity: {at_least: high}}", True),
        ("{severity: {at_least: critical}}", False),
        ("{severity: {at_most: high}}", True),
        ("{severity: {at_most: moderate}}", False),
        ("{severity: {at_least: low, at_most: high}}", True),
        ("{severity: {not: high}}", False),
        ("{severity: {not: [low, minor]}}", True),
        ("{severity: {not: {at_most: moderate}}}", True),
        ("{severity: {at_least: moderate, not: high}}", False),
        ("{components: Mail}", True),
        ("{components: [Checkout, Search]}", True),
        ("{components: Checkout}", False),
        ("{components: ~}", False),
        ("{owners: ~}", True),
        ("{owners: {not: ~}}", False),
        ("{owners: [~, ann@x.org]}", True),
        ("{severity: high, status: resolved}", False),
        ("{any: [{severity: low}, {status: active}]}", True),
        ("{any: [{severity: low}, {status: resolved}]}", False),
        ("{all: [{severity: high}, {status: active}]}", True),
        ("{all: [{severity: high}, {not: {status: active}}]}", False),
        ("{not: {severity: low}}", True),
        ("{components: Mail, all: [{components: Search}], not: {components: Chat}}", True),
        ("{severity: high, not: {any: [{components: Mail}, {components: Checkout}]}}", False),
    ],
)
def test_a_condition_holds_as_it_reads(when: str, *, holds: bool) -> None:
    """Each form means what it says of an incident, and is told apart into its parts."""
    found = created(when).when
    assert found.holds(SAID) is holds
    assert all(each for _, each in parts(found, SAID)) is holds


def test_a_condition_says_itself_in_words() -> None:
    """What is asked for can be read by people."""
    found = created(
        "{severity: {at_least: high}, status: {not: resolved}, any: [{owners: ~}, {title: X}]}"
    )
    assert str(found.when) == (
        "severity is critical or high and not (status is resolved) and "
        "(owners is nothing or title is X)"
    )


@pytest.mark.parametrize(
    ("when", "code", "path", "hint"),
    [
        ("{sevrity: high}", "E116", "sevrity", 'did you mean "severity"?'),
        ("{severity: hihg}", "E117", "severity", 'did you mean "high"?'),
        ("{severity: {not: hihg}}", "E117", "severity.not", 'did you mean "high"?'),
        ("{severity: {}}", "E106", "severity", "a value, a list"),
        ("{severity: {at_lest: high}}", "E102", "severity.at_lest", 'did you mean "at_least"?'),
        ("{severity: {at_least: hihg}}", "E117", "severity.at_least", 'did you mean "high"?'),
        ("{title: {at_least: a}}", "E118", "title.at_least", "list its values"),
        ("{severity: {at_least: high, at_most: low}}", "E112", "severity", "the higher"),
        ("{any: [{sevrity: high}]}", "E116", "any.0.sevrity", "severity"),
        ("{all: [{not: {severity: hihg}}]}", "E117", "all.0.not.severity", "high"),
        ("{any: []}", "E1", "any", ""),
        ("{components: [[a, b]]}", "E117", "components", ""),
    ],
)
def test_a_condition_that_asks_for_what_cannot_be_is_refused(
    when: str, code: str, path: str, hint: str
) -> None:
    """Every mistake is told at its place, with what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        created(when)
    (problem,) = caught.value.problems
    assert problem.code.startswith(code)
    assert problem.path == f"create.devrev.when.{path}"
    assert hint in problem.hint
    assert problem.line > 1
