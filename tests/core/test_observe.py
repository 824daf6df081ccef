"""Observe and conclude: what is heard, and what came of a write, line by line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.abilities import Abilities, While
from instep.core.fields import Kind
from instep.core.merge import merge_field
from instep.core.model import (
    NEVER,
    NOTHING,
    Base,
    Incident,
    Intent,
    Mark,
    Record,
    Sent,
    Side,
    Word,
    Words,
)
from instep.core.observe import Heard, conclude, hear, lost, observe, remapped, stale
from instep.core.rules import Direction, Rule
from instep.core.unit import Member
from tests.core.make import (
    DEV_SEVERITY,
    DOG_SEVERITY,
    incident,
    make_field,
    make_rule,
    make_unit,
    reference,
    says,
)

AT = "2026-01-05T10:00:00.000000Z"
TITLE = Member("a", {"f": make_rule(Kind.LINE, tidy=True, min_length=4)})
ANY = Side("a", reference("a"), {"f": "old"}, {"f": "then"}, {"f": "old"}, {"f": "old"}, seen=5)

word = st.sampled_from((None, "old", "new", "odd"))
state = st.builds(
    lambda side, seen, doubt, gone, bound: replace(
        side, seen=seen, doubt=doubt, gone=gone, reference=reference("a") if bound else None
    ),
    st.builds(says, st.just("a"), word, word, word),
    st.integers(0, 9),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def heard(own: Word, ticket: int = 9) -> Heard:
    """Make an observation of the field ``f``."""
    return Heard(reference("a"), {} if own is None else {"f": own}, ticket, AT)


# Observe.


def test_a_record_is_read_through_the_rules() -> None:
    """Words by path become own words by field; what means nothing said is left out."""
    member = Member(
        "a",
        {
            "f": Rule(make_field(Kind.CHOICE), "severity", words=DOG_SEVERITY),
            "g": Rule(make_field(Kind.SET), "parts"),
            "h": Rule(make_field(Kind.LINE), "nowhere"),
        },
    )
    record = Record("1", "born", "digest", {}, "A-1", "https://a/1", AT)
    was = hear(member, record, {"severity": "UNKNOWN", "parts": ("web", "api"), "x": 1}, 3, AT)
    assert was.says == {"g": ("api", "web")}
    assert (was.reference.id, was.reference.display, was.reference.url) == ("1", "A-1", record.url)
    assert (was.reference.birth, was.reference.opened, was.ticket, was.at) == ("born", AT, 3, AT)


@given(state, word, st.integers(0, 9))
def test_an_old_observation_raises_a_doubt_and_nothing_else(
    side: Side, own: Word, ticket: int
) -> None:
    """What was asked for before the side was seen changes no word of it, whatever it says."""
    after, due = observe(side, heard(own, ticket), 10)
    if stale(side, ticket):
        assert ticket < side.seen
        assert after == replace(side, doubt=True)
        assert due


@given(state, word, st.integers(0, 9))
def test_an_observation_settles_every_doubt(side: Side, own: Word, ticket: int) -> None:
    """What is heard is what the side says; shadow and agreed stay, doubt and absence end."""
    if stale(side, ticket):
        return
    after, due = observe(side, heard(own, ticket), 10)
    changed = side.says.get("f") != own
    assert after.says.get("f") == own
    assert (after.doubt, after.gone, after.reference) == (False, False, reference("a"))
    assert (after.shadow, after.agreed) == (side.shadow, side.agreed)
    assert due == (changed or side.gone or side.reference is None)
    assert after.seen == (10 if changed else side.seen)
    assert after.says_at.get("f") == (AT if changed else side.says_at.get("f"))


@given(state, word)
def test_hearing_twice_is_hearing_once(side: Side, own: Word) -> None:
    """The same observation again changes nothing and makes nothing due."""
    once, _ = observe(side, heard(own, 10), 10)
    assert observe(once, heard(own, 11), 12) == (once, False)


def test_a_field_that_falls_silent_is_dated_too() -> None:
    """A word that is no longer said has changed: its field is dated like any other."""
    after, due = observe(ANY, heard(None), 10)
    assert after.says == {}
    assert after.says_at == {"f": AT}
    assert after.edited("f")
    assert due


def test_a_record_that_is_gone_is_left_alone() -> None:
    """A direct read that finds nothing ends the doubt; what was agreed stays remembered."""
    after = lost(make_unit(TITLE), TITLE, replace(ANY, doubt=True), AT)
    assert after == replace(ANY, gone=True, gone_at=AT)
    assert not after.live


def test_a_record_that_is_back_is_not_gone() -> None:
    """The same record, heard again, is merged from where it was left."""
    gone = lost(make_unit(TITLE), TITLE, ANY, AT)
    assert observe(gone, heard("old"), 10) == (ANY, True)


@pytest.mark.parametrize("other", [{"id": "a-2"}, {"birth": "later"}])
def test_another_record_has_agreed_to_nothing(other: dict[str, str]) -> None:
    """A new record in the place of one that is gone is late: nothing was agreed with it yet."""
    copy = replace(heard("copy"), reference=replace(reference("a"), **other))
    unit = make_unit(TITLE)
    after, _ = observe(lost(unit, TITLE, ANY, AT), copy, 10)
    outcome = merge_field(unit, incident(after, f="old"), make_field(Kind.LINE))
    assert [c.value for c in (*outcome.losers, *outcome.waiting)] == ["old"]


@pytest.mark.parametrize(
    ("modified", "at"),
    [
        ("2026-01-05T09:00:00Z", "2026-01-05T09:00:00.000000Z"),
        ("2026-01-05T11:00:00Z", AT),
        (None, AT),
        ("yesterday", AT),
    ],
)
def test_a_change_is_dated_by_the_service(modified: str | None, at: str) -> None:
    """A service's own time dates what changed, if it is past; one malformed date costs no more."""
    record = Record("1", "born", "digest", {}, modified=modified)
    assert hear(TITLE, record, {"p": "Down"}, 3, AT).at == at


