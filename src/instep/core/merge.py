"""Merge: base and the sides' proposals, decided field by field.

``merge`` looks at all sides at once and says, for each field, what all should say from now on,
what each side has thereby been heard on, and who lost. It writes nothing and knows no order of
events: it can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made

from instep.core.fields import MANY, Decide, Field, Policy
from instep.core.model import Base, Incident, Side, Word
from instep.core.rules import Rule
from instep.core.unit import Member, OnGone, Unit

#: Who said a value that was chosen by hand.
PERSON = "a person"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that somebody stands for: a side that edited, or base when only late sides did."""

    value: Word
    origins: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A side's edit of a field, in common words.

    ``late`` says that the side had not agreed to today's base when it was edited; ``knew`` is
    what the edit began from, in common words.
    """

    side: str
    own: Word
    rule: Rule
    value: Word
    at: str
    late: bool
    knew: Word


@dataclass(frozen=True, slots=True)
class Taken:
    """What a side has been heard on: the own word becomes its shadow, ``agreed`` goes with it."""

    own: Word
    agreed: Word


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome for one field.

    ``base`` is ``None`` where it stays as it was. ``waiting`` holds the candidates of a field
    that a person has to decide; nothing of it changes or is sent.
    """

    base: Base | None = None
    taken: Mapping[str, Taken] = made(default_factory=dict)
    losers: tuple[Candidate, ...] = ()
    waiting: tuple[Candidate, ...] = ()


def merge(unit: Unit, incident: Incident) -> dict[str, Merged]:
    """Merge every field of an incident over all its live sides."""
    return {name: merge_field(unit, incident, field) for name, field in unit.fields.items()}


def merge_field(unit: Unit, incident: Incident, field: Field) -> Merged:
    """Merge one field over all sides that have something to say of it."""
    sides = _voices(unit, incident, field.name)
    base = incident.base.get(field.name) or Base(None)
    proposals = [p for member, side in sides if (p := _propose(member, side, field, base))]
    if field.kind in MANY and field.policy.decide is Decide.UNION and proposals:
        return _settle(field, base, sides, proposals, _union(base, proposals), ())
    candidates = _candidates(base, proposals, known=field.name in incident.base)
    if not candidates:
        # Nobody said anything new: base stays, and sides that came round to it are caught up.
        return _settle(field, base, sides, (), None, ())
    if len(candidates) > 1 and field.policy.decide is Decide.MANUAL:
        return Merged(waiting=tuple(candidates))
    winner = _decide(field, candidates, list(unit.members))
    losers = tuple(c for c in candidates if c is not winner)
    return _settle(field, base, sides, proposals, winner, losers)


def _voices(unit: Unit, incident: Incident, name: str) -> list[tuple[Member, Side]]:
    """Give the sides that have something to say of a field.

    What a rule makes is no word for the field: it stands beside what was agreed.
    """
    return [
        (member, side)
        for system, member in unit.members.items()
        if name in member.rules
        and _speaks(member, side := incident.side(system))
        and not incident.creating(system)
        and not member.rules[name].is_made
        and not member.rules[name].mute(side.says.get(name))
    ]


def _speaks(member: Member, side: Side) -> bool:
    """Whether a side is merged: it is live and not in doubt, or its last word is that it is over.

    The latter is what the configuration takes the loss of a record for.
    """
    if side.gone:
        return member.on_gone is OnGone.CLOSE and not side.let_go
    return side.live and not side.doubt


def decide(unit: Unit, incident: Incident, name: str, value: Word, at: str) -> Merged:
    """Settle a field on a value that a person has chosen; what else is proposed has lost.

    Where nothing is, what was agreed before has.
    """
    field = unit.fields[name]
    found = merge_field(unit, incident, replace(field, policy=Policy(Decide.MANUAL)))
    base = incident.base.get(name) or Base(None)
    said = found.waiting or ((_of(found.base),) if found.base else ())
    if not said and base.value is not None:
        said = (_of(base),)
    losers = tuple(c for c in said if c.value != value)
    sides = _voices(unit, incident, name)
    proposals = [p for member, side in sides if (p := _propose(member, side, field, base))]
    chosen = Candidate(value, (PERSON,), at)
    return _settle(field, base, sides, proposals, chosen, losers)


def _of(base: Base) -> Candidate:
    """Give what was agreed as something that somebody stands for."""
    return Candidate(base.value, base.origins, base.at)


def _propose(member: Member, side: Side, field: Field, base: Base) -> Proposal | None:
    """Say what the side proposes for the field, if it was edited and the edit counts."""
    name, rule = field.name, member.rules[field.name]
    own = side.says.get(name)
    if not side.edited(name) or not member.hears(name):
        # Says its shadow, or nobody listens to it: no edit.
        return None
    if rule.agrees(own, base.value):
        # Somebody brought it to base by hand, or our write reached it: caught up.
        return None
    if own is None and not (
        field.clears and rule.path not in member.abilities.keeps and member.holds(name, side.says)
    ):
        # Nothing said, where nothing is not a value: it proposes none, base is written to it.
        return None
    knew, value = rule.get(side.shadow.get(name), None), rule.get(own, base.value)
    adds = rule.spelling.only_add
    if adds:
        knew, value = base.value, _edited(base.value, knew, rule.get(own, None))
        if value == base.value:
            # Only names came or went that it holds beside what was agreed.
            return None
    told = member.writes(name) and member.holds(name, side.shadow) and not adds
    return Proposal(
        side=side.system,
        own=own,
        rule=rule,
        value=value,
        at=side.says_at.get(name, ""),
        # A side that could not be told of today's base is not late with regard to it.
        late=told and side.agreed.get(name) != base.value,
        knew=knew,
    )


