"""Reading Datadog's incidents one by one: what is shown of them, and what is kept to itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from instep.core.model import Record, Word
from instep.core.paths import below, follow
from instep.errors import Gone, Rejected, Unreachable
from instep.systems.base import Page
from instep.systems.datadog.answers import INCIDENTS, incident, incident_type
from instep.systems.datadog.fields import Fields
from instep.systems.datadog.listing import PAGE_SIZE, Listing
from instep.systems.datadog.people import COMMANDER, People, commander_of
from instep.systems.datadog.words import FIELDS, getter, mark_of, marks_of, references
from instep.systems.http import Door
from instep.systems.raw import (
    Getter,
    Raw,
    dig,
    digest,
    getters,
    names,
    parse_mark,
    plain,
    points,
    text,
)

log = structlog.get_logger()

#: Incidents that are asked for at once where they are looked at one by one.
TOGETHER = 20
_PREFIX = re.compile(r"[A-Z]+-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a configuration says about a Datadog, beside how it is reached.

    Attributes:
        app_url: the root of the web application, for links that people follow.
        reference_field: the name of the text array field that holds marks.
        incident_type: the UUID of the type of new incidents, if it is not the default one.
        by_open: between whole listings, look only at open incidents.
        quiet: import new incidents, so that nobody is notified of them.
        private: take private incidents too.
        tests: take test incidents too; the search never shows them, so only a listing does.
        link_attachments: attach links to the incident's other records.
    """

    app_url: str
    reference_field: str = "external_reference"
    incident_type: str | None = None
    by_open: bool = False
    quiet: bool = False
    private: bool = False
    tests: bool = False
    link_attachments: bool = False


class Reader:
    """Reads incidents, and learns from each what reading and writing the next one takes."""

    def __init__(
        self, door: Door, paths: Collection[str], options: Options, fields: Fields, people: People
    ) -> None:
        """Read the paths in use.

        Raises:
            ConfigError: a path is not one of Datadog's.
        """
        self._door = door
        self._options = options
        self._fields = fields
        self._people = people
        self._names_commander = COMMANDER in paths
        self._born_private: frozenset[str] = frozenset()
        self._met_private = False
        self._told: set[str] = set()
        self._getters = getters(door.system, paths, self._getter)

    def words(self, raw: Raw) -> dict[str, Word]:
        """Read the paths in use from the service's own object."""
        return {path: get(raw) for path, get in self._getters.items()}

    async def fresh(self, record_id: str) -> Record:
        """Read one incident as it is now, hidden or not.

        Raises:
            Gone: 404 with a body that says "incident ... not found".
        """
        answer = await self._door.read("GET", f"{INCIDENTS}/{record_id}")
        raw = incident(self._door, answer, record_id)
        await self.meet([raw])
        return self.record(raw)

    async def shown(self, raws: list[Raw]) -> tuple[Record, ...]:
        """Wrap incidents, without tests and without hidden ones."""
        await self.meet(raws)
        wanted = (raw for raw in raws if self._options.tests or not _is_test(raw))
        return tuple(one for one in map(self.record, wanted) if not self.hides(one))

    async def each(self, ids: list[str]) -> tuple[Record, ...]:
        """Read incidents all at once; what is gone or refused is left out, and so are hidden ones.

        That one is not shown proves nothing: a whole listing puts such a record in doubt.
        """
        paths = [f"{INCIDENTS}/{one}" for one in ids]
        answers = await asyncio.gather(*(self._door.read("GET", path) for path in paths))
        raws: list[Raw] = []
        for record_id, answer in zip(ids, answers, strict=True):
            try:
                raws.append(incident(self._door, answer, record_id))
            except (Gone, Rejected):
                continue
        return await self.shown(raws)

    async def meet(self, raws: list[Raw]) -> None:
        """Learn what reading these takes: kinds of fields, people, types that are private."""
        for raw in raws:
            self._fields.learn(raw)
            self._look_at_marks(raw)
        if self._names_commander:
            await self._people.meet({user for raw in raws if (user := commander_of(raw))})
        if not self._met_private and any(self._is_ours_and_private(raw) for raw in raws):
            self._born_private = await self._fields.private_types()
            self._met_private = True

    def _look_at_marks(self, raw: Raw) -> None:
        """Say, once each, which incidents carry the marks of several and so nobody's."""
        uids = {mark.uid for mark in marks_of(raw, self._options.reference_field)}
        if len(uids) > 1 and raw["id"] not in self._told:
            self._told.add(raw["id"])
            public = str(dig(raw, "attributes", "public_id") or raw["id"])
            log.warning("mark.ambiguous", system=self._door.system, record=public)

    def _is_ours_and_private(self, raw: Raw) -> bool:
        """Whether an incident that is private carries a mark."""
        return _is_private(raw) and mark_of(raw, self._options.reference_field) is not None

    def hides(self, record: Record) -> bool:
        """Whether an incident is private, where that matters.

        One that instep made is not hidden where all of its type are private from the start: it
        knew what that says before. One that a person made private is, whoever made it.
        """
        if self._options.private or not _is_private(record.raw):
            return False
        return record.mark is None or incident_type(record.raw) not in self._born_private

    def record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        about: Any = raw.get("attributes")
        created_at = text(dig(about, "created")) or ""
        public = str(dig(about, "public_id") or raw["id"])
        slug = text(dig(about, "fields", "slug", "value")) or ""
        url = f"{self._options.app_url}/incidents/{public}"
        field = self._options.reference_field
        marks = {mark.uid for mark in marks_of(raw, field)}
        return Record(
            id=str(raw["id"]),
            birth=created_at,
            digest=digest(raw),
            raw=raw,
            # The slug may show a ServiceNow record in its place (documented).
            display=slug if _PREFIX.fullmatch(slug.removesuffix(public)) else public,
            url=url,
            opened=created_at.replace("+00:00", "Z"),
            modified=text(dig(about, "modified")),
            mark=mark_of(raw, field),
            points=points(references(raw, field), url),
            ambiguous=len(marks) > 1,
        )

    def _getter(self, path: str) -> Getter | None:
        """Choose how a path is read; two take more than the incident itself."""
        if path == COMMANDER:
            return self._commander
        name, *deeper = below(path, FIELDS) or ("",)
        if name == self._options.reference_field:
            return lambda raw: plain(follow(self._references(raw), tuple(deeper)))
        return getter(path)

    def _references(self, raw: Raw) -> Any:
        """Give people's own references, without marks: elsewhere those would be another's."""
        said = dig(raw, "attributes", FIELDS, self._options.reference_field, "value")
        if isinstance(said, list):
            return [one for one in said if parse_mark(one) is None]
        return said if parse_mark(said) is None else None

    def _commander(self, raw: Raw) -> Word:
        """Read the commander's e-mail."""
        return names([self._people.name(commander_of(raw))])