# Rules that change.


@given(state, word, st.booleans())
def test_a_word_that_changed_with_the_rules_is_no_edit(side: Side, own: Word, same: bool) -> None:
    """What other rules read in the same record, or nowhere in it, is no edit; nor agreed on."""
    changed = side.says.get("f") != own
    moved = changed and (same or own is None) and "f" in side.says
    after = remapped(side, heard(own), same=same)
    assert after.shadow == ({**side.shadow, "f": own} if moved else side.shadow)
    assert after.agreed == ({**side.agreed, "f": NEVER} if changed else side.agreed)
    heard_now = replace(after, says=heard(own).says)
    assert not (moved and heard_now.edited("f"))


def test_an_edit_made_while_the_rules_changed_is_an_edit() -> None:
    """Where the record itself has changed, and still says something, that is taken for an edit.

    It may be an old word, too: nobody has agreed to it, so that what all had agreed on stands
    against it, though that be nothing.
    """
    after = remapped(ANY, heard("new"), same=False)
    assert after == replace(ANY, agreed={**ANY.agreed, "f": NEVER})


@pytest.mark.parametrize(("agreed", "value"), [({"f": "x"}, "x"), ({"f": NEVER}, None), ({}, None)])
def test_what_nobody_agreed_to_stands_for_nothing(agreed: Words, value: Word) -> None:
    """A shadow stands for the value that was agreed, for none where none was."""
    assert replace(ANY, agreed=agreed).stands_for("f") == value


# Conclude.


def intend(
    member: Member, *, kind: str = "update", extra: Words = NOTHING, **sent: tuple[Word, Word]
) -> Intent:
    """Make an intent: each field's common value and own word."""
    fields = {
        name: Sent(member.rules[name].path, value, own) for name, (value, own) in sent.items()
    }
    return Intent(1, 7, "a", kind, fields, Mark("a", "", "uid7"), 60.0, extra)


def concluded(
    member: Member,
    before: Side,
    intent: Intent,
    says_now: Words,
    *,
    confirmed: bool = True,
    echo: Words = NOTHING,
    base: Mapping[str, Base] | None = None,
    ticket: int = 9,
    undone: Collection[str] = (),
) -> Side:
    """Conclude an intent with what the record says."""
    row = Incident(7, "uid7", "a", base=base or {}, sides={"a": before})
    now = Heard(reference("a"), says_now, ticket, AT)
    return conclude(member, row, intent, now, echo, confirmed=confirmed, seen=10, undone=undone)


