"""Rehearse: what every system would be sent for one record, said without asking any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.abilities import Abilities, While
from instep.core.conditions import Is
from instep.core.fields import Field, Kind
from instep.core.model import Word
from instep.core.operation import Why
from instep.core.rehearse import ROUNDS, TIME, Answer, made_up, rehearse
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling
from instep.core.template import parse
from instep.core.unit import Creation, Member, Unit
from tests.core.make import DEV, UNIT, make_unit
from tests.core.make import words as words_of

GIVEN: dict[str, Word] = {
    "title": "Checkout slow",
    "summary": "since noon",
    "severity": "SEV-0",
    "state": "stable",
    "start": "2026-02-03T09:12:34.5Z",
    "services": ("API", "db"),
}
TITLE, END = Field("title", Kind.LINE), Field("end", Kind.INSTANT)
STATUS = Field("status", Kind.CHOICE, order=("active", "resolved"))
SAME = {value: (value,) for value in STATUS.order}


def sent(system: str, edited: dict[str, Word] | None = None, unit: Unit = UNIT) -> Answer:
    """Rehearse the record in dog, or an edit of it."""
    return rehearse(unit, "dog", GIVEN, edited=edited or {}).answers[system]


def test_a_record_is_given_on_in_the_words_of_each_system() -> None:
    """Every field goes through the rules of both; what a create cannot carry counts with it."""
    assert sent("dev").words == {
        "title": "Checkout slow",
        "severity": "sev-0",
        "stage": "stable",
        "start": "2026-02-03T09:12:34.5Z",
        "parts": ("api", "db"),
    }
    page = sent("page")
    assert [op.kind for op in page.operations] == ["create", "update"]
    assert page.words == {
        "name": "Checkout slow",
        "severity": "critical",
        "status": "stable",
        "start": "2026-02-03T10:12",
    }


def test_the_record_itself_is_left_as_it_is() -> None:
    """SEV-0 is not flattened to SEV-1, and nothing is sent to where it comes from."""
    assert sent("dog") == Answer(why="it says what was agreed")
    assert sent("dog").words == {}


def test_an_edit_sends_what_it_changes_and_no_more() -> None:
    """Of a record that is in step only the edited field goes on, to each in its own word."""
    assert sent("dev", {"title": "Checkout down"}).words == {"title": "Checkout down"}
    page = sent("page", {"title": "Checkout down"})
    assert [op.kind for op in page.operations] == ["update"]
    assert page.words == {"name": "Checkout down"}


def test_an_edit_to_the_same_thing_sends_nothing() -> None:
    """Another word for the value that was agreed is no change for the others."""
    assert sent("dev", {"severity": "SEV-1"}) == Answer(why="it says what was agreed")


def test_a_field_can_be_emptied() -> None:
    """An edit to nothing goes on where the type clears and the service can."""
    note = Field("note", Kind.TEXT)
    there = Creation(frozenset({"dog"}))
    unit = make_unit(
        Member("dog", {"title": Rule(TITLE, "title"), "note": Rule(note, "note")}),
        Member("dev", {"title": Rule(TITLE, "name"), "note": Rule(note, "body")}, creation=there),
        Member(
            "page",
            {"title": Rule(TITLE, "name"), "note": Rule(note, "text")},
            Abilities(keeps=frozenset({"text"})),
            creation=there,
        ),
    )
    answers = rehearse(unit, "dog", {"title": "t", "note": "n"}, edited={"note": None}).answers
    assert answers["dev"].words == {"body": None}
    assert answers["page"].why == "note: it cannot be emptied"


def test_a_system_without_a_record_says_which_condition_fails() -> None:
    """Not written to, given nothing, given another's, or under another condition."""
    page = UNIT.members["page"]
    asked = Creation(frozenset({"dog"}), Is("severity", frozenset({"low"})))

    def why(changed: Member) -> str:
        return sent("page", unit=replace(UNIT, members={**UNIT.members, "page": changed})).why

    assert why(replace(page, writable=False)) == "only if it is written to (writable)"
    assert why(replace(page, creation=None)) == "only if it is given incidents (create)"
    other = replace(page, creation=Creation(frozenset({"dev"})))
    assert why(other) == "only if it began in dev (create.from)"
    assert why(replace(page, creation=asked)) == "only if severity is low (create.when)"


