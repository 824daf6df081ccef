"""The simulated Datadog organisation: its people, and what a key may be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

SPACE = uuid5(NAMESPACE_DNS, "datadog.simulator.instep")
ORG = str(uuid5(SPACE, "org"))
SINCE = "2025-01-01T00:00:00+00:00"
PERMISSIONS = (
    *("incident_read", "incident_write", "incident_settings_read", "incident_settings_write"),
    *("user_access_read", "user_access_invite", "user_access_manage"),
)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may act on incidents; an application key acts as its owner."""

    id: str
    email: str
    name: str | None
    is_service: bool = False
    status: str = "Active"
    title: str | None = None

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
        """Spell the user as writes embed one."""
        return {"data": self.included()}

    def found(self) -> dict[str, Any]:
        """Spell the user as searches embed one: no name is empty text there (observed)."""
        named = {"attributes": self.brief | {"name": self.name or ""}}
        return {"data": self.included() | named}

    def included(self) -> dict[str, Any]:
        """Spell the user as ``include=users`` adds one."""
        return {"type": "users", "id": self.id, "attributes": self.brief}

    def related(self) -> dict[str, Any]:
        """Spell the user as relationships name one."""
        return {"data": {"type": "users", "id": self.id}}

    def view(self) -> dict[str, Any]:
        """Spell the user as the users endpoint does."""
        attributes = {key: value for key, value in self.brief.items() if key != "uuid"} | {
            "created_at": SINCE,
            "modified_at": SINCE,
            "title": self.title,
            "verified": self.status != "Pending",
            "service_account": self.is_service,
            "disabled": self.status == "Disabled",
            "allowed_login_methods": [],
            "status": self.status,
            "last_login_time": None,
        }
        roles_and_org = {"roles": {"data": []}, "org": {"data": {"type": "orgs", "id": ORG}}}
        return {
            "type": "users",
            "id": self.id,
            "attributes": attributes,
            "relationships": roles_and_org,
        }


def _user(name: str, *, is_service: bool = False, status: str = "Active") -> User:
    email = f"{name}@example.com"
    full = None if status == "Pending" else name.capitalize() + " Example"
    return User(str(uuid5(SPACE, email)), email, full, is_service, status)


BOT = _user("instep-bot", is_service=True)
ANA = _user("ana")
USERS = (
    *(BOT, ANA, _user("ben"), _user("chloe"), _user("dmitri")),
    *(_user("eve", status="Disabled"), _user("fay", status="Pending")),
)


class People:
    """The users of one organisation, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with the usual people."""
        self._held = {user.id: user for user in USERS}

    def everybody(self) -> list[User]:
        """Answer every user, disabled and pending ones too."""
        return list(self._held.values())

    def get(self, user_id: Any) -> User | None:
        """Answer a user by id."""
        return self._held.get(user_id) if isinstance(user_id, str) else None

    def named(self, email: str) -> User | None:
        """Answer a user by e-mail, whatever its case."""
        return next((one for one in self._held.values() if one.email == email.lower()), None)

    def invite(self, user_id: str, email: str, title: str | None) -> User:
        """Let a user be pending; e-mails are kept in lower case (observed)."""
        self._held[user_id] = User(user_id, email.lower(), None, status="Pending", title=title)
        return self._held[user_id]

    def disable(self, user: User) -> None:
        """Deactivate a user; incidents go on naming one."""
        self._held[user.id] = replace(user, status="Disabled")


def permission(name: str) -> dict[str, Any]:
    """Spell a permission of the organisation."""
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