def one(before: Side, value: Word, own: Word, now: Word, **more: object) -> Side:
    """Conclude an update of the title."""
    intent = intend(TITLE, f=(value, own))
    return concluded(TITLE, before, intent, {} if now is None else {"f": now}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("now", ["Down", "Down.", "Down  "])
def test_a_spelling_of_our_value_is_settled(confirmed: bool, now: str) -> None:
    """A read-back that agrees becomes the shadow, whether or not the write was confirmed."""
    value = "Down." if now == "Down." else "Down"
    after = one(ANY, value, value, now, confirmed=confirmed)
    assert (after.says, after.shadow, after.agreed) == ({"f": now}, {"f": now}, {"f": value})
    assert (after.seen, after.says_at) == (10, {"f": AT})


def test_what_the_answer_showed_is_the_service_s_spelling() -> None:
    """A rewriting that nobody described is ours if the write's own answer already showed it."""
    after = one(ANY, "Down", "Down", "DOWN", echo={"p": "DOWN"})
    assert (after.shadow, after.agreed) == ({"f": "DOWN"}, {"f": "Down"})
    assert not after.edited("f")


def test_an_edit_behind_our_write_is_an_edit() -> None:
    """What neither agrees nor was shown is somebody's: the word sent becomes the shadow."""
    after = one(ANY, "Down", "Down", "Up again", echo={"p": "Down"})
    assert (after.shadow, after.agreed) == ({"f": "Down"}, {"f": "Down"})
    assert after.edited("f")


def test_an_emptying_behind_our_write_is_an_edit() -> None:
    """A text that says nothing any more, after our word was taken, was emptied since."""
    text = Member("a", {"f": make_rule(Kind.TEXT)})
    after = concluded(text, ANY, intend(text, f=("Down", "Down")), {})
    assert (after.says, after.shadow) == ({}, {"f": "Down"})
    assert after.edited("f")


def test_a_word_that_a_service_does_not_keep_is_sent_once() -> None:
    """Where nothing is no value, a service that still says nothing keeps no such word."""
    after = one(ANY, "Down", "Down", None)
    assert (after.says, after.shadow, after.agreed) == ({}, {"f": None}, {"f": "Down"})
    assert not after.edited("f")


SHOWN = {"p": "Down"}


@pytest.mark.parametrize(
    ("confirmed", "echo", "shadow"),
    [(True, SHOWN, "Down"), (False, NOTHING, "Down"), (True, NOTHING, "Up again")],
)
def test_where_a_rule_only_writes_a_spelling_is_taken_for_an_edit_at_most_once(
    confirmed: bool, echo: Words, shadow: Word
) -> None:
    """What nobody showed is an edit, written over; but not behind a confirmed write, for ever."""
    member = Member("a", {"f": replace(TITLE.rules["f"], direction=Direction.OUT)})
    intent = intend(member, kind="create", f=("Down", "Down"))
    says_now = {"f": "Up again"}
    after = concluded(member, Side("a"), intent, says_now, confirmed=confirmed, echo=echo)
    assert (after.shadow, after.agreed) == ({"f": shadow}, {"f": "Down"})


def test_an_unconfirmed_update_proves_nothing() -> None:
    """A write that may not have arrived leaves shadow and agreed as they were."""
    after = one(ANY, "Down", "Down", "Up again", confirmed=False, echo={"p": "Up again"})
    assert (after.shadow, after.agreed) == (ANY.shadow, ANY.agreed)
    assert after.says == {"f": "Up again"}


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_create_was_made_with_our_word(confirmed: bool) -> None:
    """A record found by its mark began with what was sent: what it says beside that is an edit."""
    intent = intend(TITLE, kind="create", f=("Down", "Down"))
    after = concluded(TITLE, Side("a"), intent, {"f": "Up again"}, confirmed=confirmed)
    assert (after.shadow, after.agreed) == ({"f": "Down"}, {"f": "Down"})
    assert after.reference == reference("a")
    assert after.edited("f")


@pytest.mark.parametrize("other", [{}, {"id": "a-2"}, {"birth": "later"}])
@pytest.mark.parametrize("gone", [True, False])
def test_a_record_that_was_made_anew_starts_anew(other: dict[str, str], gone: bool) -> None:
    """What the record before it said, was told and had agreed to, counts no more."""
    member = Member("a", {**TITLE.rules, "g": make_rule(Kind.TEXT)})
    before = replace(ANY, says={"f": "old", "g": "x"}, shadow={"g": "x"}, agreed={"g": "x"})
    row = incident(replace(before, gone=gone))
    made = Heard(replace(reference("a"), **other), {"f": "Down"}, 9, AT)
    intent = intend(member, kind="create", f=("Down", "Down"))
    after = conclude(member, row, intent, made, NOTHING, confirmed=True, seen=10)
    assert (after.says, after.live, after.seen) == ({"f": "Down"}, True, 10)
    assert (after.shadow, after.agreed) == (
        ({"f": "Down"}, {"f": "Down"})
        if other
        else ({"f": "Down", "g": "x"}, {"f": "Down", "g": "x"})
    )


@pytest.mark.parametrize(("value", "agreed"), [("low", "low"), ("minor", "minor"), ("high", None)])
def test_what_a_create_cannot_carry_is_what_a_fresh_record_says(
    value: str, agreed: str | None
) -> None:
    """The born word is the shadow, and is agreed to only if it may stand for the value."""
    member = Member("a", {"f": make_rule(Kind.CHOICE, DEV_SEVERITY)})
    intent = intend(member, kind="create", f=(value, "sev-3"))
    intent = replace(intent, sent={"f": replace(intent.sent["f"], carried=False)})
    for now in ("sev-3", "sev-0"):
        after = concluded(member, Side("a"), intent, {"f": now})
        assert (after.shadow, after.agreed) == ({"f": "sev-3"}, {"f": agreed})
        assert after.edited("f") is (now == "sev-0")


def test_a_rule_that_went_away_concludes_nothing() -> None:
    """A field whose rule was taken out while its intent was open is left as it is."""
    after = concluded(Member("a"), ANY, intend(TITLE, f=("Down", "Down")), {})
    assert (after.shadow, after.agreed) == (ANY.shadow, ANY.agreed)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_rule_that_looks_elsewhere_concludes_nothing(kind: str) -> None:
    """A word that was sent to another path is not what should stand where the rule looks now."""
    rule = replace(TITLE.rules["f"], path="elsewhere")
    intent = intend(TITLE, kind=kind, f=("Down", "Down"))
    after = concluded(Member("a", {"f": rule}), ANY, intent, {}, confirmed=kind == "create")
    assert (after.says, after.shadow, after.agreed) == ({}, ANY.shadow, ANY.agreed)


def test_a_conclusion_marks_the_time() -> None:
    """A write moves ``seen``, though the record says what it said: older listings are dropped."""
    after = one(ANY, "old", "old", "old")
    assert after.seen == 10
    assert after.says_at == ANY.says_at
    assert observe(after, heard("older", 9), 11) == (replace(after, doubt=True), True)


def test_an_old_read_back_raises_a_doubt() -> None:
    """If somebody heard the record after our read, what they heard stands, and is looked at."""
    newer = replace(ANY, says={"f": "Newer"}, seen=20)
    after = one(newer, "Down", "Down", "Down", ticket=9)
    assert (after.says, after.doubt, after.seen) == ({"f": "Newer"}, True, 20)
    assert (after.shadow, after.edited("f")) == ({"f": "Down"}, True)


@given(word, word, word, word, st.booleans(), st.booleans())
def test_an_edit_never_becomes_a_shadow(
    was: Word, value: Word, own: Word, now: Word, confirmed: bool, shown: bool
) -> None:
    """Whatever is read back: if it does not agree and was not shown, it still stands as said."""
    before = replace(ANY, says={"f": was}, shadow={"f": was}, agreed={"f": was})
    echo = {"p": now} if shown else {}
    after = one(before, value, own, now, confirmed=confirmed, echo=echo)
    assert after.says.get("f") == now
    if not TITLE.rules["f"].agrees(now, value) and not (confirmed and shown):
        assert after.shadow == {"f": own if confirmed else was}


# What a service moves by itself.

MOVER = Member(
    "a",
    {
        "status": Rule(make_field(Kind.LINE, name="status"), "status"),
        "ended": Rule(make_field(Kind.LINE, name="ended"), "end"),
        "title": Rule(make_field(Kind.LINE, name="title"), "title"),
    },
    Abilities(moves={"end": frozenset({"status"})}),
)
RESOLVE = intend(MOVER, status=("resolved", "resolved"))
OPEN = Side("a", reference("a"), {"status": "active"}, {}, {"status": "active"}, {}, 5)
MOVED = {"status": "resolved", "ended": "noon"}


def test_what_moves_with_our_write_is_no_edit() -> None:
    """A date that the service sets with our status is consumed, where one was agreed."""
    after = concluded(MOVER, OPEN, RESOLVE, MOVED, base={"ended": Base("ten")})
    assert after.says["ended"] == after.shadow["ended"] == "noon"
    assert after.agreed["ended"] == "ten"


def test_what_moves_with_our_write_fills_a_gap() -> None:
    """Where none was agreed, the date stands as said: it is proposed to the others."""
    after = concluded(MOVER, OPEN, RESOLVE, MOVED)
    assert after.edited("ended")
    assert "ended" not in after.shadow


@pytest.mark.parametrize(
    "intent",
    [
        intend(MOVER, title=("Down", "Down")),
        replace(RESOLVE, sent={"status": replace(RESOLVE.sent["status"], carried=False)}),
    ],
)
def test_what_moves_without_our_write_is_an_edit(intent: Intent) -> None:
    """If we did not write what moves it, somebody else did: the date is an edit."""
    after = concluded(MOVER, OPEN, intent, MOVED, base={"ended": Base("ten")})
    assert after.edited("ended")


def test_what_a_state_can_no_longer_hold_is_agreed_to_no_more() -> None:
    """A date that our status took away is told again once a status can hold it: none is agreed."""
    able = replace(
        MOVER.abilities, only_while={"end": While("status", frozenset({"resolved", "stable"}))}
    )
    phased = replace(MOVER, abilities=able)
    held = {"status": "resolved", "ended": "ten"}
    closed = Side("a", reference("a"), held, {}, held, {"ended": "ten"}, 5)
    reopen = intend(phased, status=("active", "active"))
    after = concluded(phased, closed, reopen, {"status": "active"}, base={"ended": Base("ten")})
    assert not after.edited("ended")
    assert after.agreed["ended"] is None


def test_a_write_that_was_taken_back_agrees_to_nothing() -> None:
    """Where somebody's edit was put back over our word, it stands as theirs, made before ours."""
    intent = intend(TITLE, f=("Down", "Down"))
    side = Side("a", reference("a"), {"f": "Slow"}, {}, {"f": "Slow"}, {"f": "Slow"}, 5)
    after = concluded(TITLE, side, intent, {"f": "Theirs"}, undone={"p"})
    assert (after.says["f"], after.shadow["f"], after.agreed["f"]) == ("Theirs", "Slow", "Slow")
    behind = concluded(TITLE, side, intent, {"f": "Theirs"})
    assert (behind.shadow["f"], behind.agreed["f"]) == ("Down", "Down")


def test_what_a_service_stamps_is_no_edit() -> None:
    """A path that the service sets when a record is made is its own: where agreed, no edit."""
    stamping = replace(MOVER, abilities=Abilities(stamps=frozenset({"end"})))
    born = replace(intend(stamping, status=("active", "active")), kind="create")
    after = concluded(stamping, OPEN, born, MOVED, base={"ended": Base("ten")})
    assert (after.shadow["ended"], after.agreed["ended"]) == ("noon", "ten")
    update = intend(stamping, status=("resolved", "resolved"))
    assert concluded(stamping, OPEN, update, MOVED, base={"ended": Base("ten")}).edited("ended")


def test_a_stamp_in_place_of_what_a_create_cannot_carry_is_no_edit() -> None:
    """Where a create cannot carry a path and the service stamps it, the stamp loses to base."""
    able = Abilities(stamps=frozenset({"end"}), born={"end": None})
    stamping = replace(MOVER, abilities=able)
    born = intend(stamping, status=("active", "active"), ended=("ten", None))
    born = replace(
        born,
        kind="create",
        sent={**born.sent, "ended": replace(born.sent["ended"], carried=False)},
    )
    after = concluded(stamping, OPEN, born, MOVED, base={"ended": Base("ten")})
    assert not after.edited("ended")
    assert after.agreed["ended"] is None


def test_what_we_wrote_is_not_moved() -> None:
    """A date that was sent beside the status is concluded as what was sent."""
    intent = intend(MOVER, status=("resolved", "resolved"), ended=("ten", "ten"))
    after = concluded(MOVER, OPEN, intent, MOVED, base={"ended": Base("ten")})
    assert (after.shadow["ended"], after.says["ended"]) == ("ten", "noon")


def test_an_edit_heard_before_our_write_is_not_its_effect() -> None:
    """A date that was said before our status was written did not come with it: it is an edit."""
    edited = replace(OPEN, says={"status": "active", "ended": "nine"})
    after = concluded(
        MOVER, edited, RESOLVE, {"status": "resolved", "ended": "nine"}, base={"ended": Base("ten")}
    )
    assert after.edited("ended")


def test_a_write_that_never_arrived_moves_nothing() -> None:
    """If a recovered write did not arrive, nothing came with it: the date is an edit."""
    after = concluded(
        MOVER,
        OPEN,
        RESOLVE,
        {"status": "active", "ended": "nine"},
        confirmed=False,
        base={"ended": Base("ten")},
    )
    assert after.edited("ended")
