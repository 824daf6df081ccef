"""A DevRev incident: how it is kept, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import spell
from instep.simulator.devrev.fields import FIELDS, SUBTYPE_FRAGMENT, TENANT_FRAGMENT
from instep.simulator.devrev.lookups import Thing
from instep.simulator.devrev.schema import STOCK_FRAGMENT
from instep.simulator.devrev.shapes import ALL_DATES

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Incident:
    """One version of an incident; ``values`` holds whatever is set, never an empty value.

    There, people, parts and tags are ``Thing``s, instants are datetimes and the stage is its name.
    """

    number: int
    values: Values
    severities: Mapping[int, str]

    @property
    def id(self) -> str:
        """Answer the id that calls take."""
        return f"{org.CORE}:incident/{self.number}"

    @property
    def display_id(self) -> str:
        """Answer the id that people see."""
        return f"INC-{self.number}"

    @property
    def reference(self) -> str | None:
        """Answer the external reference that the incident carries."""
        reference: str | None = self.values.get("sync_metadata", {}).get("external_reference")
        return reference

    @property
    def thing(self) -> Thing:
        """Answer what others need to mention it."""
        return Thing("incident", self.id, self.display_id, self.values["title"])

    @cached_property
    def wire(self) -> orjson.Fragment:
        """Answer the read shape, already spelled as JSON."""
        return orjson.Fragment(orjson.dumps(self.view))

    @cached_property
    def view(self) -> dict[str, Any]:
        """Answer the read shape: sparse, with objects where a write has ids."""
        values = self.values
        view: dict[str, Any] = {"id": self.id, "display_id": self.display_id}
        view |= {key: _VIEWS[key](values[key]) for key in _VIEWS if key in values}
        view |= {key: spell(values[key]) for key in ALL_DATES if key in values}
        if "severity" in values:
            view["severity"] = org.choice(self.severities, values["severity"])
        return view | self._fragments() | {"stock_schema_fragment": STOCK_FRAGMENT}

    def _fragments(self) -> dict[str, Any]:
        used = {FIELDS[name].fragment for name in self.values.get("custom_fields", ())}
        ids = [TENANT_FRAGMENT] if "tenant" in used else []
        ids += [SUBTYPE_FRAGMENT] if "subtype" in self.values else []
        return {"custom_schema_fragments": ids} if ids else {}


def _same(value: Any) -> Any:
    return value


def _things(things: tuple[Thing, ...]) -> list[dict[str, Any]]:
    return [thing.summary() for thing in things]


def _tags(tags: tuple[tuple[Thing, str | None], ...]) -> list[dict[str, Any]]:
    return [
        {"tag": tag.summary()} | ({"value": value} if value is not None else {})
        for tag, value in tags
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # A sync history is written and never shown.
        return {key: _plain(one) for key, one in value.items() if key != "sync_history"}
    if isinstance(value, Thing):
        return value.summary()
    return spell(value) if isinstance(value, datetime) else value


def _impact(impact: dict[str, Any]) -> dict[str, Any]:
    # The number is the id of a choice, not a head count (assumed from how it is read).
    count = {"count": org.choice({}, impact["count"])} if "count" in impact else {}
    customers = _things(impact.get("customers", ()))
    return count | ({"customer_ids": customers} if customers else {})


# Keys that no view names are write-only: related_docs, staged_info, external_source_data, notes.
_VIEWS: dict[str, Callable[[Any], Any]] = {
    "title": _same,
    "body": _same,
    "created_by": org.person,
    "modified_by": org.person,
    "reported_by": lambda number: org.choice(org.REPORTERS, number),
    "source": lambda number: org.choice(org.SOURCES, number),
    "stage": org.stage_view,
    **dict.fromkeys(("owned_by", "applies_to_parts", "artifacts", "pia", "playbooks"), _things),
    "tags": _tags,
    "custom_fields": _same,
    "subtype": _same,
    "impact": _impact,
    "sync_metadata": _plain,
}
