"""A plan as facts: what would be written, in common words, and what would wait.

The ledger numbers incidents as it hears of them, and services answer in any order. So a plan
names each by the record in which it began, and a number only if the ledger had given it before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.core.merge import Merged, merge
from instep.core.model import Base, Incident, Reference, Sent, Word
from instep.core.operation import Held, Operation, Plan, Why
from instep.core.plan import apply, settle
from instep.core.unit import Unit
from instep.engine.cycle import make_plan
from instep.engine.judge import Mandate
from instep.ledger import names, runs

if TYPE_CHECKING:
    from instep.engine import cycle
    from instep.engine.context import App
    from instep.engine.report import Report


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the incidents that it is about, and how they were merged for it.

    ``rows`` stand in the order in which they are shown; the ledger knew those up to ``known``
    before anything was heard.
    """

    plan: Plan
    report: Report
    unit: Unit
    rows: Mapping[int, Incident]
    merged: Mapping[int, Mapping[str, Merged]]
    known: int

    @property
    def heard(self) -> list[str]:
        """Name the systems that were heard."""
        return [name for name in self.unit.members if name not in self.away]

    @property
    def away(self) -> dict[str, str]:
        """Name the systems that could not be heard, and why."""
        return {name: t.why for name, t in self.report.systems.items() if not t.heard}

    @property
    def exit_code(self) -> int:
        """Say what the plan means: 0 can be done, 1 something waits, 3 a system is missing."""
        if self.away:
            return 3
        return int(bool(self.plan.held or self.plan.waiting))

    @property
    def over(self) -> tuple[Held, ...]:
        """Give what is over the limits."""
        return tuple(h for h in self.plan.held if h.why is Why.LIMIT)

    @property
    def checksum(self) -> str:
        """Name what would be written: two plans with one checksum write the same."""
        named = "\n".join(sorted(self._identity(op) for op in self.plan.operations))
        return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()

    def _identity(self, op: Operation) -> str:
        """Name an operation across ledgers."""
        return op.identity(self.rows[op.incident])

    def mandate(self, *, over: bool = False) -> Mandate:
        """Say that just this may be done: the plan, and what is ``over`` the limits if asked to."""
        extra = self.over if over else ()
        more = [op for held in extra for op in (held.operation, *self._completing(held))]
        return Mandate(map(self._identity, [*self.plan.operations, *more]))

    def _completing(self, held: Held) -> Iterable[Operation]:
        """Give what completes a held create: a plan shows it only with a create that may go."""
        row, create = self.rows[held.operation.incident], held.operation
        if create.kind != "create":
            return ()
        planned = settle(self.unit, row, self.merged[row.id]).operations
        return (op for op in planned if op.follows and op.system == create.system)

    def counts(self) -> Counter[str]:
        """Count the operations by kind."""
        return Counter(op.kind for op in self.plan.operations)

    def notifications(self) -> Counter[str]:
        """Count, by system, the operations of which people outside may be told."""
        return Counter(op.system for op in self.plan.operations if self._notifies(op))

    def _notifies(self, op: Operation) -> bool:
        """Whether a service may mail or page people for an operation."""
        told = self.unit.members[op.system].abilities.notifies
        return bool(told) and (op.kind == "create" or any(s.path in told for s in op.sent.values()))

    def data(self) -> dict[str, Any]:
        """Give the plan as JSON shows it; of one untouched world it is always the same."""
        return {
            "checksum": self.checksum,
            "operations": [self.operation(op) for op in self.plan.operations],
            "held": [self.held(item) for item in self.plan.held],
            "conflicts": self.conflicts(),
            "notifications": dict(self.notifications()),
        }

    def operation(self, op: Operation) -> dict[str, Any]:
        """Give one operation."""
        return {
            "op": op.kind,
            "system": op.system,
            **self._about(op.incident),
            "record": op.record,
            "fields": {
                name: {"from": before, "to": after}
                for name, (before, after) in self.changes(op).items()
            },
            "reason": self.reason(op),
        }

    def reason(self, op: Operation) -> str:
        """Say why an operation is to be done, and if nobody edited anything for it."""
        if self.is_from_rules(op):
            return f"the configuration changed: {op.reason}"
        return op.reason

    def is_from_rules(self, op: Operation) -> bool:
        """Whether an operation is to be done because the configuration changed, and only so."""
        return self.report.is_from_rules(op.incident)

    def _about(self, number: int) -> dict[str, Any]:
        """Name an incident: its number, if the ledger had one, and the record that began it."""
        return {"incident": self.number(number), "of": began(self.rows[number])}

    def number(self, number: int) -> int | None:
        """Give an incident's number, ``None`` where the ledger had not given it before."""
        return number if number <= self.known else None

    def held(self, item: Held) -> dict[str, Any]:
        """Give one operation that would wait, with the reason for which it does."""
        return {**self.operation(item.operation), "why": item.why.value, "reason": item.reason}

    def changes(self, op: Operation) -> dict[str, tuple[Word, Word]]:
        """Give what an operation changes, by field: from what to what, in common words.

        Words that every new record gets, where no field stands for them, are named by their path.
        """
        sent = {
            name: self._common(op, name, s)
            for name, s in op.sent.items()
            if s.carried or op.kind != "create"
        }
        return {**{path: (None, word) for path, word in op.extra.items()}, **sent}

    def _common(self, op: Operation, name: str, sent: Sent) -> tuple[Word, Word]:
        """Read what the side says and what it is sent."""
        rule = self.unit.members[op.system].rules[name]
        agreed = self.rows[op.incident].side(op.system).stands_for(name)
        before = None if sent.assumed is None else rule.get(sent.assumed, agreed)
        return before, None if sent.word is None else rule.get(sent.word, sent.value)

    def conflicts(self) -> list[dict[str, Any]]:
        """Give the fields on which sides differ: those that wait, and those that are decided."""
        return [
            {
                **self._about(number),
                "field": name,
                "waits": bool(outcome.waiting),
                "takes": None if outcome.waiting or not outcome.base else outcome.base.value,
                "values": [
                    {"value": c.value, "origins": list(c.origins)}
                    for c in outcome.waiting or outcome.losers
                ],
            }
            for number, merged in self.merged.items()
            for name, outcome in merged.items()
            if outcome.waiting or outcome.losers
        ]

    def said(self, number: int, name: str) -> Base | None:
        """Give what a field becomes, who said it and when."""
        return apply(self.rows[number], self.merged[number]).base.get(name)

    def title(self, number: int) -> str:
        """Name an incident as it will be called."""
        said = self.said(number, "title")
        return "" if said is None or said.value is None else str(said.value)


