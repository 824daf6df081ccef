"""What differs in ProdManager between its two databases, SQLite and PostgreSQL.

All of it was observed on both with version 0.22.0; the order of ties under PostgreSQL follows its
documented bounded heap sort, and loses the rows that were seen to be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from instep.simulator.prodmanager.incident import Incident
from instep.simulator.prodmanager.text import broken

Item = TypeVar("Item")
Key = Callable[[Item], Any]


@dataclass(frozen=True, slots=True)
class Database:
    """One of the two.

    ``stored`` is what a date is compared as, and ``bound`` reads the other side of the
    comparison; ids above ``biggest_id`` break the query.
    """

    stored: Callable[[datetime], Any]
    bound: Callable[[str], Any]
    place: Key[Incident]
    biggest_id: float
    reuses_ids: bool
    takes_nul: bool
    keeps_strays: bool
    has_stable_ties: bool


def _as_text(date: datetime) -> str:
    return date.isoformat(" ", "microseconds")


def _as_date(date: datetime) -> datetime:
    return date


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise broken() from None


DATABASES = {
    "sqlite": Database(
        # Compared as text, with a space where clients write a T: so with a T it is wrong.
        stored=_as_text,
        bound=str,
        place=attrgetter("place"),
        biggest_id=2**63 - 1,
        reuses_ids=True,
        takes_nul=True,
        keeps_strays=True,
        has_stable_ties=True,
    ),
    "postgresql": Database(
        stored=_as_date,
        bound=_parsed,
        place=attrgetter("declared_place"),
        biggest_id=float("inf"),
        reuses_ids=False,
        takes_nul=False,
        keeps_strays=False,
        has_stable_ties=False,
    ),
}


def database(name: str) -> Database:
    """Answer a database by name; ``ValueError`` for one that ProdManager does not run on."""
    if name not in DATABASES:
        message = f"database is {name!r}, and not one of {', '.join(DATABASES)}"
        raise ValueError(message)
    return DATABASES[name]


def first(rows: Iterable[Item], most: int, key: Key[Item]) -> list[Item]:
    """Sort as PostgreSQL does when only the first ``most`` rows are asked for.

    With few rows ties keep their order; else they come out as a heap of that size leaves them, so
    that each page of a walk has an order of its own, misses rows and repeats others.
    """
    given = list(rows)
    if len(given) <= 2 * most:
        return sorted(given, key=key)
    heap: list[Item] = []
    for row in given:
        if len(heap) < most:
            heap.append(row)
            _rise(heap, key)
        elif key(row) < key(heap[0]):
            _sink(heap, row, key)
    return _drained(heap, key)


def _rise(heap: list[Item], key: Key[Item]) -> None:
    at, row = len(heap) - 1, heap[-1]
    while at and key(row) > key(heap[(at - 1) // 2]):
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = row


def _sink(heap: list[Item], row: Item, key: Key[Item]) -> None:
    at = 0
    while (child := 2 * at + 1) < len(heap):
        if child + 1 < len(heap) and key(heap[child + 1]) > key(heap[child]):
            child += 1
        if key(row) >= key(heap[child]):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = row


def _drained(heap: list[Item], key: Key[Item]) -> list[Item]:
    last_first: list[Item] = []
    while heap:
        last_first.append(heap[0])
        spare = heap.pop()
        if heap:
            _sink(heap, spare, key)
    return last_first[::-1]