def _is_private(raw: Raw) -> bool:
    """Whether only those who take part in an incident see it."""
    return text(dig(raw, "attributes", "visibility")) == "private"


def _is_test(raw: Raw) -> bool:
    """Whether an incident was declared as a test."""
    return dig(raw, "attributes", "is_test") is True


class Hints:
    """Looks at the incidents that are open, as far as is known, in place of listing all."""

    def __init__(self, listing: Listing, reader: Reader, fields: Fields) -> None:
        """Nothing was seen yet."""
        self._listing = listing
        self._reader = reader
        self._fields = fields
        self._confirmed: Mapping[str, str] = {}

    async def ask(self, watched: int) -> dict[str, str] | None:
        """Ask the search what seems to be open; ``None`` if all is to be listed instead.

        The list is strongly consistent: it is surer than a search that fails, and with more than
        a page of ``watched`` incidents it may take fewer requests than reading each.

        Raises:
            Denied: keys or site are wrong.
        """
        if watched > max(PAGE_SIZE, self._listing.pages) and self._listing.pages:
            return None
        try:
            return await self._listing.search(self._fields.open_states())
        except Unreachable:
            return None

    async def pages(self, watch: list[str], hits: Mapping[str, str]) -> AsyncIterator[Page]:
        """Show the watched incidents, then others that the search takes for open.

        What the search shows is confirmed by a read, once for each time of change that it gives:
        what is open there, and not for us, would be read in every cycle.
        """
        watched = frozenset(watch)
        others = {one: when for one, when in hits.items() if one not in watched}
        new = [one for one, when in others.items() if self._confirmed.get(one) != when]
        for part in _parts([*watch, *new]):
            yield Page(await self._reader.each(part))
        # Only now: a page is asked for when the one before it was noted.
        self._confirmed = others


def _parts(ids: list[str]) -> list[list[str]]:
    """Cut a list into parts that are read at once."""
    return [ids[at : at + TOGETHER] for at in range(0, len(ids), TOGETHER)]
