"""Places in a Datadog incident: how each is read into a word and written from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from instep.core.model import Mark, Word, Words
from instep.errors import Rejected
from instep.systems.http import Door
from instep.systems.raw import Getter, Raw, dig, objects, parse_mark, plain, text

log = structlog.get_logger()

FIELDS = "fields."
WRITTEN_DATES = frozenset({"customer_impact_start", "customer_impact_end", "detected"})
TEXTS = frozenset({"title", "customer_impact_scope"})
COMMANDER = "commander"
#: Types of fields that hold several values; all others hold one (recorded).
MANY = frozenset({"multiselect", "textarray", "metrictag", "autocomplete"})
#: Numbers of user-defined field types (documented); 7 and 8 have no name in the incident model.
TYPES = {
    1: "dropdown",
    2: "multiselect",
    3: "textbox",
    4: "textarray",
    5: "metrictag",
    6: "autocomplete",
}
#: Fields of every incident type, as recorded in 2026.
STOCK = {
    "severity": "dropdown",
    "state": "dropdown",
    "detection_method": "dropdown",
    "summary": "textbox",
    "root_cause": "textbox",
    "services": "autocomplete",
    "teams": "autocomplete",
}
DEFINITIONS = "/api/v2/incidents/config/user-defined-fields"


def getter(path: str) -> Getter | None:
    """Choose how a path of an incident's attributes is read; ``None`` if there is no such path."""
    if path.startswith(FIELDS):
        name = path.removeprefix(FIELDS)
        return lambda raw: plain(dig(raw, "attributes", "fields", name, "value"))
    if path in TEXTS or path in WRITTEN_DATES or path == "resolved":
        return lambda raw: text(dig(raw, "attributes", path))
    return None


def commander_of(raw: Raw) -> str | None:
    """Give the id of the commander, who stands only among the relationships (recorded)."""
    return text(dig(raw, "relationships", "commander_user", "data", "id"))


def mark_of(raw: Raw, reference: str) -> Mark | None:
    """Read the mark among the values of the reference field; people may add their own."""
    values = dig(raw, "attributes", "fields", reference, "value")
    marks = (parse_mark(value) for value in (values if isinstance(values, list) else [values]))
    return next((mark for mark in marks if mark is not None), None)


class Fields:
    """The types of fields: learned from incidents, which show all of theirs, else asked for."""

    def __init__(self, door: Door) -> None:
        """Know the stock fields."""
        self._door = door
        self._types = dict(STOCK)

    def learn(self, raw: Raw) -> None:
        """Remember the types that an incident shows."""
        for name, held in (dig(raw, "attributes", "fields") or {}).items():
            if isinstance(held, dict) and held.get("type"):
                self._types[name] = held["type"]

    async def type_of(self, name: str) -> str:
        """Give the type of a field.

        Raises:
            Rejected: neither an incident nor a definition shows such a field.
        """
        if name not in self._types:
            self._types.update(await self._defined())
        if name not in self._types:
            raise Rejected(
                f"{self._door.system} has no incident field {name!r}",
                system=self._door.system,
                advice="create it under Incident Settings, Property Fields, for the incident type",
            )
        return self._types[name]

    async def _defined(self) -> dict[str, str]:
        """Read the definitions of all incident types; of a preview endpoint, none is an answer."""
        answer = await self._door.read("GET", DEFINITIONS)
        found = [dig(one, "attributes") for one in objects(dig(answer.peek(), "data"))]
        return {
            str(dig(one, "name")): TYPES.get(dig(one, "type"), "textbox")
            for one in found
            if dig(one, "name")
        }

    async def encode(self, name: str, word: Word) -> Raw:
        """Encode a field as its type wants it; ``null`` clears it (documented).

        Raises:
            Rejected: the field does not exist, or holds one value and was given several.
        """
        kind = await self.type_of(name)
        values = list(word) if isinstance(word, tuple) else [word]
        if word is None:
            return {"type": kind, "value": None}
        if kind in MANY:
            return {"type": kind, "value": [str(value) for value in values]}
        if len(values) > 1:
            raise Rejected(
                f"{self._door.system}: field {name!r} holds one value, not {len(values)}",
                system=self._door.system,
            )
        return {"type": kind, "value": values[0]}


