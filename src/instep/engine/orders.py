"""Orders: what a person tells instep to do, beside a daemon that may be at work.

Each is one short look and one commit; nothing is sent by it. The next cycle does what follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from instep.core.fields import Field, Kind, fits, normal
from instep.core.guard import Key
from instep.core.merge import decide, merge
from instep.core.model import Incident, Word
from instep.core.operation import QUARANTINE, Why
from instep.core.plan import Settled, leave, settle
from instep.engine.context import App
from instep.errors import UsageError, WorldMoved
from instep.ledger import byhand, held, store, views
from instep.ledger.journal import Stamp

#: What a person's word lets through.
APPROVABLE = (Why.LIMIT, Why.FLAP, Why.ALIKE)


@dataclass(frozen=True, slots=True)
class Group:
    """What is held for one reason: its name changes with what is in it.

    ``rows`` are those of the ledger's table ``held``, the oldest first.
    """

    name: str
    why: Why
    system: str
    kind: str
    reason: str
    rows: tuple[views.Row, ...]

    @property
    def since(self) -> str:
        """Since when the oldest waits."""
        return min(str(row["since"]) for row in self.rows)

    @property
    def approved(self) -> int:
        """How many a person has let through, which the next cycle sends."""
        return sum(bool(row["approved"]) for row in self.rows)


def groups(app: App) -> list[Group]:
    """Give what is held, by reason, the oldest first."""
    with app.ledger.begin() as db:
        rows = views.held_up(db)

    def about(row: views.Row) -> tuple[str, ...]:
        reason = "" if row["why"] in QUARANTINE else str(row["reason"])
        kind = str(row["why"]) if row["why"] in QUARANTINE else str(row["kind"])
        return str(row["why"]), str(row["system"]), kind, reason

    parts = [list(part) for _, part in groupby(sorted(rows, key=about), about)]
    return sorted((_group(about(part[0])[2], part) for part in parts), key=lambda g: g.since)


def _group(kind: str, rows: Sequence[views.Row]) -> Group:
    """Name a group by everything that is in it."""
    first = rows[0]
    inside = sorted(f"{_key(row)} {row['checksum']}" for row in rows)
    name = hashlib.blake2b("\n".join(inside).encode(), digest_size=4).hexdigest()
    oldest = tuple(sorted(rows, key=lambda row: (str(row["since"]), row["incident"])))
    return Group(
        name=f"h{name[:7]}",
        why=Why(first["why"]),
        system=str(first["system"]),
        kind=kind,
        reason=str(oldest[0]["reason"]),
        rows=oldest,
    )


def _key(row: views.Row) -> Key:
    """Name what is held."""
    return int(row["incident"]), str(row["system"]), str(row["kind"])


def approve(app: App, name: str, most: int | None = None) -> int:
    """Let what a group holds through, once: all of it, or the ``most`` oldest.

    Exactly what was looked at: what is held anew, or changes before the next cycle, waits on.

    Raises:
        WorldMoved: there is no such group (any more).
        UsageError: a person's word does not help there.
    """
    group = named(app, name)
    if group.why not in APPROVABLE:
        raise UsageError(f"{name} cannot be approved: {group.reason}", advice=_instead(group))
    rows = group.rows[:most]
    return held.approve(app.ledger, {_key(row): str(row["checksum"]) for row in rows})


def drop(app: App, name: str) -> int:
    """Leave undone what a group holds; answers how many operations that were.

    A record stays as it is until somebody edits again; one that was to be made is not.

    Raises:
        WorldMoved: there is no such group (any more), or an incident has just changed.
        UsageError: what is held is a record, not an operation.
    """
    group = named(app, name)
    if group.why in QUARANTINE:
        raise UsageError(f"{name} cannot be dropped: {group.reason}", advice=_instead(group))
    pairs = []
    for row in group.rows:
        before = _load(app, int(row["incident"]))
        kind = "update" if group.why is Why.FLAP else str(row["kind"])
        pairs.append((before, leave(app.unit, before, group.system, kind, row["fields"])))
    byhand.change(app.ledger, app.unit, pairs, [_key(row) for row in group.rows])
    return len(group.rows)


def named(app: App, name: str) -> Group:
    """Find a group by its name.

    Raises:
        WorldMoved: there is none of this name (any more).
    """
    found = next((group for group in groups(app) if group.name == name), None)
    if found is None:
        raise WorldMoved(
            f"nothing is held under {name}: what is held may have changed since",
            advice="look again: instep held",
        )
    return found


def _instead(group: Group) -> str:
    """Say what helps where a person's word does not."""
    match group.why:
        case Why.REFUSED | Why.DEAD:
            return "instep retry tries it again in the next cycle"
        case Why.LACKING:
            return "say it in one of the systems, or under create in the configuration"
        case _:
            return "delete that record, or take the mark out of it"


