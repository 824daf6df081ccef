"""Observe and conclude: how what a system was heard to say changes its side.

``observe`` takes in what a record says; ``conclude`` takes in what came of a write of ours. Only
``conclude`` moves shadow and agreed, and only on the strength of what was meant: a rewrite by the
system is its spelling of our value, an edit just behind our write is not a rewrite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from instep.core.fields import moment, stamp
from instep.core.model import (
    NEVER,
    NOTHING,
    Incident,
    Intent,
    Record,
    Reference,
    Sent,
    Side,
    Word,
    Words,
)
from instep.core.rules import Direction, Rule
from instep.core.unit import Member, OnGone, Unit


@dataclass(frozen=True, slots=True)
class Heard:
    """What a record says, ready to be taken in: own words by field, and when it was asked.

    ``ticket`` is from before the request. ``at`` stamps words that changed; ``moved`` names
    fields that the system may have set as an effect of our own write.
    """

    reference: Reference
    says: Words
    ticket: int
    at: str


def hear(
    member: Member, record: Record, words: Words, ticket: int, now: str, *, first: bool = False
) -> Heard:
    """Read a record's words (by path) through the member's rules.

    What changed is dated by the service where it keeps such a time and it is past, else by now;
    but what is heard for the ``first`` time is not new for that, it is as old as the record.
    """
    said = record.modified or (record.opened if first else "")
    try:
        at = min(stamp(moment(said)), now) if said else now
    except ValueError:
        at = now
    says = {
        name: own
        for name, rule in member.rules.items()
        if (own := rule.own(words.get(rule.path))) is not None
    }
    return Heard(reference_to(record), says, ticket, at)


def reference_to(record: Record) -> Reference:
    """Give the external reference to a record."""
    return Reference(record.id, record.birth, record.display, record.url, record.opened)


def stale(side: Side, ticket: int) -> bool:
    """Whether an observation is older than what is known: it was asked for before that."""
    return ticket < side.seen


def observe(side: Side, heard: Heard, seen: int) -> tuple[Side, bool]:
    """Take in what a record says; answers the side and whether that makes its incident due.

    ``seen`` is the ticket of now. An old observation changes nothing but raises a doubt.
    """
    if stale(side, heard.ticket):
        return replace(side, doubt=True), True
    back = side.gone or side.reference is None
    calm = replace(side, reference=heard.reference, doubt=False, gone=False, gone_at="")
    if side.reference is not None and _other(side.reference, heard.reference):
        # Another record took its place: nothing was agreed with that one yet.
        calm = replace(calm, shadow={}, agreed={})
    changed = {
        name for name in {*side.says, *heard.says} if side.says.get(name) != heard.says.get(name)
    }
    if not changed:
        return calm, back
    says_at = {**side.says_at, **dict.fromkeys(changed, heard.at)}
    return replace(calm, says=heard.says, says_at=says_at, seen=seen), True


def adopted(member: Member, side: Side, record: Record, heard: Heard, began: str = "") -> Side:
    """Take nobody's word where a record that instep once made says what all new ones are given.

    So it is with a record that is known by its mark only: the ledger that knew more was lost.
    ``began`` is when the record in which the incident began was made, if that is known.
    """
    if record.mark is None or side.reference is not None:
        return side
    made = member.creation.words if member.creation else NOTHING
    given = {
        name: heard.says[name]
        for name, rule in member.rules.items()
        if name in heard.says
        and (
            rule.path in member.abilities.stamps
            # Set by the service because of what it was sent, and by nobody else.
            or (rule.path in member.abilities.moves and not member.writes(name))
            or heard.says[name] in _given(rule, made, record.mark.opened or began)
        )
    }
    return replace(side, shadow={**side.shadow, **given})


def given(member: Member, rule: Rule, intent: Intent) -> tuple[Word, ...]:
    """Give the own words that a create sends whatever its incident says."""
    made = member.creation.words if member.creation else NOTHING
    return _given(rule, made, intent.mark.opened) if intent.kind == "create" else ()


def _given(rule: Rule, made: Words, opened: str) -> tuple[Word, ...]:
    """Give the own words that a new record gets whatever its incident says."""
    try:
        when = rule.put(opened) if rule.default == "opened" and opened else None
    except ValueError:
        when = None
    return (rule.own(made.get(rule.path)), rule.own(rule.default), when)


def remapped(side: Side, heard: Heard, *, same: bool) -> Side:
    """Take no word for an edit that changed because the rules did.

    ``same`` raw bytes prove it; without them, a word that is there no more is taken to have stood
    where the rules no longer look. Nothing is agreed on for such a field yet.
    """
    moved = {
        name: new
        for name, old in side.says.items()
        if (new := heard.says.get(name)) != old and (same or new is None)
    }
    every = {*side.says, *heard.says}
    changed = {name for name in every if side.says.get(name) != heard.says.get(name)}
    # Whether it is an edit or not: to what stands there now nobody has agreed.
    agreed = {**side.agreed, **dict.fromkeys(changed, NEVER)}
    return replace(side, shadow={**side.shadow, **moved}, agreed=agreed)


def _other(known: Reference, heard: Reference) -> bool:
    """Whether two references name different records."""
    return (known.id, known.birth) != (heard.id, heard.birth)


def lost(unit: Unit, member: Member, side: Side, at: str) -> Side:
    """Take in that a direct read found no such record any more.

    Where the configuration closes incidents then, it is as if the record had said so last.
    """
    gone = replace(side, gone=True, doubt=False, gone_at=at)
    last = _farewell(unit, member, side) if member.on_gone is OnGone.CLOSE else NOTHING
    says_at = {**side.says_at, **dict.fromkeys(last, at)}
    return replace(gone, says={**side.says, **last}, says_at=says_at)


def _farewell(unit: Unit, member: Member, side: Side) -> Words:
    """Give the own words by which a record would say that its incident is over."""
    found: dict[str, Word] = {}
    for name, closing in unit.closes.items():
        if not member.hears(name):
            continue
        rule = member.rules[name]
        if not any(value in closing for value in rule.reads(side.says.get(name))):
            words = (rule.put(value) for value in unit.fields[name].order if value in closing)
            found[name] = next((word for word in words if word is not None), None)
    return {name: word for name, word in found.items() if word is not None}


def conclude(
    member: Member,
    incident: Incident,
    intent: Intent,
    heard: Heard,
    echo: Words,
    *,
    confirmed: bool,
    seen: int,
    undone: Collection[str] = (),
) -> Side:
    """Take in what came of a write: shadow and agreed from what was meant, says from the record.

    ``echo`` is, by path, what the write's own answer showed; ``confirmed`` whether the service
    said that the write succeeded, but for the paths ``undone``.
    """
    side, born = incident.side(member.name), intent.kind == "create"
    if born and side.reference is not None and _other(side.reference, heard.reference):
        # Made anew: what the record before it said counts no more.
        side = Side(side.system, seen=side.seen)
    shadow, agreed = dict(side.shadow), dict(side.agreed)
    for name, sent in intent.sent.items():
        rule = _sender(member, name, sent)
        says = heard.says.get(name)
        kept = confirmed and sent.path not in undone
        shown = kept and rule is not None and _shown(rule, sent, says, echo)
        meant = _stamped(member, sent, says)
        taken = _spelled(rule, meant, says, shown=shown, took=kept or born)
        if taken is not None:
            shadow[name], agreed[name] = taken
    arrived = confirmed or born or _arrived(member, intent, heard)
    for name in _moved_along(member, intent) if arrived else ():
        came = heard.says.get(name) != side.says.get(name)
        if came and incident.value(name) is not None:
            # The system set it because of what we wrote; what was agreed stands. A record that
            # cannot hold it any more agrees to nothing: once it can, it is to be told again.
            stands = incident.value(name) if member.holds(name, heard.says) else None
            shadow[name], agreed[name] = heard.says.get(name), stands
    side = replace(side, shadow=shadow, agreed=agreed)
    after, _ = observe(side, heard, seen)
    return replace(after, seen=max(after.seen, seen))


def _sender(member: Member, name: str, sent: Sent) -> Rule | None:
    """Give the rule by which a word was sent; ``None`` if it is gone, or looks elsewhere by now.

    What the record says where it looks now has nothing to do with the word that was sent.
    """
    rule = member.rules.get(name)
    return rule if rule is not None and rule.path == sent.path else None


def _stamped(member: Member, sent: Sent, says: Word) -> Sent:
    """Take nobody's word where a service fills in by itself what a create could not carry."""
    if sent.carried or sent.path not in member.abilities.stamps:
        return sent
    return replace(sent, word=says)


