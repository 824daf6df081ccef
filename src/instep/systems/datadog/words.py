"""Places in a Datadog incident: how each is read into a word and written from one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from instep.core.abilities import Abilities
from instep.core.model import Mark, Word, Words
from instep.core.paths import Places, at, below, follow
from instep.systems.datadog.fields import Fields
from instep.systems.datadog.people import COMMANDER, People
from instep.systems.raw import Getter, Raw, dig, parse_mark, plain, reader, text

FIELDS = "fields"
START = "customer_impact_start"
SCOPE = "customer_impact_scope"
#: Dates that an update can write; a create cannot, an import can write the last.
WRITTEN_DATES = frozenset({START, "customer_impact_end", "detected"})
#: Dates that only an import can write.
IMPORTED_DATES = frozenset({"declared", "resolved"})
TEXTS = frozenset({"title", SCOPE})
#: What the service sets when an incident is made, and what any write moves.
MADE = frozenset({"public_id", "created", "created_by_uuid", "declared_by_uuid"})
MOVED = frozenset({"modified", "last_modified_by_uuid"})
#: Attributes that show more of an incident; what stands beside the fields are copies (documented).
SHOWN = frozenset(
    {
        "archived",
        "case_id",
        "customer_impact_duration",
        "customer_impacted",
        "incident_type_uuid",
        "is_test",
        "non_datadog_creator",
        "notification_handles",
        "time_to_detect",
        "time_to_internal_response",
        "time_to_repair",
        "time_to_resolve",
        "visibility",
    }
)
PLACES = Places(
    write=TEXTS | WRITTEN_DATES | IMPORTED_DATES | {COMMANDER},
    read=MADE | MOVED | SHOWN,
    under=frozenset({FIELDS}),
)
#: What the answer to an import spells in another way than a read, or leaves out (recorded).
OTHERWISE = WRITTEN_DATES | IMPORTED_DATES | {SCOPE}


def getter(path: str) -> Getter | None:
    """Choose how a path of an incident's attributes is read; ``None`` if there is no such path.

    Severity and state are fields: what stands beside the fields are copies (documented), and old
    shapes have none. What is below a field is below its value.
    """
    if found := below(path, FIELDS):
        name, *deeper = found
        whole = ("attributes", FIELDS, name, "value", *deeper)
        return lambda raw: plain(follow(raw, whole))
    if path in TEXTS | WRITTEN_DATES | IMPORTED_DATES:
        return lambda raw: text(dig(raw, "attributes", path))
    return reader(PLACES, path, "attributes")


def field_of(path: str) -> str:
    """Name the field that a path is, whole; empty for any other path."""
    found = below(path, FIELDS)
    return str(found[0]) if len(found) == 1 else ""


def references(raw: Raw, reference: str) -> list[Any]:
    """Give the values of the reference field; people may add their own."""
    values = dig(raw, "attributes", "fields", reference, "value")
    return values if isinstance(values, list) else [values]


def marks_of(raw: Raw, reference: str) -> tuple[Mark, ...]:
    """Read the marks among the references, each once; people may copy one from elsewhere."""
    marks = (parse_mark(value) for value in references(raw, reference))
    return tuple(dict.fromkeys(mark for mark in marks if mark is not None))


def mark_of(raw: Raw, reference: str) -> Mark | None:
    """Read the mark of an incident; where several incidents are named, it is nobody's."""
    marks = marks_of(raw, reference)
    return marks[0] if len({mark.uid for mark in marks}) == 1 else None


def abilities(
    paths: Collection[str], *, deadline: float, hints: bool, quiet: bool, links: bool
) -> Abilities:
    """Declare what Datadog can do with the paths in use.

    New incidents are imported if ``quiet``, which carries other dates than a create and nothing
    about customers.
    """
    later = WRITTEN_DATES - {"detected"} | {SCOPE} if quiet else WRITTEN_DATES
    only_read = PLACES.only_read(paths)
    written = frozenset(paths) - only_read
    states = frozenset(path for path in paths if field_of(path) == "state")
    severities = frozenset(path for path in paths if field_of(path) == "severity")
    return Abilities(
        hints=hints,
        links=links,
        deadline=deadline,
        born=MappingProxyType(dict.fromkeys(sorted(later & {*paths}))),
        # Recorded: the service sets it on entering a final state, and never in a create.
        moves=MappingProxyType({"resolved": states, **dict.fromkeys(at(paths, *MOVED), written)}),
        # Emptying these is not documented; dates and other fields take null.
        keeps=TEXTS | states | severities,
        read_only=only_read if quiet else only_read | IMPORTED_DATES,
        create_only=IMPORTED_DATES if quiet else frozenset(),
        # Recorded: both dates are the time of the create, unless an import says otherwise.
        stamps=at(paths, *MADE, *MOVED) | {"detected", "declared"},
        # Notification rules page the organisation's own people, whom it chose itself; nobody
        # outside is told (documented), so ``notifies`` is empty.
        required=frozenset({"title"}),
    )


