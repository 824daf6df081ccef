"""Places in a DevRev incident: how each is read into a word and written from one.

Reading and writing differ for almost every field (documented): an object is read where an id is
written, a bare list where ``{"set": [...]}`` is. What can only be written (stage notes, staged
info, related documents) is no place here, since it would differ for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instep.core.model import Mark, Word
from instep.core.paths import Places, below, follow
from instep.errors import Rejected
from instep.systems.devrev.custom import decode, encode, join, schema_of
from instep.systems.devrev.names import Names
from instep.systems.devrev.schema import Custom, Schemas
from instep.systems.devrev.text import read_reference, stamp
from instep.systems.raw import Getter, Raw, dig, names, objects, reader, text

CUSTOM = "custom_fields"
WRITTEN_DATES = frozenset(
    {"identified_date", "acknowledged_date", "mitigated_date", "target_close_date"}
)
DATES = WRITTEN_DATES | {"actual_close_date"}
#: Enumerated places that are written by number and read as an object with a label (documented).
CHOICES = frozenset({"severity", "reported_by", "source"})
#: Places that the service sets; a subtype could be changed, but that drops fields (documented).
READ_ONLY = frozenset({"actual_close_date", "state", "subtype"})
#: What the service sets when an incident is made, and what any write moves.
MADE = frozenset({"id", "display_id", "created_by", "created_date"})
MOVED = frozenset({"modified_by", "modified_date"})
#: Places that hold people and other objects: what is in these can be read too.
OBJECTS = frozenset(
    {
        *CHOICES,
        "applies_to_parts",
        "owned_by",
        "pia",
        "playbooks",
        "sla_summary",
        "sla_tracker",
        "stage",
        "tags",
    }
)
PLACES = Places(
    write=CHOICES
    | WRITTEN_DATES
    | {"title", "body", "stage", "owned_by", "applies_to_parts", "tags"},
    read=READ_ONLY | MADE | MOVED | OBJECTS,
    under=frozenset({CUSTOM}),
)

#: What is known of a custom field, by its name and the incident's subtype.
Known = Callable[[str, str], Custom | None]


def getter(path: str, known: Known = lambda _name, _subtype: None) -> Getter | None:
    """Choose how a path is read; ``None`` if there is no such path."""
    if found := below(path, CUSTOM):
        name, labelled = str(found[0]), all(isinstance(step, int) for step in found[1:])
        whole = (CUSTOM, *found)
        return lambda raw: decode(
            follow(raw, whole), known(name, subtype_of(raw)) if labelled else None
        )
    if path in CHOICES:
        return lambda raw: text(dig(raw, path, "label"))
    if path in DATES or path in ("title", "body", "subtype"):
        return lambda raw: text(raw.get(path))
    return _GETTERS.get(path) or reader(PLACES, path)


def custom_of(path: str) -> str:
    """Name the custom field that a path is, whole; empty for any other path."""
    found = below(path, CUSTOM)
    return str(found[0]) if len(found) == 1 else ""


def mark_of(raw: Raw) -> Mark | None:
    """Read the mark in the sync metadata of a record; a user's own reference is none."""
    origin = (text(dig(raw, "sync_metadata", "origin_system")) or "").strip()
    return read_reference(text(dig(raw, "sync_metadata", "external_reference")) or "", origin)


def subtype_of(raw: Raw) -> str:
    """Name the subtype of an incident; most have none."""
    return text(raw.get("subtype")) or ""