def _arrived(member: Member, intent: Intent, heard: Heard) -> bool:
    """Whether the record shows that an update which nobody confirmed was carried out."""
    return all(
        rule.holds(heard.says.get(name), sent.value)
        for name, sent in intent.sent.items()
        if (rule := _sender(member, name, sent)) is not None
    )


def _shown(rule: Rule, sent: Sent, says: Word, echo: Words) -> bool:
    """Whether what the record says now is what came of our write, and of nobody else's."""
    if sent.path in echo:
        return rule.own(echo[sent.path]) == says
    if rule.direction is Direction.OUT:
        # Nothing is read there, so no edit is lost: taken for one, a spelling that no rule
        # describes would be written over for ever.
        return True
    # It said nothing before and says nothing now, where nobody can mean nothing by that: the
    # service does not keep such a word, and would be sent it for ever.
    return says is None and sent.assumed is None and not rule.field.clears


def _spelled(
    rule: Rule | None, sent: Sent, says: Word, *, shown: bool, took: bool
) -> tuple[Word, Word] | None:
    """Give shadow and agreed for one field that was sent; ``None`` leaves both as they are.

    ``shown`` says that the write's own answer already showed what the record says now, ``took``
    that the service took our word, or was made with it.
    """
    if rule is None:
        # The rules changed while the intent was open.
        return None
    if not sent.carried:
        # A create could not carry it: a fresh record says what fresh records say.
        return sent.word, sent.value if rule.agrees(sent.word, sent.value) else None
    if rule.agrees(says, sent.value) or shown:
        # It says what was meant, or spells our value its own way.
        return says, sent.value
    if took:
        # Somebody has edited it since: what it says beside our word is an edit.
        return sent.word, sent.value
    return None


def _moved_along(member: Member, intent: Intent) -> list[str]:
    """Name the fields that the system sets by itself as an effect of this write."""
    wrote: set[str] = {sent.path for sent in intent.sent.values() if sent.carried}
    moves: Mapping[str, frozenset[str]] = member.abilities.moves
    stamps = member.abilities.stamps if intent.kind == "create" else frozenset()
    return [
        name
        for name, rule in member.rules.items()
        if name not in intent.sent
        and (rule.path in stamps or moves.get(rule.path, frozenset()) & wrote)
    ]
