"""Words that do not come back: warned of, accepted, or refused."""

from __future__ import annotations

import pytest

from instep.config import Config, loads, losses_of, unit_of
from instep.errors import ConfigError
from tests.config.broken import ENVIRON, SYSTEMS

LOSSY = """
fields:
  severity:
    devrev: {words: {P1: [critical, high], P2: moderate, P3: low, P4: low, P5: minor}%s}
"""


def read(text: str) -> Config:
    """Load a text beside the three systems."""
    return loads(SYSTEMS + text, "instep.yaml", ENVIRON)


def test_a_pair_that_cannot_come_back_is_a_warning_that_names_both() -> None:
    """Two common words for one own word, and two own words for one common word, each once."""
    config = read(LOSSY % "")
    high, fourth = (w for w in config.warnings if w.code == "W205")
    assert high.message == (
        '"high" does not come back from "devrev": "high" is written as "P1", which is read as '
        '"critical"'
    )
    assert fourth.message == (
        '"P4" does not come back from "devrev": "P4" is read as "low", which is written as "P3"'
    )
    words = ("fields", "severity", "devrev", "words")
    assert (high.line, high.column) == config.place(*words, "P1")
    assert (fourth.line, fourth.column) == config.place(*words, "P4")


def test_what_is_accepted_is_not_warned_of() -> None:
    """``loses`` names words of which it is known that they do not come back."""
    config = read(LOSSY % ", loses: [high, P4]")
    assert [w for w in config.warnings if w.code == "W205"] == []


def test_strict_makes_it_an_error_at_the_word() -> None:
    """With ``strict: true`` the file is refused, at the line of the word."""
    with pytest.raises(ConfigError) as caught:
        read("strict: true\n" + LOSSY % ", loses: [high]")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("E124", "fields.severity.devrev.words.P4")
    assert problem.hint == 'if that is meant: loses: ["P4"]'


def test_the_presets_are_right_under_strict() -> None:
    """What the presets lose is accepted by themselves, so they have no warning."""
    config = read("strict: true\n")
    assert [w for w in config.warnings if w.code != "W201"] == []
    assert [
        loss.word
        for member in unit_of(config).members.values()
        for name in member.rules
        for loss in losses_of(unit_of(config), member.name, name)
    ] == ["minor", "fixing", "canceled", "duplicate", "SEV-0", "investigating", "completed"]


def test_what_comes_back_cannot_be_accepted_as_lost() -> None:
    """A word in ``loses`` that does come back, or is none, is a mistake."""
    with pytest.raises(ConfigError) as caught:
        read(LOSSY % ", loses: [high, P4, minor, nonsense]")
    assert [(p.code, p.path) for p in caught.value.problems] == [
        ("E117", "fields.severity.devrev.loses.2"),
        ("E117", "fields.severity.devrev.loses.3"),
    ]


def test_words_of_the_file_have_losses_of_their_own() -> None:
    """What the preset accepts of its words says nothing of the file's."""
    text = "fields: {severity: {datadog: {words: {A: critical, B: critical, C: high}}}}\n"
    (found,) = [w for w in read(text).warnings if w.code == "W205"]
    assert 'written as "A"' in found.message
