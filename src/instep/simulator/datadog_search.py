"""Datadog's search: its query language and its envelope."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from instep.simulator import datadog_org as org
from instep.simulator.datadog_incident import Incident
from instep.simulator.datadog_writes import RefusedError

Facet = Callable[[Incident], Iterable[Any]]
TERM = re.compile(r'([\w.\-]+):(\([^)]*\)|"[^"]*"|\S+)|("[^"]*"|\S+)')


def _user(role: str, incident: Incident) -> list[str]:
    user = org.BY_ID.get(getattr(incident, role) or "")
    return [user.email, user.id] if user else []


FACETS: dict[str, Facet] = {
    "public_id": lambda one: [one.public_id],
    "visibility": lambda one: [one.visibility],
    "customer_impacted": lambda one: [str(one.customer_impacted).lower()],
    "is_test": lambda one: [str(one.is_test).lower()],
    "commander": lambda one: _user("commander", one),
    "commander.handle": lambda one: _user("commander", one),
    "created_by": lambda one: _user("author", one),
    "last_modified_by": lambda one: _user("editor", one),
    "incident_type": lambda _: ["Default"],
}


def matches(query: str, types: Iterable[str]) -> Callable[[Incident], bool]:
    """Read a query: facets joined by AND, alternatives as ``facet:(a OR b)``.

    Words without a facet are looked for in titles (assumed); unknown facets are refused, as
    pasting a web address was observed to be.
    """
    tests = []
    for facet, values, word in TERM.findall(query):
        if facet:
            tests.append(_facet(facet, _alternatives(values), types))
        elif word != "AND":
            tests.append(_titled(word.strip('"').lower()))
    return lambda incident: all(test(incident) for test in tests)


def _alternatives(values: str) -> set[str]:
    inner = values[1:-1] if values.startswith("(") else values
    words = re.findall(r'"[^"]*"|\S+', inner)
    return {word.strip('"').lower() for word in words if word != "OR"}


def _titled(word: str) -> Callable[[Incident], bool]:
    return lambda incident: word in incident.title.lower()


def _facet(name: str, wanted: set[str], types: Iterable[str]) -> Callable[[Incident], bool]:
    if name in FACETS:
        facet = FACETS[name]
        return lambda incident: any(str(one).lower() in wanted for one in facet(incident))
    if name in types:
        return lambda incident: any(one.lower() in wanted for one in _values(incident, name))
    raise RefusedError(f"invalid query: unknown facet {name}")


def _values(incident: Incident, name: str) -> list[str]:
    value = incident.fields.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def envelope(found: list[Incident], offset: int, size: int, types: Iterable[str]) -> bytes:
    """Spell a page of search results, the latest created first unless told otherwise."""
    page = found[offset : offset + size]
    rows = [incident.as_found for incident in page]
    attributes = {
        "total": len(found),
        "facets": _facets(found, types),
        "incidents": [{"data": row} for row in rows],
    }
    # The page comes a second time as `included`, whatever was asked for (observed).
    return orjson.dumps(
        {
            "data": {"type": "incidents_search_results", "attributes": attributes},
            "included": rows,
            "meta": {"pagination": pagination(offset, len(page))},
        }
    )


def pagination(offset: int, count: int) -> dict[str, int]:
    """Answer the recorded paging: ``next_offset`` stands there even if nothing follows."""
    return {"offset": offset, "next_offset": offset + count, "size": count}


def _facets(found: list[Incident], types: Iterable[str]) -> dict[str, Any]:
    fields = {name: _counts(v for one in found for v in _values(one, name)) for name in types}
    commanders = Counter(one.commander for one in found if one.commander)
    aggregates = {"min": None, "max": None}
    return {
        "severity": fields.pop("severity"),
        "state": fields.pop("state"),
        "customer_impacted": _counts(one.customer_impacted for one in found),
        "time_to_resolve": [{"name": "time_to_resolve", "aggregates": aggregates}],
        "commander": [_commander(user, count) for user, count in commanders.items()],
        "incident_type": [{"name": "Default", "count": len(found), "id": org.INCIDENT_TYPE}],
        "fields": [{"name": name, "facets": facets} for name, facets in fields.items()],
    }


def _counts(values: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"name": name, "count": count} for name, count in Counter(values).most_common()]


def _commander(user_id: str, count: int) -> dict[str, Any]:
    user = org.BY_ID[user_id]
    named = {"name": user.name, "count": count, "handle": user.email}
    return named | {"uuid": user.id, "email": user.email}
