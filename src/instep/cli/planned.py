"""A plan as facts: what would be written, in common words, and what would wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.core.merge import Merged, merge
from instep.core.model import Incident, Sent, Word
from instep.core.plan import Held, Operation, Plan, Why, apply
from instep.core.unit import Unit
from instep.engine.cycle import make_plan
from instep.ledger import runs, store

if TYPE_CHECKING:
    from instep.engine.context import App
    from instep.engine.report import Report


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the incidents that it is about, and how they were merged for it."""

    plan: Plan
    report: Report
    unit: Unit
    rows: Mapping[int, Incident]
    merged: Mapping[int, Mapping[str, Merged]]

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
        """Give the plan as JSON shows it."""
        return {
            "checksum": self.plan.checksum,
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
            "incident": op.incident,
            "record": op.record,
            "fields": {
                name: {"from": before, "to": after}
                for name, (before, after) in self.changes(op).items()
            },
            "reason": op.reason,
        }

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
        agreed = self.rows[op.incident].side(op.system).agreed.get(name)
        before = None if sent.assumed is None else rule.get(sent.assumed, agreed)
        return before, None if sent.word is None else rule.get(sent.word, sent.value)

    def conflicts(self) -> list[dict[str, Any]]:
        """Give the fields on which sides differ: those that wait, and those that are decided."""
        return [
            {
                "incident": number,
                "field": name,
                "waits": bool(outcome.waiting),
                "takes": None if outcome.waiting or not outcome.base else outcome.base.value,
                "values": [
                    {"value": c.value, "origins": list(c.origins), "at": c.at}
                    for c in outcome.waiting or outcome.losers
                ],
            }
            for number, merged in self.merged.items()
            for name, outcome in merged.items()
            if outcome.waiting or outcome.losers
        ]

    def title(self, number: int) -> str:
        """Name an incident as it will be called."""
        value = apply(self.rows[number], self.merged[number]).value("title")
        return "" if value is None else str(value)


async def planned(app: App) -> Planned:
    """Plan what a cycle would do. ``app`` holds a copy of the ledger, which is thrown away."""
    plan, report = await make_plan(app)
    report.incidents = (await app.desk(_counts, app))["incidents"]
    about = {op.incident for op in plan.operations} | {h.operation.incident for h in plan.held}
    rows = await app.desk(_rows, app, sorted(about | {number for number, _ in plan.waiting}))
    order = list(app.unit.members)

    def place(op: Operation) -> tuple[int, int, bool]:
        # What completes a create stands below it.
        return op.incident, order.index(op.system), op.kind != "create"

    ordered = Plan(
        tuple(sorted(plan.operations, key=place)),
        tuple(sorted(plan.held, key=lambda item: place(item.operation))),
        tuple(sorted(plan.waiting)),
    )
    merged = {number: merge(app.unit, row) for number, row in rows.items()}
    return Planned(ordered, report, app.unit, rows, merged)


def _counts(app: App) -> dict[str, int]:
    """Count what the ledger holds."""
    with app.ledger.begin() as db:
        return runs.counts(db)


def _rows(app: App, ids: list[int]) -> dict[int, Incident]:
    """Load incidents, however many."""
    with app.ledger.begin() as db:
        return {
            row.id: row
            for start in range(0, len(ids), store.MANY)
            for row in store.load(db, ids[start : start + store.MANY])
        }
