"""Places in a DevRev incident: how each is read into a word and written from one.

Reading and writing differ for almost every field (documented): an object is read where an id is
written, a bare list where ``{"set": [...]}`` is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instep.core.fields import moment
from instep.core.model import Mark, Word
from instep.errors import Rejected
from instep.systems.devrev_names import Names
from instep.systems.raw import Getter, Raw, dig, names, objects, plain, text

CUSTOM = "custom_fields."
WRITTEN_DATES = frozenset(
    {"identified_date", "acknowledged_date", "mitigated_date", "target_close_date"}
)
DATES = WRITTEN_DATES | {"actual_close_date"}
#: An external reference is a URL; ours ends in the incident's own uid.
ANCHOR = "#instep-"


def getter(path: str) -> Getter | None:
    """Choose how a path is read; ``None`` if there is no such path."""
    if path.startswith(CUSTOM):
        name = path.removeprefix(CUSTOM)
        return lambda raw: plain(dig(raw, "custom_fields", name))
    if path in DATES or path in ("title", "body"):
        return lambda raw: text(raw.get(path))
    return _GETTERS.get(path)


def reference(mark: Mark) -> str:
    """Spell a mark as an external reference."""
    return f"{mark.url}{ANCHOR}{mark.uid}"


def mark_of(raw: Raw) -> Mark | None:
    """Read the mark that a record carries; a user's own reference is none."""
    url, anchor, uid = (text(dig(raw, "sync_metadata", "external_reference")) or "").partition(
        ANCHOR
    )
    origin = text(dig(raw, "sync_metadata", "origin_system")) or ""
    return Mark(origin, "", uid, url) if anchor and uid else None


def stamp(word: str) -> str:
    """Spell an instant as DevRev does: UTC with ``Z``, milliseconds unless there is more."""
    when = moment(word)
    part = "microseconds" if when.microsecond % 1000 else "milliseconds"
    return when.replace(tzinfo=None).isoformat(timespec=part) + "Z"


class Encoder:
    """Words to the bodies of ``incidents.create`` and ``incidents.update``."""

    def __init__(self, system: str, names: Names) -> None:
        """Resolve names by ``names``."""
        self._system = system
        self._names = names

    async def body(self, words: dict[str, Word], raw: Raw | None) -> Raw:
        """Encode words: for a new record, or as changes of the one that reads ``raw``.

        ``null`` is refused by the service, so a place that cannot be emptied is left out.

        Raises:
            Rejected: a severity, a stage or a custom field has no such name here.
        """
        body: Raw = {}
        for path, word in words.items():
            if path in ("owned_by", "applies_to_parts", "tags"):
                body.update(await self._list(path, word, raw))
            elif path.startswith(CUSTOM):
                self._custom(body, path.removeprefix(CUSTOM), word, raw)
            elif word is not None:
                body.update(await self._single(path, word, new=raw is None))
            elif path == "body" and raw is not None:
                body["body"] = ""  # assumed: an empty text is how a body is emptied
        return body

    async def _single(self, path: str, word: Word, *, new: bool) -> Raw:
        """Encode a place that holds one value; a read-only one gives nothing."""
        if path == "severity":
            return {"severity": await self._names.severity(str(word))}
        if path == "stage":
            # Mirrored moves need not follow the diagram.
            leave = "allow_non_start" if new else "allow_invalid_transition"
            stage = {"stage": await self._names.stage(str(word))}
            return {"stage": stage, "stage_validation_options": [leave]}
        if path in WRITTEN_DATES:
            return {path: stamp(str(word))}
        return {path: word} if path in ("title", "body") else {}

    async def _list(self, path: str, word: Word, raw: Raw | None) -> Raw:
        """Encode a list: what the record holds without a name is kept, unknown names are not sent.

        Where no name at all is known the list is left alone: it must not be emptied for that.
        """
        wanted = [word] if isinstance(word, str) else list(word) if isinstance(word, tuple) else []
        entries = objects((raw or {}).get(path))
        name_of, entry_of = _LISTS[path]
        held = {name: entry_of(one) for one in entries if (name := name_of(one))}
        found = await self._names.ids(path, [name for name in wanted if name not in held])
        if wanted and not found and not held.keys() & set(wanted):
            return {}
        fresh = {name: {"tag_id": one} if path == "tags" else one for name, one in found.items()}
        values = [entry_of(one) for one in entries if not name_of(one)]
        values += [(held | fresh)[name] for name in wanted if name in held or name in fresh]
        if raw is None:
            return {path: values} if values else {}
        return {path: {"set": values}}

    def _custom(self, body: Raw, name: str, word: Word, raw: Raw | None) -> None:
        """Encode a custom field, and name the schema that it belongs to."""
        if word is None:
            return
        body.setdefault("custom_fields", {})[name] = list(word) if isinstance(word, tuple) else word
        spec = body.setdefault("custom_schema_spec", {})
        if not name.startswith("ctype__"):
            spec["tenant_fragment"] = True
        elif subtype := text((raw or {}).get("subtype")):
            spec["subtype"] = subtype
        else:
            raise Rejected(
                f"{self._system} has {name!r} only on incidents of a subtype",
                system=self._system,
                record=str((raw or {}).get("display_id", "")),
                advice="give the incident its subtype in DevRev first",
            )


def _email(user: Raw) -> str:
    """Give a user's e-mail in lower case; service accounts and system users have none."""
    return (text(user.get("email")) or "").lower()


def _tag_entry(entry: Raw) -> Raw:
    """Write a tag as it stands, with its value."""
    value = {"value": entry["value"]} if entry.get("value") is not None else {}
    return {"tag_id": dig(entry, "tag", "id"), **value}


_GETTERS: dict[str, Getter] = {
    "severity": lambda raw: text(dig(raw, "severity", "label")),
    "stage": lambda raw: text(dig(raw, "stage", "stage", "name")),
    "owned_by": lambda raw: names(_email(one) for one in objects(raw.get("owned_by"))),
    "applies_to_parts": lambda raw: names(
        one.get("name") for one in objects(raw.get("applies_to_parts"))
    ),
    "tags": lambda raw: names(dig(one, "tag", "name") for one in objects(raw.get("tags"))),
}

#: path -> how an entry read is named, and how it is written back.
_LISTS: dict[str, tuple[Callable[[Raw], str], Callable[[Raw], Any]]] = {
    "owned_by": (_email, lambda one: one.get("id")),
    "applies_to_parts": (lambda one: text(one.get("name")) or "", lambda one: one.get("id")),
    "tags": (lambda one: text(dig(one, "tag", "name")) or "", _tag_entry),
}
