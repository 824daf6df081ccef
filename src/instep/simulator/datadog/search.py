"""The query language of Datadog's search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from instep.simulator.datadog.incident import Incident
from instep.simulator.datadog.types import IncidentType
from instep.simulator.datadog.writes import RefusedError

Facet = Callable[[Incident], Iterable[Any]]
Test = Callable[[Incident], bool]
TERM = re.compile(r'(-?)(?:([\w.\-]+):(\([^)]*\)|"[^"]*"|\S+)|("[^"]*"|\S+))')


def _user(role: str, incident: Incident) -> list[str]:
    user = getattr(incident, role)
    return [user.email, user.id] if user else []


def _flag(value: Any) -> list[str]:
    return [str(bool(value)).lower()]


FACETS: dict[str, Facet] = {
    "public_id": lambda one: [one.public_id],
    "visibility": lambda one: [one.visibility],
    "customer_impacted": lambda one: _flag(one.customer_impacted),
    "is_test": lambda one: _flag(one.is_test),
    "commander": lambda one: _user("commander", one),
    "commander.handle": lambda one: _user("commander", one),
    "created_by": lambda one: _user("author", one),
    "declared_by": lambda one: _user("declarer", one),
    "last_modified_by": lambda one: _user("editor", one),
    "responder": lambda one: [text for user in one.responders for text in (user.email, user.id)],
    "incident_type": lambda one: [one.kind.name],
    "impact": lambda one: ["customer" if one.impacts else "none"],
    "postmortem": lambda one: ["Yes" if has_postmortem(one) else "No"],
}


def has_postmortem(incident: Incident) -> bool:
    """Answer whether a postmortem is attached."""
    return any(one.values["attachment_type"] == "postmortem" for one in incident.attachments)


def matches(query: str, types: Sequence[IncidentType]) -> Test:
    """Read a query: facets joined by AND, alternatives as ``facet:(a OR b)``, ``-`` before a no.

    Words without a facet are looked for in titles (assumed); unknown facets are refused, as
    pasting a web address was observed to be.
    """
    tests = []
    for minus, facet, values, word in TERM.findall(query):
        if word in {"OR", "NOT"}:
            raise RefusedError(f"invalid query: {word} outside of a facet")
        if facet:
            test = _facet(facet, _alternatives(values), types)
        elif word != "AND":
            test = _titled(word.strip('"').lower())
        else:
            continue
        tests.append(_not(test) if minus else test)
    return lambda incident: all(test(incident) for test in tests)


def _not(test: Test) -> Test:
    return lambda incident: not test(incident)


def _alternatives(values: str) -> set[str]:
    inner = values[1:-1] if values.startswith("(") else values
    words = re.findall(r'"[^"]*"|\S+', inner)
    return {word.strip('"').lower() for word in words if word != "OR"}


def _titled(word: str) -> Test:
    return lambda incident: word in incident.title.lower()


def _facet(name: str, wanted: set[str], types: Sequence[IncidentType]) -> Test:
    if name in FACETS:
        facet = FACETS[name]
        return lambda incident: any(str(one).lower() in wanted for one in facet(incident))
    if any(name in one.definitions for one in types):
        return lambda one: any(value.lower() in wanted for value in field_values(one, name))
    raise RefusedError(f"invalid query: unknown facet {name}")


def field_values(incident: Incident, name: str) -> list[str]:
    """Answer the searchable values of a field: of free text there are none (documented)."""
    definition = incident.kind.definitions.get(name)
    value = incident.fields.get(name)
    if definition is None or value is None:
        return []
    if definition.kind == "textbox" and name != "slug":
        return []
    return value if isinstance(value, list) else [str(value)]
