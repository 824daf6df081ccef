"""Datadog's incident types, and the fields that each of them defines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import uuid5

from instep.simulator.datadog import org

INCIDENT_TYPE = str(uuid5(org.SPACE, "type/default"))
SECURITY_TYPE = str(uuid5(org.SPACE, "type/security"))
SINCE = "2025-01-01T00:00:00Z"
SEVERITIES = ("UNKNOWN", "SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5")
STATES = ("active", "stable", "resolved", "completed")
DONE = frozenset({"resolved", "completed"})
DETECTION = ("unknown", "customer", "employee", "monitor", "other")
DEFAULTS = {"severity": "UNKNOWN", "state": "active", "detection_method": "unknown"}
REFERENCE = "external_reference"
STOCK = {
    "teams": "autocomplete",
    "severity": "dropdown",
    "state": "dropdown",
    "detection_method": "dropdown",
    "root_cause": "textbox",
    "summary": "textbox",
    "services": "autocomplete",
    "slug": "textbox",
}
#: Numbers of the types; what incidents call the last two is not published (assumed).
KINDS = {
    "dropdown": 1,
    "multiselect": 2,
    "textbox": 3,
    "textarray": 4,
    "metrictag": 5,
    "autocomplete": 6,
    "number": 7,
    "datetime": 8,
}
MULTI = frozenset({"multiselect", "textarray", "metrictag", "autocomplete"})


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A field of one incident type; ``choices`` close a dropdown, none leave it open.

    ``is_required`` binds people who declare in the web interface, never the API (documented).
    """

    id: str
    name: str
    kind: str
    display_name: str = ""
    choices: tuple[str, ...] = ()
    default: str | None = None
    is_required: bool = False
    is_reserved: bool = False
    category: str | None = None
    collected: str | None = None

    def view(self, type_id: str) -> dict[str, Any]:
        """Spell the definition."""
        values = [{"value": one, "display_name": one.capitalize()} for one in self.choices]
        attributes = {
            "name": self.name,
            "display_name": self.display_name or self.name.replace("_", " ").capitalize(),
            "type": KINDS[self.kind],
            "category": self.category,
            "collected": self.collected,
            "required": self.is_required,
            "reserved": self.is_reserved,
            "ordinal": None,
            "tag_key": None,
            "default_value": self.default,
            "valid_values": values or None,
            "metadata": None,
            "created": SINCE,
            "modified": SINCE,
            "deleted": None,
        }
        related = {
            "incident_type": {"data": {"type": "incident_types", "id": type_id}},
            "created_by_user": org.ANA.related(),
            "last_modified_by_user": org.ANA.related(),
        }
        kind = {"type": "user_defined_field", "id": self.id}
        return kind | {"attributes": attributes, "relationships": related}


@dataclass(frozen=True)
class IncidentType:
    """One incident type; ``settings`` are its configuration, as its resource shows it.

    ``has_mirrors`` says whether severity and state stand beside the fields a second time.
    """

    id: str
    name: str
    definitions: Mapping[str, Definition]
    settings: Mapping[str, Any] = field(default_factory=dict)
    description: str = "Incidents of one kind."
    is_default: bool = False
    has_mirrors: bool = True

    @cached_property
    def defaults(self) -> dict[str, str]:
        """Answer the values that a new incident has by itself."""
        return {one.name: one.default for one in self.definitions.values() if one.default}

    def slug(self, number: int) -> str:
        """Spell the slug of an incident; it may show a ServiceNow record (documented)."""
        is_foreign = self.settings.get("slug_source") == "servicenow"
        return f"INC{number:07}" if is_foreign else f"IR-{number}"

    def view(self) -> dict[str, Any]:
        """Spell the type; its times are in camel case (observed)."""
        attributes = {
            "name": self.name,
            "description": self.description,
            "is_default": self.is_default,
            "prefix": "IR",
            "createdAt": SINCE,
            "modifiedAt": SINCE,
            "createdBy": org.ANA.id,
            "lastModifiedBy": org.ANA.id,
            "configuration": dict(self.settings),
        }
        return {"type": "incident_types", "id": self.id, "attributes": attributes}


def stock(
    type_id: str, severities: Iterable[str], states: Iterable[str], more: Mapping[str, str]
) -> dict[str, Definition]:
    """Define the fields that every type has, and ``more`` by the names of their kinds."""
    choices = {
        "severity": tuple(severities),
        "state": tuple(states),
        "detection_method": DETECTION,
    }
    return {
        name: Definition(
            id=field_id(type_id, name),
            name=name,
            kind=kind,
            choices=choices.get(name, ()),
            default=_default(name, choices.get(name, ())),
            is_required=name == "root_cause",
            is_reserved=name in STOCK,
        )
        for name, kind in {**STOCK, **more}.items()
    }


def _default(name: str, choices: tuple[str, ...]) -> str | None:
    """Answer the usual choice (observed), or without it the last, mildest one (assumed)."""
    usual = DEFAULTS.get(name)
    return usual if usual in choices or not choices else choices[-1]


def field_id(type_id: str, name: str) -> str:
    """Answer the id of a field: each type has its own, even for one name (observed)."""
    return str(uuid5(org.SPACE, f"field/{type_id}/{name}"))


class Types:
    """The incident types of one organisation; one of them is the default."""

    def __init__(self, *types: IncidentType) -> None:
        """Hold the types, the first of which is the default."""
        self._held = {one.id: replace(one, is_default=one is types[0]) for one in types}

    def everything(self) -> list[IncidentType]:
        """Answer every type, the default first."""
        return sorted(self._held.values(), key=lambda one: not one.is_default)

    @property
    def default(self) -> IncidentType:
        """Answer the type of incidents that name none."""
        return self.everything()[0]

    def get(self, type_id: Any) -> IncidentType | None:
        """Answer a type by id."""
        return self._held.get(type_id) if isinstance(type_id, str) else None

    def put(self, added: IncidentType) -> None:
        """Hold a new type, or a new version of one; a new default takes the place of the old."""
        if added.is_default:
            self._held = {key: replace(one, is_default=False) for key, one in self._held.items()}
        self._held[added.id] = added
