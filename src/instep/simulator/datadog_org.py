"""The simulated Datadog organisation: its people, its incident type and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

SPACE = uuid5(NAMESPACE_DNS, "datadog.simulator.instep")
INCIDENT_TYPE = str(uuid5(SPACE, "type/default"))
ORG = str(uuid5(SPACE, "org"))
SINCE = "2025-01-01T00:00:00+00:00"
SINCE_GO = "2025-01-01T00:00:00Z"
SEVERITIES = ("UNKNOWN", "SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5")
STATES = ("active", "stable", "resolved", "completed")
DONE = frozenset({"resolved", "completed"})
DETECTION = ("unknown", "customer", "employee", "monitor", "other")
CHOICES = {"severity": SEVERITIES, "state": STATES, "detection_method": DETECTION}
REFERENCE = "external_reference"
FIELDS = {
    "teams": "autocomplete",
    "severity": "dropdown",
    "state": "dropdown",
    "detection_method": "dropdown",
    "root_cause": "textbox",
    "summary": "textbox",
    "services": "autocomplete",
    "slug": "textbox",
    REFERENCE: "textarray",
}
DEFAULTS = {"severity": "UNKNOWN", "state": "active", "detection_method": "unknown"}
KINDS = {
    "dropdown": 1,
    "multiselect": 2,
    "textbox": 3,
    "textarray": 4,
    "metrictag": 5,
    "autocomplete": 6,
}
MULTI = frozenset({"multiselect", "textarray", "metrictag", "autocomplete"})
PERMISSIONS = ("incident_read", "incident_write", "incident_settings_read", "user_access_read")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may act on incidents; an application key acts as its owner."""

    id: str
    email: str
    name: str
    is_service: bool = False
    is_disabled: bool = False

    @property
    def brief(self) -> dict[str, Any]:
        """Answer the attributes that incidents embed."""
        return {
            "uuid": self.id,
            "handle": self.email,
            "email": self.email,
            "name": self.name,
            "icon": "https://example.com/avatar?s=48&d=retro",
        }

    def embedded(self) -> dict[str, Any]:
        """Spell the user as writes and searches embed one."""
        return {"data": self.included()}

    def included(self) -> dict[str, Any]:
        """Spell the user as ``include=users`` adds one."""
        return {"type": "users", "id": self.id, "attributes": self.brief}

    def view(self) -> dict[str, Any]:
        """Spell the user as the users endpoint does."""
        attributes = {key: value for key, value in self.brief.items() if key != "uuid"} | {
            "created_at": SINCE,
            "modified_at": SINCE,
            "title": None,
            "verified": True,
            "service_account": self.is_service,
            "disabled": self.is_disabled,
            "allowed_login_methods": [],
            "status": "Disabled" if self.is_disabled else "Active",
            "last_login_time": None,
        }
        roles_and_org = {"roles": {"data": []}, "org": {"data": {"type": "orgs", "id": ORG}}}
        return {
            "type": "users",
            "id": self.id,
            "attributes": attributes,
            "relationships": roles_and_org,
        }


def _user(name: str, *, is_service: bool = False, is_disabled: bool = False) -> User:
    email = f"{name}@example.com"
    full = name.capitalize() + " Example"
    return User(str(uuid5(SPACE, email)), email, full, is_service, is_disabled)


BOT = _user("instep-bot", is_service=True)
ANA = _user("ana")
USERS = (BOT, ANA, _user("ben"), _user("chloe"), _user("dmitri"), _user("eve", is_disabled=True))
BY_ID = {user.id: user for user in USERS}
BY_EMAIL = {user.email: user for user in USERS}


def field_id(name: str) -> str:
    """Answer the id of the field of that name."""
    return str(uuid5(SPACE, f"field/{name}"))


def incident_type() -> dict[str, Any]:
    """Spell the default incident type; its times are in camel case, as observed."""
    attributes = {
        "name": "Default",
        "description": "Incidents of every kind.",
        "is_default": True,
        "prefix": "IR",
        "createdAt": SINCE_GO,
        "modifiedAt": SINCE_GO,
        "createdBy": ANA.id,
        "lastModifiedBy": ANA.id,
    }
    return {"type": "incident_types", "id": INCIDENT_TYPE, "attributes": attributes}


def field_view(name: str, kind: str) -> dict[str, Any]:
    """Spell the definition of a field."""
    choices = CHOICES.get(name)
    values = [{"value": one, "display_name": one.capitalize()} for one in choices or ()]
    attributes = {
        "name": name,
        "display_name": name.replace("_", " ").capitalize(),
        "type": KINDS[kind],
        "category": None,
        "collected": None,
        "required": False,
        "reserved": name in FIELDS and name != REFERENCE,
        "ordinal": None,
        "tag_key": None,
        "default_value": DEFAULTS.get(name),
        "valid_values": values if choices else None,
        "metadata": None,
        "created": SINCE_GO,
        "modified": SINCE_GO,
        "deleted": None,
    }
    related = {
        "incident_type": {"data": {"type": "incident_types", "id": INCIDENT_TYPE}},
        "created_by_user": {"data": {"type": "users", "id": ANA.id}},
        "last_modified_by_user": {"data": {"type": "users", "id": ANA.id}},
    }
    kind_of = {"type": "user_defined_field", "id": field_id(name)}
    return kind_of | {"attributes": attributes, "relationships": related}


def permission(name: str) -> dict[str, Any]:
    """Spell a permission of the acting account."""
    attributes = {
        "name": name,
        "display_name": name.replace("_", " ").capitalize(),
        "description": "",
        "group_name": "Case and Incident Management",
        "display_type": "other",
        "restricted": False,
        "created": SINCE,
    }
    return {"type": "permissions", "id": str(uuid5(SPACE, name)), "attributes": attributes}