def began(row: Incident) -> str:
    """Name an incident by the record in which it began, as people know it."""
    first = row.side(row.origin).reference
    return f"{row.origin} {first.display or first.id}" if first else f"{row.origin} {row.uid}"


async def planned(app: App) -> Planned:
    """Plan what a cycle would do. ``app`` holds a copy of the ledger, which is thrown away."""
    known = await app.desk(names.last, app.ledger)
    return await _arranged(app, known, *await make_plan(app))


async def word(app: App, say: Callable[[Planned], Mandate]) -> cycle.Word:
    """Ask ``say`` what may be done of the plan of a cycle that is about to begin."""
    known = await app.desk(names.last, app.ledger)

    async def ask(plan: Plan, rows: Mapping[int, Incident], report: Report) -> Mandate:
        return say(await _arranged(app, known, plan, rows, report))

    return ask


async def _arranged(
    app: App, known: int, plan: Plan, rows: Mapping[int, Incident], report: Report
) -> Planned:
    """Put a plan in an order that does not depend on who answered first."""
    report.incidents = (await app.desk(_counts, app))["incidents"]
    merged = {number: merge(app.unit, row) for number, row in rows.items()}
    about = {op.incident for op in plan.operations} | {h.operation.incident for h in plan.held}
    differ = {n for n, m in merged.items() if any(o.waiting or o.losers for o in m.values())}
    order = sorted(about | differ, key=lambda number: _place(app.unit, rows[number], known))
    at = {number: place for place, number in enumerate(order)}
    systems = list(app.unit.members)

    def place(op: Operation) -> tuple[int, int, bool]:
        # What completes a create stands below it.
        return at[op.incident], systems.index(op.system), op.kind != "create"

    ordered = Plan(
        tuple(sorted(plan.operations, key=place)),
        tuple(sorted(plan.held, key=lambda item: place(item.operation))),
        tuple(sorted(plan.waiting, key=lambda each: at[each[0]])),
    )
    shown = {number: rows[number] for number in order}
    return Planned(ordered, report, app.unit, shown, {n: merged[n] for n in order}, known)


def _place(unit: Unit, row: Incident, known: int) -> tuple[int, int, str, str, str]:
    """Say where an incident stands: known ones by number, then new ones by how they began."""
    if row.id <= known:
        return row.id, 0, "", "", ""
    first = row.side(row.origin).reference or Reference("", "")
    origins = [*unit.members, row.origin]
    return known + 1, origins.index(row.origin), first.opened, first.id, row.uid


def _counts(app: App) -> dict[str, int]:
    """Count what the ledger holds."""
    with app.ledger.begin() as db:
        return runs.counts(db)
