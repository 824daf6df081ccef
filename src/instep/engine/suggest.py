"""Suggest: which records of several systems may be of one incident, for a person to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from instep.core.linking import Look, address
from instep.core.model import Incident, Reference
from instep.engine.alike import look
from instep.engine.context import App, load
from instep.ledger import views


class How(StrEnum):
    """How sure a suggestion is.

    ``exact``: one record holds the other's address. ``likely``: one title, begun within an hour.
    ``ambiguous``: either, but there is more than one in a system that could be meant.
    """

    EXACT = "exact"
    LIKELY = "likely"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Alone:
    """A record that is the only one of its incident."""

    incident: int
    system: str
    record: Reference
    look: Look
    points: frozenset[str]

    @property
    def name(self) -> str:
        """Name it as a person writes it."""
        return f"{self.system}:{self.record.display or self.record.id}"


Pair = tuple[Alone, Alone]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two records that may be of one incident."""

    how: How
    one: Alone
    other: Alone


async def suggest(app: App) -> list[Suggestion]:
    """Suggest links between incidents that have one record each; exact ones first.

    What carries a mark, or pointed at the other when it was first heard, is linked already.
    """
    alone = await app.desk(_alone, app)
    exact = _addressed(alone)
    sure = {each.incident for pair in exact for each in pair}
    alike = _alike([each for each in alone if each.incident not in sure])
    found = [*_judged(exact, How.EXACT), *_judged(alike, How.LIKELY)]
    order = list(How)
    return sorted(found, key=lambda s: (order.index(s.how), s.one.incident, s.other.incident))


def _alone(app: App) -> list[Alone]:
    """List the records that are the only ones of their incidents."""
    with app.ledger.begin() as db:
        ids = [n for name in app.unit.members for n in views.alone(db, app.unit.name, name)]
        points = views.points(db, ids)
    rows = load(app, ids)
    return [
        Alone(row.id, row.origin, reference, look(app.unit, row), points.get(row.id, frozenset()))
        for row in rows
        if (reference := _reference(row)) is not None
    ]


def _reference(row: Incident) -> Reference | None:
    """Give the one record of an incident, if it is still there."""
    side = row.side(row.origin)
    return side.reference if side.live else None


def _addressed(alone: Sequence[Alone]) -> list[Pair]:
    """Pair records of which one holds the other's address."""
    shown = {address(each.record.url) or each.record.url: each for each in alone}
    met = ((one, shown[url]) for one in alone for url in one.points if url in shown)
    return _apart(met)


def _alike(alone: Sequence[Alone]) -> list[Pair]:
    """Pair records that look the same."""
    titles: dict[str, list[Alone]] = {}
    for each in alone:
        titles.setdefault(each.look.plain, []).append(each)
    met = (pair for several in titles.values() for pair in combinations(several, 2))
    return _apart((one, other) for one, other in met if one.look.like(other.look))


def _apart(pairs: Iterable[Pair]) -> list[Pair]:
    """Keep the pairs of different systems, each once, the older incident first."""
    found = {
        (one.incident, other.incident): (one, other)
        for pair in pairs
        for one, other in [sorted(pair, key=lambda each: each.incident)]
        if one.system != other.system
    }
    return list(found.values())


def _judged(pairs: Sequence[Pair], how: How) -> Iterator[Suggestion]:
    """Tell the sure pairs from those in which one record has several others of one system."""
    met = Counter(
        (a.incident, b.system) for one, other in pairs for a, b in ((one, other), (other, one))
    )
    for one, other in pairs:
        several = met[one.incident, other.system] > 1 or met[other.incident, one.system] > 1
        yield Suggestion(How.AMBIGUOUS if several else how, one, other)