def test_an_edit_can_meet_the_condition_of_a_create() -> None:
    """A system that was given no record is given one by the edit that makes it so."""
    asked = Creation(frozenset({"dog"}), Is("severity", frozenset({"low"})))
    unit = replace(UNIT, members={**UNIT.members, "dev": replace(DEV, creation=asked)})
    assert sent("dev", {"title": "new"}, unit).why == "only if severity is low (create.when)"
    (create,) = sent("dev", {"severity": "SEV-4"}, unit).operations
    assert (create.kind, create.sent["severity"].word) == ("create", "sev-3")


def test_what_a_service_requires_holds_the_create() -> None:
    """Without a word that the service insists on nothing is sent, and the answer says which."""
    answer = rehearse(UNIT, "dog", {"severity": "SEV-1"}).answers["page"]
    assert (answer.operations, answer.words) == ((), {})
    (held,) = answer.held
    assert (held.why, held.reason) == (Why.LACKING, "page requires name, and nothing says it")


def test_the_record_itself_may_say_when_it_was_made() -> None:
    """A default ``opened`` is the time of the record; a made-up one is of a time that is fixed."""
    opened = replace(made_up("dog"), opened="2026-05-06T07:08:09Z")
    words: dict[str, Word] = {"title": "Slow"}
    known = rehearse(UNIT, "dog", words, record=opened).answers["page"]
    assert known.words["start"] == "2026-05-06T09:08"
    assert rehearse(UNIT, "dog", words).answers["page"].words["start"] == "2026-01-01T01:00"


def test_what_cannot_be_said_there_is_named() -> None:
    """Of an edit that a system cannot be told of the reason is given, field by field."""
    reads = replace(DEV.rules["title"], direction=Direction.IN)
    dev = replace(DEV, rules={**DEV.rules, "title": reads})
    unit = replace(UNIT, members={**UNIT.members, "dev": dev})
    assert sent("dev", {"title": "new"}, unit).why == "title: the rule reads only"


def phased(*, moves: bool = True) -> Unit:
    """Make a unit whose second service keeps an end while it is resolved, and sets it itself."""
    minutes = Spelling(Precision.MINUTE, "Europe/Paris")
    one = Member(
        "one",
        {
            "title": Rule(TITLE, "title"),
            "status": Rule(STATUS, "state", words=SAME),
            "end": Rule(END, "end"),
        },
    )
    two = Member(
        "two",
        {
            "title": Rule(TITLE, "name"),
            "status": Rule(STATUS, "status", words=SAME),
            "end": Rule(END, "until", spelling=minutes),
        },
        Abilities(
            born={"status": "active", "until": None},
            only_while={"until": While("status", frozenset({"resolved"}))},
            moves={"until": frozenset({"status"})} if moves else {},
            keeps=frozenset({"until"}),
        ),
        Creation(frozenset({"one"})),
    )
    return make_unit(one, two)


def test_what_a_service_sets_by_itself_is_no_news_of_the_edit() -> None:
    """A date that came with the state is agreed on before the edit, and is not sent again."""
    words: dict[str, Word] = {"title": "t", "state": "resolved"}
    after = rehearse(phased(), "one", words, edited={"title": "new"})
    assert after.incident.value("end") == TIME
    assert after.answers["two"].words == {"name": "new"}
    assert after.answers["one"].words == {}


def test_a_service_that_sets_nothing_by_itself_leaves_it_unsaid() -> None:
    """Only a date that the abilities name comes with the state."""
    words: dict[str, Word] = {"title": "t", "state": "resolved"}
    after = rehearse(phased(moves=False), "one", words, edited={"title": "new"})
    assert after.incident.value("end") is None