def _edited(base: Word, knew: Word, says: Word) -> Word:
    """Do to base what was done to a set that holds more than base, and is never cut down to it."""
    was, now = _names(knew), _names(says)
    return tuple(sorted((_names(base) | now - was) - (was - now))) or None


def _candidates(base: Base, proposals: list[Proposal], *, known: bool) -> list[Candidate]:
    """Join proposals that agree; where all are late, base is a candidate too."""
    candidates: list[Candidate] = []
    # Only those that nobody covers stand for others: of a chain or a circle none is lost.
    finest = [p for p in proposals if not any(_covers(other, p) for other in proposals)]
    for proposal in proposals:
        if any(_covers(other, proposal) for other in finest):
            # Another's value also stands for what this side says, and is the finer of the two.
            continue
        same = next((c for c in candidates if c.value == proposal.value), None)
        if same is None:
            same = Candidate(proposal.value, (), "")
        else:
            candidates.remove(same)
        at = max(same.at, proposal.at)
        candidates.append(Candidate(same.value, (*same.origins, proposal.side), at))
    if proposals and known and all(p.late for p in proposals):
        candidates.append(Candidate(base.value, base.origins, base.at))
    return candidates


def _covers(one: Proposal, other: Proposal) -> bool:
    """Whether ``one``'s value would stand for ``other``'s word, but not the other way round."""
    if one.value == other.value or not other.rule.agrees(other.own, one.value):
        return False
    mutual = one.rule.agrees(one.own, other.value)
    # Where each would stand for the other, the one that sorts first stands for both.
    return not mutual or str(one.value) < str(other.value)


def _union(base: Base, proposals: Iterable[Proposal]) -> Candidate:
    """Add what was added and take away what was taken away, each against what its side knew."""
    held, added, removed = _names(base.value), set[str](), set[str]()
    origins, at = [], ""
    for proposal in proposals:
        knew, says = _names(proposal.knew), _names(proposal.value)
        added |= says - knew
        removed |= knew - says
        origins.append(proposal.side)
        at = max(at, proposal.at)
    value = tuple(sorted((held - (removed - added)) | added))
    return Candidate(value or None, tuple(origins), at)


def _names(value: Word) -> set[str]:
    """Give the names of a set value."""
    return set(value) if isinstance(value, tuple) else set()


def _decide(field: Field, candidates: list[Candidate], order: list[str]) -> Candidate:
    """Let the field's policy choose; ties go to the system that the configuration names first."""

    def rank(names: Iterable[str], systems: list[str]) -> int:
        return min((systems.index(n) for n in names if n in systems), default=len(systems))

    by_order = sorted(candidates, key=lambda c: rank(c.origins, order))
    match field.policy.decide:
        case Decide.PREFER:
            first = min(rank(c.origins, list(field.policy.systems)) for c in by_order)
            best = [c for c in by_order if rank(c.origins, list(field.policy.systems)) == first]
            return max(best, key=lambda c: c.at)
        case Decide.HIGHEST | Decide.LOWEST:
            sign = 1 if field.policy.decide is Decide.HIGHEST else -1
            return min(by_order, key=lambda c: sign * _height(field, c.value))
        case _:
            return max(by_order, key=lambda c: c.at)


def _height(field: Field, value: Word) -> int:
    """Give a choice's place from the top; values without a place stand below all."""
    return field.order.index(str(value)) if value in field.order else len(field.order)


def _settle(
    field: Field,
    base: Base,
    sides: list[tuple[Member, Side]],
    proposals: Iterable[Proposal],
    winner: Candidate | None,
    losers: tuple[Candidate, ...],
) -> Merged:
    """Say what each side has been heard on, now that the field's value is decided."""
    value = base.value if winner is None else winner.value
    proposed = {p.side: p for p in proposals}
    taken = {
        side.system: taken
        for member, side in sides
        if (taken := _take(member, side, field, base, value, proposed.get(side.system)))
    }
    moved = winner is not None and value != base.value
    new = Base(value, winner.origins, winner.at) if winner is not None and moved else None
    return Merged(base=new, taken=taken, losers=losers)


def _take(
    member: Member,
    side: Side,
    field: Field,
    base: Base,
    value: Word,
    proposal: Proposal | None,
) -> Taken | None:
    """Say what the side has been heard on; ``None`` if nothing of it changes."""
    name, rule = field.name, member.rules[field.name]
    own, agreed = side.says.get(name), side.agreed.get(name)
    if rule.agrees(own, value):
        # It says what all should say, perhaps in another word: settled without a write.
        new = value
    elif not side.edited(name):
        # It stands where it stood; if that is not the value, the plan writes to it.
        return None
    elif proposal is not None:
        # Its edit lost, or was joined into another value: it is heard, and will be written to.
        new = rule.get(own, base.value)
    elif rule.agrees(own, base.value):
        # It had caught up with a base that has moved on since.
        new = base.value
    else:
        # An edit that does not count (a one-way rule, or nothing said): consumed.
        new = None if own is None else rule.get(own, base.value)
    if own == side.shadow.get(name) and new == agreed:
        return None
    return Taken(own, new)
