"""Pointers: where records hold each other's addresses, by which they are linked when first met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from instep.core.linking import address
from instep.core.model import Record
from instep.ledger.tables import external_references, incidents, pointers

if TYPE_CHECKING:
    from sqlalchemy import Connection


def pointing(
    db: Connection, unit: str, system: str, records: Sequence[Record]
) -> Iterator[tuple[str, int]]:
    """Yield (record, incident) for every address in either that is the other's."""
    refs = external_references.c
    points: dict[str, set[str]] = {}
    for record in records:
        for url in record.points:
            points.setdefault(url, set()).add(record.id)
    rows = db.execute(
        select(refs.url, refs.incident)
        .join(incidents, incidents.c.id == refs.incident)
        .where(refs.url.in_(points), refs.system != system, incidents.c.unit == unit)
    )
    yield from ((record, row.incident) for row in rows for record in points[row.url])
    urls = {address(record.url) or record.url: record.id for record in records}
    back = db.execute(
        select(pointers.c.url, pointers.c.incident)
        .join(incidents, incidents.c.id == pointers.c.incident)
        .where(pointers.c.url.in_(urls), pointers.c.system != system, incidents.c.unit == unit)
    )
    yield from ((urls[row.url], row.incident) for row in back)


def keep_points(db: Connection, system: str, pointing: Mapping[int, Record]) -> None:
    """Remember where the records of incidents point, in place of where they did."""
    db.execute(
        delete(pointers).where(pointers.c.system == system, pointers.c.incident.in_(pointing))
    )
    rows = [
        {"incident": incident, "system": system, "url": url}
        for incident, record in pointing.items()
        for url in record.points
    ]
    if rows:
        db.execute(insert(pointers), rows)
