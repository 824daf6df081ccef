"""What the laws say of an incident, read from the laws themselves and not from the code."""

from __future__ import annotations

from collections.abc import Iterator

from instep.core.fields import Field
from instep.core.model import Incident, Word
from instep.core.rules import Direction, Rule
from instep.core.unit import Unit


def proposers(unit: Unit, row: Incident, known: Field) -> Iterator[tuple[Rule, Word]]:
    """Name every side whose edit counts: the rule that reads it, and what it says."""
    for name, member in unit.members.items():
        side, rule = row.side(name), member.rules.get(known.name)
        if rule is None or not side.live or rule.direction is Direction.OUT:
            continue
        own = side.says.get(known.name)
        silent = own is None and not (known.clears and rule.path not in member.abilities.keeps)
        base = row.value(known.name)
        if side.edited(known.name) and not silent and not rule.mute(own):  # noqa: SIM102
            if not rule.agrees(own, base):
                yield rule, own