def retry(app: App, incident: int | None = None, system: str | None = None) -> int:
    """Try what services refused again in the next cycle; answers how many operations that are.

    For one incident, what a person let go is wanted again, too.
    """
    with app.ledger.begin() as db:
        rows = [
            row
            for row in views.held_up(db, incident)
            if row["why"] in held.REFUSALS and system in (None, row["system"])
        ]
        held.again(db, [_key(row) for row in rows])
    return len(rows) + (0 if incident is None else _want(app, _load(app, incident), system))


def _want(app: App, before: Incident, system: str | None) -> int:
    """Want the records of an incident that were let go, while there is one to make them from."""
    if not any(side.live for side in before.sides.values()):
        return 0
    sides = {n: s for n, s in before.sides.items() if not s.let_go or system not in (None, n)}
    count = len(before.sides) - len(sides)
    if count:
        byhand.want(app.ledger, before, [name for name in before.sides if name not in sides])
    return count


def resolve(
    app: App, incident: int, name: str, *, take: str | None = None, value: str | None = None
) -> Word:
    """Settle a field on what the system ``take`` says, or on a ``value``; answers the value.

    Raises:
        UsageError: there is no such field, side or value.
        WorldMoved: the incident has just changed.
    """
    row, field = _load(app, incident), _field(app, name)
    chosen = _said(app, row, field, take) if take is not None else read(app, field, value or "")
    _settle(app, row, name, chosen)
    return chosen


def restore(app: App, number: int) -> tuple[int, str, Word]:
    """Take a losing value back out of the attic; answers incident, field and value.

    What stood in its place goes there.

    Raises:
        UsageError: the attic has no such value, or no system has its field any more.
        WorldMoved: the incident has just changed.
    """
    with app.ledger.begin() as db:
        kept = views.kept(db, number)
    if kept is None:
        raise UsageError(f"the attic has no {number}", advice="instep conflicts lists what it has")
    name, incident = str(kept["field"]), int(kept["incident"])
    if not fits(_field(app, name), kept["value"]):
        raise UsageError(
            f"{name} cannot be {kept['value']!r} any more: the configuration has changed",
            advice="instep conflicts shows how to set another value",
        )
    _settle(app, _load(app, incident), name, kept["value"])
    byhand.restored(app.ledger, number, app.stamp())
    return incident, name, kept["value"]


def _settle(app: App, row: Incident, name: str, value: Word) -> None:
    """Settle a field by hand."""
    at = app.stamp()
    merged = {name: decide(app.unit, row, name, value, at)}
    after = settle(app.unit, row, merged).incident
    byhand.settle(app.ledger, row, Settled(after, merged), Stamp(0, at))


def candidates(app: App, row: Incident, name: str) -> Mapping[str, Word]:
    """Say what each system that has a record says of a field, in common words."""
    found: dict[str, Word] = {}
    for system, side in row.sides.items():
        rule = app.unit.members[system].rules.get(name) if system in app.unit.members else None
        if not side.live or rule is None or rule.is_made or rule.mute(side.says.get(name)):
            continue
        value = rule.get(side.says.get(name), row.value(name))
        if value is not None or rule.field.clears:
            found[system] = value
    return found