def test_an_edit_of_the_state_takes_along_what_hangs_on_it() -> None:
    """A date that the record could not hold is sent with the state in which it can."""
    words: dict[str, Word] = {"title": "t", "state": "active", "end": "2026-02-03T09:00:00Z"}
    first = rehearse(phased(), "one", words).answers["two"]
    assert first.words == {"name": "t"}
    answer = rehearse(phased(), "one", words, edited={"state": "resolved"}).answers["two"]
    assert answer.words == {"status": "resolved", "until": "2026-02-03T10:00"}
    held = rehearse(phased(), "one", words, edited={"title": "t "}).answers["two"]
    assert held.why == "end: it cannot hold it while status is active"


def test_a_service_stamps_what_it_makes() -> None:
    """A time that a service gives a new record fills what nobody had said."""
    known = {"made": Rule(Field("made", Kind.INSTANT), "made"), "title": Rule(TITLE, "title")}
    one = Member("one", known)
    two = Member(
        "two", known, Abilities(stamps=frozenset({"made", "odd"})), Creation(frozenset({"one"}))
    )
    unit = make_unit(one, two)
    after = rehearse(unit, "one", {"title": "t"}, edited={"title": "new"})
    assert after.incident.value("made") == TIME
    said = rehearse(
        unit, "one", {"title": "t", "made": "2026-02-03T09:00:00Z"}, edited={"made": TIME}
    )
    assert said.answers["two"].words == {"made": TIME}


def test_a_text_made_of_the_incident_names_its_records() -> None:
    """A template is filled with what was agreed and with the address of the made-up record."""
    footer = replace(
        DEV.rules["text"],
        direction=Direction.OUT,
        template=parse("{title}\nFrom: {dog.url}\nPage: {page.id}"),
    )
    dev = replace(DEV, rules={**DEV.rules, "text": footer})
    unit = replace(UNIT, members={**UNIT.members, "dev": dev})
    first = "Checkout slow\nFrom: https://dog.example/1"
    assert sent("dev", unit=unit).words["body"] == first
    after = sent("dev", {"title": "Down"}, unit).words
    assert after["body"] == "Down\nFrom: https://dog.example/1\nPage: page-1"


def test_a_constant_is_written_over_the_record_itself() -> None:
    """What a rule makes is sent to the record that was given, too."""
    rules = {
        "title": Rule(TITLE, "title"),
        "kind": Rule(Field("kind", Kind.LINE), "kind", const="x"),
    }
    after = rehearse(make_unit(Member("one", rules)), "one", {"title": "t"}, edited={"kind": "z"})
    assert after.answers["one"].words == {"kind": "x"}


def test_a_mapping_that_never_rests_is_given_up() -> None:
    """A text that is made of what is read from its own place grows with every round."""
    more = Rule(Field("more", Kind.LINE), "title", Direction.OUT, template=parse("{title}!"))
    unit = make_unit(Member("one", {"title": Rule(TITLE, "title"), "more": more}))
    answer = rehearse(unit, "one", {"title": "t"}, edited={"other": "edited"}).answers["one"]
    assert answer.words == {"title": "t" + "!" * (ROUNDS + 1)}


@pytest.mark.parametrize("system", ["dev", "dog", "page"])
def test_every_system_can_be_the_one_that_has_the_record(system: str) -> None:
    """Whoever has it, each of the others answers, with writes or with a reason."""
    member = UNIT.members[system]
    words: dict[str, Word] = {member.rules["title"].path: "Slow"}
    answers = rehearse(UNIT, system, words).answers
    assert set(answers) == set(UNIT.members)
    assert all(a.operations or a.held or a.why for a in answers.values())


@given(st.data())
def test_an_edit_that_changes_nothing_sends_nothing(data: st.DataObject) -> None:
    """Whatever a record says: once all that follows is carried out, there is nothing to send."""
    system = data.draw(st.sampled_from(sorted(UNIT.members)))
    rules = UNIT.members[system].rules.values()
    words = {rule.path: data.draw(words_of(rule)) for rule in rules}
    answers = rehearse(UNIT, system, words, edited={"nowhere": "x"}).answers
    assert [op for answer in answers.values() for op in answer.operations] == []
