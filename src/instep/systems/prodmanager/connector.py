"""ProdManager's incident API (as observed on v0.22.0).

Writes are form posts answered with a redirect, whose path is the only place that a new id stands
in. An update replaces the whole incident: what is left out is emptied or set to the present.
There is no time of change and no order by it, so a listing is whole, or of the open incidents,
and it is not stable. Two writers at once cannot be kept apart, only made rare: an incident is
read just before it is written to, and just after, when its history tells what was written over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from zoneinfo import ZoneInfo

import httpx
import structlog

from instep.core.model import Mark, Record, Words, Written
from instep.errors import Gone, RecordError, Rejected, SideError
from instep.systems.base import Comment, Offer, Page
from instep.systems.http import CONNECTIONS, Door, Params, Passing
from instep.systems.prodmanager.answers import INCIDENT, need, place, written
from instep.systems.prodmanager.listing import Listing, marked, walk
from instep.systems.prodmanager.names import KINDS
from instep.systems.prodmanager.race import overwritten
from instep.systems.prodmanager.read import Reading, mark_of
from instep.systems.prodmanager.token import DAY, WEEK, Token
from instep.systems.prodmanager.words import (
    CREATED,
    LINK,
    OPEN,
    PLACES,
    abilities,
    comments,
    reason,
    spelled,
    whole,
)
from instep.systems.raw import Raw, dig, reading_back

log = structlog.get_logger()

#: Seconds for which an unused connection is kept: the server closes its end after two.
IDLE = 1.5


class ProdManager:
    """One ProdManager, spoken to with a token of its own."""

    def __init__(
        self,
        name: str,
        door: Door,
        paths: Collection[str],
        *,
        token: Token,
        url: str,
        zone: ZoneInfo,
        by_open: bool = False,
    ) -> None:
        """Speak through ``door``; ``paths`` are those in use, ``zone`` is the server's."""
        self.name = name
        self.door = door
        self._token = token
        self._url = url
        self._reading = Reading(door, paths, url=url, zone=zone)
        self.abilities = abilities(paths, deadline=door.timeout, hints=by_open)

    @classmethod
    def connect(  # noqa: PLR0913 - a keyword for each key of the configuration
        cls,
        name: str,
        paths: Collection[str],
        *,
        token: str,
        url: str,
        timezone: str = "UTC",
        by_open: bool = False,
        writable: bool = True,
        timeout: float = 30.0,
        rate: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> ProdManager:
        """Prepare a connection; nothing is sent yet.

        ``url`` is the root of the web interface; ``timezone`` is that of the server's machine,
        which its API does not tell. With ``by_open`` only the open incidents are listed between
        whole listings. The token needs no permission if the system is not ``writable``.

        Raises:
            ConfigError: a path is not one of ProdManager's.
        """
        root = url.rstrip("/").removesuffix("/api")
        door = Door(
            name,
            root,
            {"Authorization": f"Bearer {token}"},
            timeout=timeout,
            rate=rate,
            transport=transport,
            idle=IDLE,
            reason=reason,
            advice="check the ProdManager token: its end, and its permission incident_api",
        )
        proof = Token(door, token, writable=writable)
        zone = ZoneInfo(timezone)
        return cls(name, door, paths, token=proof, url=root, zone=zone, by_open=by_open)

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """Ask who the token is, and read scopes and services.

        Raises:
            Denied: the token is not known, has ended or may not write incidents.
        """
        left = await self._token.look()
        await self._reading.names.refresh()
        warnings = [f"{self.name} has no {kind} yet" for kind in self._reading.names.missing()]
        if left < WEEK:
            warnings.append(f"the token of {self.name} ends in {left / DAY:.1f} days")
        return tuple(warnings)

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Offer]:
        """Look for scopes and services by name; severities and statuses are always the same.

        Raises:
            Denied, Unreachable: as ``check``.
        """
        await self._token.look()
        return await self._reading.offers(wanted)

    async def prepare(self) -> tuple[str, ...]:
        """Make nothing: there is nothing that instep needs beside the token."""
        return ()

    async def changes(self, since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        """List every incident once; complete when as many were shown as the service counts.

        From the cursor of a system polled by open, list the open ones and read those watched that
        are not among them; a watched one that is gone is left out.

        Raises:
            Denied: the token will not do, see ``Token.look``; asked at first, then every hour,
                and after a listing that ended with a 500.
        """
        await self._token.prove()
        pages = self._hints(watch) if self.abilities.hints and since is not None else self._all()
        try:
            await self._reading.begin()
            async for page in pages:
                yield page
        except Passing as error:
            if error.status == 500:
                # With its rate limit on, the service says that to a token that has ended.
                self._token.doubt()
            raise

    async def census(self) -> Mapping[str, int] | None:
        """Count nothing: a listing counts all incidents, not by what they say."""
        return None

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._reading.words(record)

    async def read(self, record_id: str) -> Record:
        """Read one incident.

        Raises:
            Gone: 404 with the reason "Resource not found" for the incident.
        """
        answer = await self.door.read("GET", f"{INCIDENT}/{record_id}")
        need(self.door, answer, record_id, 200)
        raw = answer.json()
        if dig(raw, "id") is None:
            raise answer.unusable("answered an incident without an id")
        return (await self._reading.records([raw]))[0]

    async def find(self, mark: Mark) -> list[Record]:
        """List by external reference, and check it again here: a bad filter widens a listing.

        Raises:
            Rejected: the mark is too long to be asked for.
        """
        found: dict[int, Raw] = {}
        async for raws, _ in walk(self.door, INCIDENT, marked(self.name, self._url, mark)):
            found |= {raw["id"]: raw for raw in raws}
        marks = {number: mark_of(raw) for number, raw in found.items()}
        kept = [number for number, one in marks.items() if one and one.uid == mark.uid]
        return list(await self._reading.records([found[number] for number in kept]))

    async def create(self, words: Words, mark: Mark) -> Written:
        """Make an incident; it begins ``active``, without dates of phases.

        Raises:
            Rejected: a name is not known, the mark is too long to be found again, or the
                service's reasons for refusing the form.
        """
        marked(self.name, self._url, mark)
        form = await self._form({path: word for path, word in words.items() if path in CREATED})
        form["external_reference"] = str(mark)
        if "external_link" not in form and LINK.fullmatch(mark.url):
            form["external_link"] = mark.url
        return await self._write(f"{INCIDENT}/create", form, "")

    async def update(self, seen: Record, words: Words) -> Written:
        """Send the whole incident as it was just read, with some paths changed.

        What is ``null`` is left out, because an empty text is another value than none. What a
        person wrote between the look and the write is put back: this replaced it.
        """
        form = whole(seen.raw)
        for path, word in words.items():
            if word is None and path not in self.abilities.keeps:
                form.pop(path, None)
        form |= await self._form(words)
        try:
            written = await self._write(f"{INCIDENT}/{seen.id}/update", form, seen.id)
        except SideError as error:
            if error.unclear:
                # Who looks it up later does not know what had been seen.
                with suppress(SideError, RecordError):
                    await self._restore(seen, await self.read(seen.id), form)
            raise
        return await self._restore(seen, written.record, form) or written

    async def _restore(self, seen: Record, fresh: Record, form: dict[str, str]) -> Written | None:
        """Put back what an update has just written over; ``None`` if it was nothing.

        Raises:
            Rejected: the service will not have it back, such as a scope that is there no more.
            Gone: the incident was deleted behind our update.
        """
        lost = overwritten(seen.raw, fresh.raw, form) if fresh.birth == seen.birth else {}
        if not lost:
            return None
        again = whole(fresh.raw | lost)
        try:
            written = await self._write(f"{INCIDENT}/{seen.id}/update", again, seen.id)
        except SideError as error:
            # The update before it was made all the same.
            error.unclear = True
            raise
        except Rejected as error:
            what = f"was written to, but would not take back what that replaced: {error}"
            raise Rejected(f"{self.name} {what}", system=self.name, record=seen.id) from error
        log.warning("edit.restored", system=self.name, record=seen.id, paths=sorted(lost))
        return replace(written, undone=frozenset(lost))

    async def delete(self, record_id: str) -> None:
        """Delete an incident with its history; SQLite may give its id to another (observed)."""
        answer = await self.door.write("POST", f"{INCIDENT}/{record_id}/delete")
        need(self.door, answer, record_id, 302)
        if not place(answer).endswith(INCIDENT):
            raise answer.unusable("redirected to somewhere else than the incidents")

    async def link(self, record_id: str, links: Mapping[str, str]) -> None:
        """Show nothing: an incident has one link, which the mark or a field has."""

    async def comments(self, record_id: str) -> list[Comment]:
        """List the comments, oldest first; those of one minute that are equal are counted."""
        return comments((await self.read(record_id)).raw)

    async def say(self, record_id: str, text: str, key: str) -> None:  # noqa: ARG002 - none is kept
        """Add an internal comment; said twice it is there twice, for comments have no keys.

        The incident is read first: SQLite takes a comment on an id that does not exist, and shows
        it on the incident that gets the id later (observed).
        """
        await self.read(record_id)
        # By default the public would read it; in a form every value but "" and "false" is true.
        form = {"comment": text, "internal": "true"}
        answer = await self.door.write("POST", f"{INCIDENT}/{record_id}/comment", data=form)
        written(self.door, answer, record_id)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    async def _all(self) -> AsyncIterator[Page]:
        """List every incident."""
        listing = Listing(self.door, INCIDENT)
        async for raws in listing.pages():
            yield Page(await self._reading.records(raws))
        yield Page((), complete=listing.whole)

    async def _hints(self, watch: Collection[str]) -> AsyncIterator[Page]:
        """List the open incidents, then read those watched that were not among them."""
        left = dict.fromkeys(watch)
        filters: Params = {"status": OPEN}
        async for raws in Listing(self.door, INCIDENT, filters).pages():
            # A filter that is not understood widens the listing without a word (observed).
            records = await self._reading.records(
                [raw for raw in raws if raw.get("status") in OPEN]
            )
            for record in records:
                left.pop(record.id, None)
            yield Page(records)
        ids = list(left)
        for at in range(0, len(ids), CONNECTIONS):
            yield Page(await self._look(ids[at : at + CONNECTIONS]))

    async def _look(self, ids: list[str]) -> tuple[Record, ...]:
        """Read some incidents at once, without those that are gone."""
        tasks = [asyncio.create_task(self._there(number)) for number in ids]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return tuple(record for record in found if record is not None)

    async def _there(self, record_id: str) -> Record | None:
        """Read an incident; ``None`` if it is gone, or is not shown."""
        try:
            return await self.read(record_id)
        except (Gone, Rejected):
            return None

    async def _form(self, words: Words) -> dict[str, str]:
        """Spell words as form values; scopes and services by id."""
        form: dict[str, str] = {}
        for path, word in words.items():
            value = word[0] if isinstance(word, tuple) else word
            if value is None or path not in PLACES.write:
                continue
            if path in KINDS:
                form[path] = str(await self._reading.names.number(path, str(value)))
            else:
                form[path] = spelled(path, str(value))
        return form

    async def _write(self, path: str, form: dict[str, str], record_id: str) -> Written:
        """Send the one request that writes; take the id from where it points, and read it back."""
        answer = await self.door.write("POST", path, data=form)
        number = written(self.door, answer, record_id)
        with reading_back(self.name):
            return Written(await self.read(number))
