"""From the objects of ProdManager to records and words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from instep.core.fields import spell
from instep.core.model import Mark, Record, Words
from instep.systems.base import Offer
from instep.systems.http import Door
from instep.systems.prodmanager.names import KINDS, Names
from instep.systems.prodmanager.words import CHOICES, DATES, PLACES, TEXTS, birth
from instep.systems.raw import Getter, Raw, digest, getters, parse_mark, points, reader, text

#: Where people keep references. What the service calls ``links`` are ways to its own objects.
REFERENCES = ("external_reference", "external_link")


class Reading:
    """How one ProdManager's incidents are read; ``zone`` is that of its server's machine."""

    def __init__(self, door: Door, paths: Collection[str], *, url: str, zone: ZoneInfo) -> None:
        """Ask nothing yet; ``paths`` are those in use, ``url`` is the root of the pages."""
        self.names = Names(door)
        self._url = url
        self._zone = zone
        self._getters = getters(door.system, paths, self._getter)
        self._is_named = bool(set(KINDS) & set(paths))

    async def begin(self) -> None:
        """Read the names anew before a listing: they are edited, and their ids used again."""
        if self._is_named:
            await self.names.refresh()

    async def records(self, raws: list[Raw]) -> tuple[Record, ...]:
        """Wrap the service's own objects; learn the names that reading them takes."""
        if self._is_named:
            await self.names.meet(raws)
        return tuple(self._record(raw) for raw in raws)

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return {path: get(record.raw) for path, get in self._getters.items()}

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> dict[str, Offer]:
        """Look up each path: scopes and services by name, choices as they always are."""
        await self.names.refresh()
        listed = {**CHOICES, **{kind: self.names.all(kind) for kind in KINDS}}
        return {
            path: Offer.listing(listed[path], words)
            if path in listed
            else Offer(there=PLACES.has(path))
            for path, words in wanted.items()
        }

    def _getter(self, path: str) -> Getter | None:
        """Choose how a path is read; ``None`` if there is no such path."""
        if path in KINDS:
            return lambda raw: self.names.name(path, raw.get(path))
        if path in TEXTS | DATES:
            return lambda raw: text(raw.get(path))
        return reader(PLACES, path)

    def _record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        number = str(raw["id"])
        # Links are made of whatever host the request named: they say nothing of the incident.
        own = {key: value for key, value in raw.items() if key != "links"}
        mark, url = mark_of(raw), f"{self._url}/incident/{number}"
        return Record(
            id=number,
            birth=birth(raw),
            # A renamed service is a changed incident.
            digest=digest([own, *(self.names.name(kind, raw.get(kind)) for kind in KINDS)]),
            raw=raw,
            display=number,
            url=url,
            opened=self._utc(raw.get("creation_date")),
            mark=mark,
            # The link beside a mark came with it.
            points=() if mark else points((raw.get(place) for place in REFERENCES), url),
        )

    def _utc(self, digits: Any) -> str:
        """Give the server's local digits their zone; years are not padded (observed)."""
        try:
            local = datetime.fromisoformat(digits)
            return spell(local.replace(tzinfo=self._zone).astimezone(UTC))
        except (TypeError, ValueError, OverflowError):
            return ""


def mark_of(raw: Raw) -> Mark | None:
    """Read the mark of an incident; a reference of a user's own is none."""
    return parse_mark(raw.get("external_reference"), text(raw.get("external_link")) or "")