def _said(app: App, row: Incident, field: Field, system: str) -> Word:
    """Give what one system says of a field."""
    found = candidates(app, row, field.name)
    if system not in found:
        raise UsageError(
            f"{system} says nothing of {field.name} in incident {row.id}",
            advice=f"one of {', '.join(found)}" if found else "give a --value",
        )
    return found[system]


def read(app: App, field: Field, text: str) -> Word:
    """Read a common value as a person types it; names of a set stand apart by commas.

    Raises:
        UsageError: the field cannot have this value.
    """
    if not text and not field.clears:
        raise UsageError(f"{field.name} cannot be emptied", advice="give a value")
    many = [part.strip() for part in text.split(",")]
    try:
        value = normal(field.kind, many if field.kind in (Kind.SET, Kind.PEOPLE) else text)
    except ValueError as error:
        raise UsageError(
            f'{field.name} cannot be "{text}": {error}', advice=f"it is of type {field.kind}"
        ) from error
    allowed = _allowed(app, field)
    if allowed and value not in allowed:
        raise UsageError(
            f'{field.name} cannot be "{text}"', advice=f"one of {', '.join(map(str, allowed))}"
        )
    return value


def _allowed(app: App, field: Field) -> Sequence[Word]:
    """Give the values of a choice: its order, else every common word that some rule knows."""
    if field.order or field.kind is not Kind.CHOICE:
        return field.order
    rules = (m.rules[field.name] for m in app.unit.members.values() if field.name in m.rules)
    means = (word for rule in rules for several in (rule.words or {}).values() for word in several)
    return tuple(dict.fromkeys(means))


def _field(app: App, name: str) -> Field:
    """Give a field of the configuration."""
    if name not in app.unit.fields:
        raise UsageError(
            f'there is no field "{name}"', advice=f"one of {', '.join(app.unit.fields)}"
        )
    return app.unit.fields[name]


def waits(app: App, row: Incident) -> list[str]:
    """Name the fields of an incident that wait for a person."""
    return [name for name, outcome in merge(app.unit, row).items() if outcome.waiting]


def unite(app: App, one: int, other: int) -> int:
    """Make two incidents one, the older; answers its number.

    Only a record in which its incident began can join: any other carries the mark of its own.

    Raises:
        UsageError: they cannot be one; the message says why.
        WorldMoved: one of them has just changed.
    """
    keep, joins = (_load(app, number) for number in sorted((one, other)))
    if keep.id == joins.id:
        raise UsageError(f"both records belong to incident {keep.id} already")
    marked = [name for name, side in joins.sides.items() if side.reference and name != joins.origin]
    if marked:
        raise UsageError(
            f"the record of incident {joins.id} in {marked[0]} carries that incident's mark",
            advice="delete it there, and let instep hear that first",
        )
    byhand.unite(app.ledger, keep, joins)
    return keep.id


async def part(app: App, incident: int, system: str) -> int:
    """Give the record of a side an incident of its own; answers its number.

    Raises:
        UsageError: it carries instep's mark, or its incident began there.
        SideError: the system cannot be asked for the record.
        WorldMoved: the incident has just changed.
    """
    row = await app.desk(_load, app, incident)
    reference = row.side(system).reference
    if reference is None or system not in app.systems:
        raise UsageError(f"incident {incident} has no record in {system}")
    record = await app.systems[system].read(reference.id)
    if record.mark is not None:
        raise UsageError(
            f"{reference.display or reference.id} carries instep's mark",
            advice="take that out of the record, or delete the record",
        )
    return await app.desk(byhand.part, app.ledger, row, system, app.new_uid, app.stamp())


def _load(app: App, incident: int) -> Incident:
    """Load one incident."""
    with app.ledger.begin() as db:
        found: Iterable[Incident] = store.load(db, [incident])
    row = next(iter(found), None)
    if row is None:
        raise UsageError(f"the ledger knows no incident {incident}")
    return row