class People:
    """Who is who: e-mail addresses of user ids and the other way round, remembered."""

    def __init__(self, door: Door) -> None:
        """Know nobody yet."""
        self._door = door
        self._emails: dict[str, str | None] = {}
        self._ids: dict[str, str] = {}

    def email(self, user_id: str | None) -> str | None:
        """Give the e-mail of a user who was met."""
        return self._emails.get(user_id) if user_id else None

    async def meet(self, user_ids: set[str]) -> None:
        """Ask for the e-mails of users not met yet; one who cannot be shown has none."""
        for user_id in sorted(user_ids - self._emails.keys()):
            answer = await self._door.read("GET", f"/api/v2/users/{user_id}")
            if answer.status == 404:
                log.warning("name.unknown", system=self._door.system, path=COMMANDER, name=user_id)
            elif not answer.ok:
                raise answer.unusable("did not show a user")
            email = text(dig(answer.peek(), "data", "attributes", "email"))
            self._emails[user_id] = email.lower() if email else None

    async def check(self) -> None:
        """Prove that users may be looked up.

        Raises:
            Denied: the permission ``user_access_read`` is missing.
        """
        params: Mapping[str, str | int] = {"filter": "@", "page[size]": 1}
        await self._door.read("GET", "/api/v2/users", params=params)

    async def user_id(self, email: str) -> str | None:
        """Give the id of an active user, or ``None`` with a warning."""
        if email not in self._ids:
            params: Mapping[str, str | int] = {"filter": email, "page[size]": 100}
            answer = await self._door.read("GET", "/api/v2/users", params=params)
            for user in objects(answer.part("data", list)):
                about: Any = user.get("attributes")
                if str(dig(about, "email")).lower() == email and not dig(about, "disabled"):
                    self._ids[email] = str(user.get("id"))
                    self._emails[self._ids[email]] = email
        if email not in self._ids:
            log.warning("name.unknown", system=self._door.system, path=COMMANDER, name=email)
        return self._ids.get(email)


@dataclass(slots=True)
class Sent:
    """What a request that writes says; ``unknown`` are the paths that it had no name for."""

    attributes: Raw = field(default_factory=dict)
    relationships: Raw = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything would change."""
        return bool(self.attributes or self.relationships)

    def body(self, *, new: bool) -> Raw:
        """Give attributes and relationships; a create cannot carry times (documented)."""
        body: Raw = {"attributes": self.attributes} if self.attributes else {}
        if new:
            about = {k: v for k, v in self.attributes.items() if k not in WRITTEN_DATES}
            body = {"attributes": about | {"customer_impacted": False}}
        return body | ({"relationships": self.relationships} if self.relationships else {})


class Encoder:
    """Words to attributes and relationships."""

    def __init__(self, fields: Fields, people: People, reference_field: str) -> None:
        """Resolve fields and people; the reference field holds marks beside people's own values."""
        self._fields = fields
        self._people = people
        self._reference = reference_field

    async def encode(self, words: Words, mark: Mark | None, *, new: bool) -> Sent:
        """Encode words; the mark goes wherever the reference field is written, and into all new.

        Raises:
            Rejected: a field does not exist, or holds one value and was given several.
        """
        sent = Sent()
        for path, word in words.items():
            if path.startswith(FIELDS):
                await self._field(sent, path.removeprefix(FIELDS), word)
            elif path in WRITTEN_DATES or (path in TEXTS and word is not None):
                sent.attributes[path] = word
            elif path == COMMANDER:
                await self._commander(sent, word)
        if mark is not None and (new or FIELDS + self._reference in words):
            await self._mark(sent, mark)
        return sent

    async def _mark(self, sent: Sent, mark: Mark) -> None:
        """Add a mark to what is written into the reference field."""
        fields = sent.attributes.setdefault("fields", {})
        kind = await self._fields.type_of(self._reference)
        own = dig(fields, self._reference, "value") or []
        fields[self._reference] = {"type": kind, "value": [*own, str(mark)]}

    async def _field(self, sent: Sent, name: str, word: Word) -> None:
        """Encode one field."""
        sent.attributes.setdefault("fields", {})[name] = await self._fields.encode(name, word)

    async def _commander(self, sent: Sent, word: Word) -> None:
        """Encode the first of some people whom the organisation knows; ``None`` clears."""
        emails = [word] if isinstance(word, str) else list(word) if isinstance(word, tuple) else []
        for email in emails:
            if user_id := await self._people.user_id(email.lower()):
                sent.relationships["commander_user"] = {"data": {"type": "users", "id": user_id}}
                return
        if emails:
            sent.unknown = (COMMANDER,)
        else:
            sent.relationships["commander_user"] = {"data": None}
