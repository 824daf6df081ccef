"""Datadog Incident Management, API v2 (as recorded 2020 to 2026).

State is taken only from a plain read or the listing: the answer to a write shows relationships
as they were before it, and the search lags behind and cuts times. There is no filter by time, no
idempotency key and no version, so a listing is whole, or of the open incidents and no more than
hints; two writers at once can only be made rare, by sending no more than what changes.

Comments are not offered: the published API can neither read nor add to an incident's timeline.
The path that third parties use for it is spelled in two ways and answers only some of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping

import httpx

from instep.core.model import Mark, Record, Word, Words, Written
from instep.core.paths import below
from instep.errors import Denied, Rejected
from instep.systems.base import Comment, Offer, Page
from instep.systems.datadog.answers import (
    INCIDENTS,
    incident,
    incident_type,
    refusal,
    rows,
)
from instep.systems.datadog.door import open_door
from instep.systems.datadog.fields import Fields
from instep.systems.datadog.links import attach
from instep.systems.datadog.listing import PAGE_SIZE, Listing
from instep.systems.datadog.offers import Offers
from instep.systems.datadog.people import COMMANDER, People
from instep.systems.datadog.read import Hints, Options, Reader
from instep.systems.datadog.setup import Setup
from instep.systems.datadog.words import (
    FIELDS,
    OTHERWISE,
    PLACES,
    SCOPE,
    Encoder,
    abilities,
    changed,
    created,
    imported,
    marks_of,
)
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, reading_back

#: Sites whose web application answers at a host of its own name (documented).
APP_SITES = frozenset({"datadoghq.com", "datadoghq.eu", "ddog-gov.com"})


class Datadog:
    """One Datadog organisation, spoken to as the owner of an application key."""

    def __init__(self, name: str, door: Door, paths: Collection[str], options: Options) -> None:
        """Speak through ``door``; ``paths`` are those in use."""
        self.name = name
        self.door = door
        self._options = options
        self._listing = Listing(door)
        self._fields = Fields(door, options.incident_type)
        self._people = People(door)
        self._reader = Reader(door, paths, options, self._fields, self._people)
        self._hints = Hints(self._listing, self._reader, self._fields)
        self._encoder = Encoder(self._fields, self._people, options.reference_field)
        mapped = [str(found[0]) for path in paths if (found := below(path, FIELDS))]
        self._offers = Offers(self._fields, self._people)
        self._setup = Setup(door, self._fields, options.reference_field, mapped)
        self._names_commander = COMMANDER in paths
        self._maps_scope = SCOPE in paths
        self._unshown = PLACES.only_read(paths) | {COMMANDER}
        self.abilities = abilities(
            paths,
            deadline=door.timeout,
            hints=options.by_open,
            quiet=options.quiet,
            links=options.link_attachments,
        )

    @classmethod
    def connect(  # noqa: PLR0913 - each keyword is one setting of the service
        cls,
        name: str,
        paths: Collection[str],
        *,
        api_key: str = "",
        app_key: str = "",
        bearer: str | None = None,
        site: str = "datadoghq.com",
        url: str | None = None,
        app_url: str | None = None,
        reference_field: str = "external_reference",
        incident_type: str | None = None,
        by_open: bool = False,
        quiet: bool = False,
        private: bool = False,
        tests: bool = False,
        link_attachments: bool = False,
        timeout: float = 30.0,
        rate: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Datadog:
        """Prepare a connection; nothing is sent yet.

        Either both keys or ``bearer`` (an OAuth token) are needed. ``url`` stands in for the API
        of ``site``, ``app_url`` for its web application; ``Options`` tells of the rest.

        Raises:
            ConfigError: a path is not one of Datadog's.
        """
        keys = {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else keys
        options = Options(
            app_url=(app_url or f"https://{'app.' if site in APP_SITES else ''}{site}").rstrip("/"),
            reference_field=reference_field,
            incident_type=incident_type,
            by_open=by_open,
            quiet=quiet,
            private=private,
            tests=tests,
            link_attachments=link_attachments,
        )
        door = open_door(name, site, url, headers, timeout, rate, transport)
        return cls(name, door, paths, options)

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """List some incidents and look for the fields that are needed.

        Raises:
            Denied, Unreachable: keys, site or address are wrong, or incidents are not enabled.
        """
        await self._glance()
        if self._names_commander:
            await self._people.check()
        return await self._setup.warnings()

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Offer]:
        """Look at the fields and values of the type of new incidents, and for people by e-mail.

        Raises:
            Denied, Unreachable: as ``check``.
        """
        await self._look()
        return await self._offers.at(wanted)

    async def prepare(self) -> tuple[str, ...]:
        """Make the reference field on each incident type in use that has none.

        Raises:
            Denied: the key may not change settings (``incident_settings_write``).
            Unreachable: the service would not make it.
        """
        await self._glance()
        return await self._setup.make()

    async def changes(self, since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        """List every incident, oldest first, or look at those that are open.

        Test incidents and hidden ones are left out. A private incident is hidden, unless instep
        made it and incidents of its type are private from the start. With a cursor, where
        incidents are polled ``by_open``, the watched ones are shown as they are now, and those
        that the search takes for open; or all, where the search fails or that is cheaper. No page
        has a cursor, since there is no time to start from.
        """
        by_open = self._options.by_open and since is not None
        hits = await self._hints.ask(len(watch)) if by_open else None
        if hits is not None:
            async for page in self._hints.pages(list(watch), hits):
                yield page
            return
        async for raws, last in self._listing.walk():
            yield Page(await self._reader.shown(raws), complete=last)

    async def census(self) -> Mapping[str, int] | None:
        """Count nothing: a list has no total, and a search hides and lags."""
        return None

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._reader.words(record.raw)

    async def read(self, record_id: str) -> Record:
        """Read one incident by its UUID.

        Raises:
            Gone: 404 with a body that says "incident ... not found".
            Rejected: it is private, and not so from the start.
        """
        record = await self._reader.fresh(record_id)
        if self._reader.hides(record):
            raise Rejected(
                f"{self.name} incident {record.display} is private: it is not copied elsewhere",
                system=self.name,
                record=record_id,
                advice="make it visible to the organisation, or unlink it",
            )
        return record

    async def find(self, mark: Mark) -> list[Record]:
        """Walk the list, which shows fresh incidents; the search does not (recorded).

        What was just made is at the end, so the last page is walked first.
        """
        start = self._listing.tail
        found = await self._marked(mark, start)
        return found or (await self._marked(mark, 0) if start else [])

    async def create(self, words: Words, mark: Mark) -> Written:
        """Declare an incident with its mark, or import it quietly; nobody is notified by handle.

        Raises:
            Rejected: the reference field or another field does not exist.
        """
        of = await self._fields.target()
        sent = await self._encoder.encode(words, (mark,), of=of, new=True)
        kind, quiet = self._options.incident_type, self._options.quiet
        data = imported(sent, kind, mark.opened) if quiet else created(sent, kind)
        path = f"{INCIDENTS}/import" if quiet else INCIDENTS
        answer = await self.door.write("POST", path, json={"data": data})
        if quiet and answer.status == 404:
            raise answer.unusable(
                "does not import incidents", "imports are a preview; without `quiet` they are made"
            )
        other = OTHERWISE if quiet else frozenset()
        return await self._written(answer, "", dict.fromkeys(sent.unknown), other)

    async def update(self, seen: Record, words: Words) -> Written:
        """Change some paths; whatever is left out keeps its value (documented).

        A request that would change nothing is not sent: it would still move ``modified`` and make
        the acting user a responder (recorded).
        """
        self._fields.learn(seen.raw)
        of = incident_type(seen.raw)
        marks = marks_of(seen.raw, self._options.reference_field)
        sent = await self._encoder.encode(words, marks, of=of, new=False)
        said = self.words(seen)
        stands = {path: said.get(path) for path in sent.unknown}
        if not sent:
            return Written(await self.read(seen.id), stands)
        data = changed(sent, seen.raw, maps_scope=self._maps_scope)
        answer = await self.door.write("PATCH", f"{INCIDENTS}/{seen.id}", json={"data": data})
        return await self._written(answer, seen.id, stands)

    async def delete(self, record_id: str) -> None:
        """Delete one incident for good.

        Raises:
            Gone: 404 with a body that says "incident ... not found".
            Rejected: 400, or 403 though it can be read: incidents of its type are not to be
                deleted (assumed; the answer is not documented).
            Denied: it cannot be read either.
        """
        advice = (
            "deleting is a setting of the incident type (Incident Settings, Information), off "
            "unless switched on; the key needs incident_write"
        )
        try:
            answer = await self.door.write("DELETE", f"{INCIDENTS}/{record_id}")
        except Denied as error:
            # Keys that are refused altogether are another matter than one record.
            await self._reader.fresh(record_id)
            said = f"{self.name} does not let incident {record_id} be deleted"
            raise Rejected(said, system=self.name, record=record_id, advice=advice) from error
        if answer.status != 204:
            raise refusal(self.door, answer, record_id, advice)

    async def link(self, record_id: str, links: Mapping[str, str]) -> None:
        """Attach links to the other records; those with a URL that is there already are not."""
        await attach(self.door, record_id, links)

    async def comments(self, record_id: str) -> list[Comment]:
        """Refuse: the published API has no comments.

        Raises:
            Rejected: always.
        """
        raise self._speechless(record_id)

    async def say(self, record_id: str, text: str, key: str) -> None:  # noqa: ARG002 - refused
        """Refuse: the published API has no comments.

        Raises:
            Rejected: always.
        """
        raise self._speechless(record_id)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    def _speechless(self, record_id: str) -> Rejected:
        """Make the error for whoever wants comments all the same."""
        said = f"{self.name}: Datadog publishes no way to read or write an incident's timeline"
        return Rejected(said, system=self.name, record=record_id)

    async def _glance(self) -> None:
        """Read a page of incidents, and prove that people can be read."""
        await self._reader.meet((await self._look())[:1])

    async def _look(self) -> list[Raw]:
        """Read a page of incidents, for the types in use and their fields."""
        raws = rows(self.name, await self._listing.page(PAGE_SIZE, 0))
        for raw in raws:
            self._fields.learn(raw)
        return raws

    async def _marked(self, mark: Mark, start: int) -> list[Record]:
        """Walk the list from an offset for what carries a mark."""
        found: list[Record] = []
        async for raws, _ in self._listing.walk(start):
            found += [self._reader.record(raw) for raw in raws]
        found = [one for one in found if one.mark is not None and one.mark.uid == mark.uid]
        await self._reader.meet([one.raw for one in found])
        return found

    async def _written(
        self,
        answer: Answer,
        record_id: str,
        stands: dict[str, Word],
        other: frozenset[str] = frozenset(),
    ) -> Written:
        """Read back what was written; ``stands`` says what is where nothing could be sent.

        The answer shows attributes as they are now, but for the ``other`` paths, relationships as
        they were, and leaves out who wrote (recorded).
        """
        raw = incident(self.door, answer, record_id)
        unshown = self._unshown | other
        echo = {p: word for p, word in self._reader.words(raw).items() if p not in unshown}
        with reading_back(self.name):
            return Written(await self._reader.fresh(str(raw["id"])), echo | stands)