class Encoder:
    """Words to the bodies of ``incidents.create`` and ``incidents.update``."""

    def __init__(self, system: str, names: Names, schemas: Schemas) -> None:
        """Resolve names by ``names``, and types by ``schemas``."""
        self._system = system
        self._names = names
        self._schemas = schemas

    async def body(self, words: dict[str, Word], raw: Raw | None) -> Raw:
        """Encode words: for a new record, or as changes of the one that reads ``raw``.

        ``null`` is refused by the service, so a place that cannot be emptied is left out.

        Raises:
            Rejected: a choice, a stage or a custom field has no such name here.
        """
        body: Raw = {}
        for path, word in words.items():
            if path in _LISTS:
                body.update(await self._list(path, word, raw))
            elif (name := custom_of(path)) and word is not None:
                await self._custom(body, name, word, raw or {})
            elif word is not None:
                body.update(await self._single(path, word, raw))
            elif path == "body" and raw is not None:
                body["body"] = ""  # assumed: an empty text is how a body is emptied
        return body

    async def _single(self, path: str, word: Word, raw: Raw | None) -> Raw:
        """Encode a place that holds one value; a read-only one gives nothing."""
        subtype = subtype_of(raw or {})
        if path in CHOICES:
            return {path: await self._names.choice(path, str(word), subtype)}
        if path == "stage":
            # Mirrored moves need not follow the diagram.
            leave = "allow_non_start" if raw is None else "allow_invalid_transition"
            stage = {"stage": await self._names.stage(str(word), subtype)}
            return {"stage": stage, "stage_validation_options": [leave]}
        if path in WRITTEN_DATES:
            return {path: stamp(str(word))}
        return {path: word} if path in ("title", "body") else {}

    async def _list(self, path: str, word: Word, raw: Raw | None) -> Raw:
        """Encode a list: what the record holds without a name is kept, unknown names are not sent.

        What it holds under a name that stays is sent back as it stands, be it two of one name or
        somebody who has left. Where no name at all is known the list is left alone: it must not
        be emptied for that.
        """
        wanted = [word] if isinstance(word, str) else list(word) if isinstance(word, tuple) else []
        name_of, entry_of = _LISTS[path]
        held: dict[str, list[Any]] = {}
        for one in objects((raw or {}).get(path)):
            held.setdefault(name_of(one), []).append(entry_of(one))
        if path == "owned_by":
            wanted = [name.casefold() for name in wanted]
        found = await self._names.ids(path, [name for name in wanted if name not in held])
        if wanted and not found and not held.keys() & set(wanted):
            return {}
        fresh = {n: [{"tag_id": one} if path == "tags" else one] for n, one in found.items()}
        kept = {**fresh, **held}
        values = [*held.get("", []), *(one for name in wanted for one in kept.get(name, []))]
        if raw is None:
            return {path: values} if values else {}
        return {path: {"set": values}}

    async def _custom(self, body: Raw, name: str, word: Word, raw: Raw) -> None:
        """Encode a custom field, and name the schema that it belongs to."""
        subtype = subtype_of(raw)
        part = schema_of(name, subtype)
        if part is None:
            raise Rejected(
                f"{self._system} has {name!r} only on incidents of a subtype",
                system=self._system,
                record=str(raw.get("display_id", "")),
                advice="give the incident its subtype in DevRev first",
            )
        await self._schemas.know([subtype])
        known = self._schemas.custom(name, subtype)
        body.setdefault("custom_fields", {})[name] = encode(self._system, name, known, word)
        join(body.setdefault("custom_schema_spec", {}), part)


def _email(user: Raw) -> str:
    """Give a user's e-mail in lower case; service accounts and system users have none."""
    return (text(user.get("email")) or "").casefold()


def _name(part: Raw) -> str:
    """Give the name of a part, or nothing."""
    return text(part.get("name")) or ""


def _tag(entry: Raw) -> str:
    """Give the name of a tag, or nothing."""
    return text(dig(entry, "tag", "name")) or ""


def _tag_entry(entry: Raw) -> Raw:
    """Write a tag as it stands, with its value."""
    value = {"value": entry["value"]} if entry.get("value") is not None else {}
    return {"tag_id": dig(entry, "tag", "id"), **value}


def _id(entry: Raw) -> Any:
    """Write an object as its id."""
    return entry.get("id")


_GETTERS: dict[str, Getter] = {
    "stage": lambda raw: text(dig(raw, "stage", "stage", "name")),
    # Closed is a state, not a stage: several stages are final.
    "state": lambda raw: text(dig(raw, "stage", "state", "name")),
    "owned_by": lambda raw: names(_email(one) for one in objects(raw.get("owned_by"))),
    "applies_to_parts": lambda raw: names(
        _name(one) for one in objects(raw.get("applies_to_parts"))
    ),
    "tags": lambda raw: names(_tag(one) for one in objects(raw.get("tags"))),
}

#: path -> how an entry read is named, and how it is written back.
_LISTS: dict[str, tuple[Callable[[Raw], str], Callable[[Raw], Any]]] = {
    "owned_by": (_email, _id),
    "applies_to_parts": (_name, _id),
    "tags": (_tag, _tag_entry),
}
