"""The envelope of Datadog's search: rows, facets that may dwarf them, and the rows once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import orjson

from instep.simulator.datadog import org
from instep.simulator.datadog.incident import Incident, seconds
from instep.simulator.datadog.search import field_values, has_postmortem
from instep.simulator.datadog.types import IncidentType

#: The other times have no filter here: what the recorded organisation shows is empty.
NO_RANGE = {"min": None, "max": None}


def envelope(
    found: Sequence[Incident],
    offset: int,
    size: int,
    types: Sequence[IncidentType],
    *,
    bloat: int = 0,
    more: Sequence[dict[str, Any]] = (),
) -> bytes:
    """Spell a page of what was found, with ``bloat`` kB of facets besides.

    The page comes a second time as ``included``, whatever was asked for (observed), with ``more``
    resources that were asked for behind it (assumed).
    """
    page = found[offset : offset + size]
    rows = [incident.as_found for incident in page]
    attributes = {
        "total": len(found),
        "facets": _facets(found, types, bloat),
        "incidents": [{"data": row} for row in rows],
    }
    return orjson.dumps(
        {
            "data": {"type": "incidents_search_results", "attributes": attributes},
            "included": [*rows, *more],
            "meta": {"pagination": pagination(offset, len(page), len(page))},
        }
    )


def pagination(offset: int, count: int, passed: int) -> dict[str, int]:
    """Answer the recorded paging: ``next_offset`` stands there even if nothing follows.

    ``passed`` counts the rows behind which the next page begins, hidden ones too.
    """
    return {"offset": offset, "next_offset": offset + passed, "size": count}


def _facets(found: Sequence[Incident], types: Sequence[IncidentType], bloat: int) -> dict[str, Any]:
    fields = {
        name: _counts((v for one in found for v in field_values(one, name)), choices)
        for name, choices in _choices(types).items()
    }
    return {
        "severity": fields.pop("severity"),
        "state": fields.pop("state"),
        "visibility": _counts(one.visibility for one in found),
        "impact": _counts("customer" if one.impacts else "none" for one in found),
        "postmortem": _counts(
            ("Yes" if has_postmortem(one) else "No" for one in found), ("No", "Yes")
        ),
        "customer_impacted": _flags(one.customer_impacted for one in found),
        "is_test": _flags(one.is_test for one in found),
        "time_to_detect": _range("time_to_detect", []),
        "time_to_repair": _range("time_to_repair", []),
        "time_to_resolve": _range(
            "time_to_resolve", [seconds(one.created, one.resolved) for one in found if one.resolved]
        ),
        "created_by": _people(one.author for one in found),
        "declared_by": _people(one.declarer for one in found),
        "last_modified_by": _people(one.editor for one in found),
        "commander": [*_people(one.commander for one in found), *_strangers(bloat)],
        "responder": _people(user for one in found for user in one.responders),
        "incident_type": _types(found),
        "fields": [{"name": name, "facets": facets} for name, facets in fields.items()],
    }


def _choices(types: Sequence[IncidentType]) -> dict[str, tuple[str, ...]]:
    """Answer the fields of all types, with the choices that are counted even at none."""
    definitions = (one for kind in types for one in kind.definitions.values())
    return {one.name: one.choices for one in definitions}


def _counts(values: Iterable[Any], choices: Sequence[str] = ()) -> list[dict[str, Any]]:
    counted = Counter(values)
    unused = {name: 0 for name in choices if name not in counted}
    return [{"name": name, "count": n} for name, n in (*counted.most_common(), *unused.items())]


def _flags(values: Iterable[bool]) -> list[dict[str, Any]]:
    """Count a flag, whose two values have names of different types (observed)."""
    counted = Counter(values)
    return [{"name": 0, "count": counted[False]}, {"name": True, "count": counted[True]}]


def _range(name: str, values: Sequence[int]) -> list[dict[str, Any]]:
    aggregates = {"min": min(values), "max": max(values)} if values else NO_RANGE
    return [{"name": name, "aggregates": aggregates}]


def _people(users: Iterable[org.User | None]) -> list[dict[str, Any]]:
    counted = Counter(user for user in users if user)
    return [
        {
            "name": user.name or user.email,
            "count": count,
            "handle": user.email,
            "uuid": user.id,
            "email": user.email,
        }
        for user, count in counted.most_common()
    ]


def _types(found: Sequence[Incident]) -> list[dict[str, Any]]:
    counted = Counter((one.kind.name, one.kind.id) for one in found)
    return [{"name": name, "count": n, "id": key} for (name, key), n in counted.most_common()]


@cache
def _strangers(kilobytes: int) -> list[dict[str, Any]]:
    """Invent former commanders, as many as fill so many kilobytes (observed: 232 of them)."""
    rows: list[dict[str, Any]] = []
    length = 0
    while length < 1024 * kilobytes:
        email = f"former-commander-{len(rows)}@example.com"
        uuid = f"00000000-0000-4000-8000-{len(rows):012}"
        rows.append({"name": email, "count": 0, "handle": email, "uuid": uuid, "email": email})
        length += len(orjson.dumps(rows[-1]))
    return rows
