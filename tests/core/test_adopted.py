"""Adopted: what a record that instep once made says, when the ledger that knew it was lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.core.abilities import Abilities
from instep.core.fields import Kind
from instep.core.model import Mark, Record, Side, Word
from instep.core.observe import Heard, adopted
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling
from instep.core.unit import Creation, Member
from tests.core.make import make_field, reference

AT = "2026-01-05T10:00:00.000000Z"
OPENED = "2026-01-05T09:12:34Z"
MINUTE = Spelling(precision=Precision.MINUTE, zone="Europe/Paris")
RULES = {
    "title": Rule(make_field(Kind.LINE, name="title"), "name"),
    "severity": Rule(make_field(Kind.LINE, name="severity"), "severity", default="moderate"),
    "part": Rule(make_field(Kind.LINE, name="part"), "service"),
    "start": Rule(
        make_field(Kind.INSTANT, name="start"), "start", spelling=MINUTE, default="opened"
    ),
    "born": Rule(make_field(Kind.LINE, name="born"), "born"),
    "over": Rule(make_field(Kind.LINE, name="over"), "over", direction=Direction.IN),
    "ended": Rule(make_field(Kind.LINE, name="ended"), "ended"),
}
CAN = Abilities(
    stamps=frozenset({"born"}),
    moves={"over": frozenset({"status"}), "ended": frozenset({"status"})},
)
PAGE = Member("page", RULES, CAN, Creation(frozenset({"dev"}), words={"service": "Checkout"}))
MARKED = Record("1", "born", "digest", {}, mark=Mark("dev", "DEV-1", "uid7"))


def shadow(name: str, own: Word, *, record: Record = MARKED, began: str = OPENED) -> bool:
    """Whether a word that a record says becomes its shadow: nobody's word."""
    heard = Heard(reference("page"), {name: own}, 9, AT)
    side = adopted(PAGE, Side("page"), record, heard, began)
    assert side.agreed == {}
    assert side.shadow in ({}, {name: own})
    return name in side.shadow


@pytest.mark.parametrize(
    ("name", "own", "nobodys"),
    [
        ("title", "Checkout slow", False),
        ("severity", "moderate", True),
        ("severity", "high", False),
        ("part", "Checkout", True),
        ("part", "Search", False),
        ("start", "2026-01-05T10:12", True),
        ("start", "2026-01-05T10:13", False),
        ("born", "anything", True),
        ("over", "anything", True),
        ("ended", "anything", False),
    ],
)
def test_what_every_new_record_gets_is_nobodys_word(name: str, own: Word, nobodys: bool) -> None:
    """Configured words, defaults, the start as sent, and what only the service ever sets there."""
    assert shadow(name, own) is nobodys


def test_only_what_instep_made_is_adopted() -> None:
    """A record without a mark was made by somebody, who said all that it says."""
    assert not shadow("severity", "moderate", record=replace(MARKED, mark=None))


def test_what_the_ledger_knows_is_left_as_it_is() -> None:
    """A side that has its reference has its shadows, too."""
    side = Side("page", reference("page"))
    heard = Heard(reference("page"), {"severity": "moderate"}, 9, AT)
    assert adopted(PAGE, side, MARKED, heard) == side


@pytest.mark.parametrize("began", ["", "yesterday"])
def test_a_start_is_somebodys_word_where_nobody_knows_when_it_began(began: str) -> None:
    """Without the time of the first record, or with a malformed one, a start counts as said."""
    assert not shadow("start", "2026-01-05T10:12", began=began)
    mark = Mark("dev", "DEV-1", "uid7", opened=OPENED)
    assert shadow("start", "2026-01-05T10:12", record=replace(MARKED, mark=mark), began=began)
