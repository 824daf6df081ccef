"""Why a side stands as it does: for each field and system one sentence that ``explain`` shows."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from instep.cli.text import age, word
from instep.cli.why import is_approved, sentence
from instep.core import tell
from instep.core.conditions import parts
from instep.core.merge import Candidate, merge
from instep.core.model import Incident, Side, Words
from instep.core.operation import Held, Operation, Why
from instep.core.plan import Settled, agrees, settle
from instep.core.unit import Member, OnGone, Unit
from instep.ledger.held import REFUSALS
from instep.ledger.views import Row

#: What becomes of an incident whose record in a system is gone.
BECOMES = MappingProxyType(
    {
        OnGone.KEEP: "left alone",
        OnGone.CLOSE: "the incident is closed elsewhere",
        OnGone.RECREATE: "made anew",
        OnGone.DELETE: "the other records are deleted as well",
    }
)


@dataclass(frozen=True, slots=True)
class Judged:
    """An incident, what is decided for it now, and what is known beside its row.

    ``held`` gives the ledger's row by system and kind, ``late`` why a system could not be heard;
    ``now`` is epoch.
    """

    unit: Unit
    incident: Incident
    settled: Settled
    held: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    late: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0

    def why(self, system: str, name: str) -> str:
        """Say how a system stands to a field."""
        member = self.unit.members[system]
        return (
            self._blocked(system, name)
            or self._planned(system, name)
            or (self._standing if self.incident.side(system).reference else self._absent)(
                member, name
            )
        )

    def _blocked(self, system: str, name: str) -> str:
        """Say what keeps the side out of the merge or the plan; empty if nothing does."""
        side, pending = self.incident.side(system), self.incident.pending(system)
        if pending is not None and (name in pending.sent or pending.kind == "delete"):
            return f"its {pending.kind} is open: what came of it is looked up"
        if candidates := self.settled.merged[name].waiting:
            return f"waits for a person: {_differ(candidates)}"
        if side.let_go:
            again = f"instep retry {self.incident.id} wants it again"
            return f"let go: there is to be no record here; {again}"
        if side.gone and not self._planned(system, name):
            return self._gone(self.unit.members[system], side)
        return "in doubt: read directly in the next cycle" if side.doubt else ""

    def _gone(self, member: Member, side: Side) -> str:
        """Say that a record is gone, and what becomes of its incident."""
        since = f"has been gone for {age(side.gone_at, self.now)}" if side.gone_at else "is gone"
        becomes = BECOMES[member.on_gone]
        if self.settled.incident.side(member.name).let_go:
            becomes = "the others are kept, since the incident was edited there"
        return f"the record {since}: {becomes} (on_gone: {member.on_gone})"

    def _planned(self, system: str, name: str) -> str:
        """Say what is to be written, or what holds it; empty if nothing is."""
        steps: tuple[Held | Operation, ...] = (*self.settled.held, *self.settled.operations)
        for step in steps:
            op = step.operation if isinstance(step, Held) else step
            # What a create cannot carry is in the update that completes it, if it is needed.
            announces = op.kind == "create" and self._follows(system, name)
            about = name in op.sent or op.kind == "delete"
            if op.system == system and about and not announces:
                return self._step(step, op, name)
        return ""

    def _follows(self, system: str, name: str) -> bool:
        """Whether a second write completes the field of a new record."""
        ops = self.settled.operations
        return any(op.follows and op.system == system and name in op.sent for op in ops)

    def _step(self, step: Held | Operation, op: Operation, name: str) -> str:
        """Say one write, and what it waits for."""
        row, what = self._row(op, name), _does(op, name)
        if isinstance(step, Held):
            return f"held: {step.reason}; would {what}"
        if row is not None:
            return f"{sentence(row, self.now)}; {'will' if is_approved(row) else 'would'} {what}"
        if late := self.late.get(op.system):
            return f"late: {word(late, 100)}; then will {what}"
        return f"will {what} because {op.reason}"

    def _row(self, op: Operation, name: str) -> Row | None:
        """Give what the ledger holds of an operation, or of a field of it."""
        if op.announced:
            # What completes a create waits with it.
            creates = (o for o in self.settled.operations if o.kind == "create")
            op = next((o for o in creates if o.system == op.system), op)
        flap, row = (self.held.get((op.system, kind)) for kind in (str(Why.FLAP), op.kind))
        if flap is not None and name in flap["fields"]:
            return flap
        if row is None and op.kind == "close":
            row = self.held.get((op.system, "update"))
        if row is not None and row["why"] in REFUSALS and row["checksum"] != op.checksum:
            # Other words than those that were refused are sent at once.
            return None
        return row

    def _absent(self, member: Member, name: str) -> str:
        """Say why a system has no record, and is to get none, or none that says the field."""
        made, row = member.creation, self.settled.incident
        if not member.writable:
            return "no record there: the system is only heard"
        if made is None:
            return "no record there: it is given none (create)"
        if row.origin not in made.origins:
            return f"no record there: it is given none of {row.origin} (create.from)"
        missed = [asked for asked, holds in parts(made.when, row.values) if not holds]
        if missed:
            return f"no record there: only if {missed[0]} (create.when)"
        return f"no record there: {self._unsaid(member, name)}"

    def _unsaid(self, member: Member, name: str) -> str:
        """Say why a new record is to say nothing of the field."""
        return tell.unwritable(member, name) or "nothing is agreed yet"

    def _standing(self, member: Member, name: str) -> str:
        """Say why nothing is written to a record."""
        row, rule = self.settled.incident, member.rules[name]
        side, base = row.side(member.name), row.base.get(name)
        own = side.says.get(name)
        if rule.mute(own):
            return f"left alone: no common word stands for {word(own)}"
        if base is None and not rule.is_made:
            return "nothing is agreed yet"
        value = rule.wants(row)
        if rule.agrees(own, value):
            return "in step" if not rule.is_made else "as its rule makes it"
        if agrees(member, side, name, value):
            # A service's spelling of the value, or what a person chose to leave.
            return f"left alone: it stands for {word(value)} here"
        return f"not written there: {tell.unsent(member, name, value, self._becoming(member))}"

    def _becoming(self, member: Member) -> Words:
        """Give what the record will say, in own words by field."""
        row = self.settled.incident
        says = row.side(member.name).says
        return {
            name: own if rule.agrees(own, value) else rule.put(value)
            for name, rule in member.rules.items()
            for own, value in [(says.get(name), row.value(name))]
        }


def judged(
    unit: Unit,
    incident: Incident,
    held: Mapping[tuple[str, str], Row],
    late: Mapping[str, str],
    now: float | None = None,
) -> Judged:
    """Merge and plan an incident in memory, as the next cycle would."""
    settled = settle(unit, incident, merge(unit, incident))
    return Judged(unit, incident, settled, held, late, time.time() if now is None else now)


def _does(op: Operation, name: str) -> str:
    """Say what an operation does to a field."""
    if op.kind == "delete":
        return f"delete {op.record}"
    return f"write {word(op.sent[name].word)} to {op.record or f'a new record in {op.system}'}"


def _differ(candidates: Collection[Candidate]) -> str:
    """Say who says what."""
    return ", ".join(f"{' and '.join(c.origins)}: {word(c.value)}" for c in candidates)