@dataclass(slots=True)
class Sent:
    """What a request that writes says; ``unknown`` are the paths that it had no name for."""

    attributes: Raw = field(default_factory=dict)
    relationships: Raw = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything would change."""
        return bool(self.attributes or self.relationships)

    def data(self, attributes: Raw) -> Raw:
        """Give the ``data`` of a request that carries these attributes, and the people."""
        body: Raw = {"type": "incidents"}
        if attributes:
            body["attributes"] = attributes
        if self.relationships:
            body["relationships"] = self.relationships
        return body


class Encoder:
    """Words to attributes and relationships."""

    def __init__(self, fields: Fields, people: People, reference_field: str) -> None:
        """Resolve fields and people; the reference field holds marks beside people's own values."""
        self._fields = fields
        self._people = people
        self._reference = reference_field

    async def encode(self, words: Words, marks: Sequence[Mark], *, of: str, new: bool) -> Sent:
        """Encode words for an incident of the type ``of``.

        Its marks go wherever the reference field is written, and into all that is new.

        Raises:
            Rejected: a field does not exist, or holds one value and was given several.
        """
        sent = Sent()
        for path, word in words.items():
            if field_of(path):
                await self._field(sent, path, word, of)
            elif path in WRITTEN_DATES | IMPORTED_DATES or (path in TEXTS and word is not None):
                sent.attributes[path] = word
            elif path == COMMANDER:
                await self._commander(sent, word)
        if marks and (new or self._reference in map(field_of, words)):
            await self._mark(sent, marks, of)
        return sent

    async def _mark(self, sent: Sent, marks: Sequence[Mark], of: str) -> None:
        """Add marks to what is written into the reference field.

        Raises:
            Rejected: incidents of this type have no such field.
        """
        fields = sent.attributes.setdefault("fields", {})
        own = dig(fields, self._reference, "value") or []
        values = (*own, *map(str, marks))
        encoded = await self._fields.encode(self._reference, values, of)
        if encoded is None:
            raise self._fields.missing(self._reference, of)
        fields[self._reference] = encoded

    async def _field(self, sent: Sent, path: str, word: Word, of: str) -> None:
        """Encode one field."""
        name = field_of(path)
        encoded = await self._fields.encode(name, word, of)
        if encoded is None:
            sent.unknown += (path,)
        else:
            sent.attributes.setdefault("fields", {})[name] = encoded

    async def _commander(self, sent: Sent, word: Word) -> None:
        """Encode the first of some people whom the organisation knows; ``None`` clears."""
        emails = [word] if isinstance(word, str) else list(word) if isinstance(word, tuple) else []
        for email in emails:
            if user_id := await self._people.user_id(email.lower()):
                sent.relationships["commander_user"] = {"data": {"type": "users", "id": user_id}}
                return
        if emails:
            sent.unknown += (COMMANDER,)
        else:
            sent.relationships["commander_user"] = {"data": None}


def created(sent: Sent, of: str | None) -> Raw:
    """Spell a create: no dates (documented), and no handles, which would page people.

    Customers are impacted if it is said how: the one is required with the other (documented).
    """
    later = WRITTEN_DATES | IMPORTED_DATES
    about = {path: value for path, value in sent.attributes.items() if path not in later}
    about["customer_impacted"] = SCOPE in about
    return sent.data(about | _type(of))


def imported(sent: Sent, of: str | None, opened: str) -> Raw:
    """Spell an import, which notifies nobody: title, fields and dates (documented).

    If nothing else is said, ``declared`` is when it was detected, or when the record was
    ``opened`` in which it began. ``resolved`` is taken only beside the state of that name
    (documented), so it goes into ``unknown`` with any other.
    """
    kept = ("title", "fields", "declared", "detected", "resolved")
    about = {path: sent.attributes[path] for path in kept if sent.attributes.get(path) is not None}
    if declared := about.get("declared") or about.get("detected") or opened:
        about["declared"] = declared
    if "resolved" in about and dig(about, "fields", "state", "value") != "resolved":
        del about["resolved"]
        sent.unknown += ("resolved",)
    return sent.data(about | _type(of))


def changed(sent: Sent, raw: Raw, *, maps_scope: bool) -> Raw:
    """Spell an update: only what changes, since whatever is left out keeps its value.

    An impact on customers that began, or is described, is also switched on: its times count for
    nothing before. That rides on a write that is made anyway and is never undone, so it cannot
    cause another. The description which it needs (documented) is the title if there is none; not
    where rules map it, since that would be an edit that nobody made.
    """
    about = dict(sent.attributes)
    if dig(raw, "attributes", "customer_impacted") is False and (
        about.get(START) or SCOPE in about
    ):
        title = about.get("title") or dig(raw, "attributes", "title")
        scope = about.get(SCOPE) or text(dig(raw, "attributes", SCOPE))
        if scope := scope or (None if maps_scope else title):
            about |= {"customer_impacted": True, SCOPE: scope}
    return {"id": raw["id"], **sent.data(about)}


def _type(of: str | None) -> dict[str, Any]:
    """Name the incident type, where it is not the organisation's default."""
    return {"incident_type_uuid": of} if of else {}
