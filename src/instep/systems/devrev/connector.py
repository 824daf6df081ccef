"""DevRev's incidents (beta API, documented 2025-07; never met live).

Unknown request keys are refused, unknown answer keys are normal, and missing keys mean "nothing
there". Webhooks are not used: they come unordered, twice or never, and only hint at a change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from functools import partial
from types import MappingProxyType

import httpx
import structlog

from instep.core.abilities import Abilities
from instep.core.model import Mark, Record, Words, Written
from instep.core.paths import at, below
from instep.errors import Forbidden, RecordError, Rejected
from instep.systems.base import Comment, Offer, Page
from instep.systems.devrev import timeline
from instep.systems.devrev.api import Api, incident
from instep.systems.devrev.door import open_door
from instep.systems.devrev.listing import LAG, Listing
from instep.systems.devrev.mark import METADATA, Marks, owner_of
from instep.systems.devrev.names import Names
from instep.systems.devrev.offers import Offers
from instep.systems.devrev.schema import SUBTYPE, Schemas
from instep.systems.devrev.words import (
    CHOICES,
    CUSTOM,
    DATES,
    MADE,
    MOVED,
    PLACES,
    READ_ONLY,
    Encoder,
    custom_of,
    getter,
    subtype_of,
)
from instep.systems.http import Door
from instep.systems.raw import Raw, digest, getters, reading_back, text

log = structlog.get_logger()


class DevRev:
    """One DevRev organisation, spoken to with the token of a user."""

    def __init__(
        self,
        name: str,
        door: Door,
        paths: Collection[str],
        app_url: str,
        *,
        group_by: str | None = None,
        reference: str = METADATA,
        foreign: bool = False,
    ) -> None:
        """Speak through ``door``; ``paths`` are those in use."""
        self.name = name
        self.door = door
        self._app_url = app_url.rstrip("/")
        self._foreign = foreign
        self._api = Api(door)
        self._schemas = Schemas(self._api)
        self._names = Names(self._api, self._schemas)
        self._offers = Offers(self._names, self._schemas)
        self._listing = Listing(self._api, self._names, group_by)
        self._marks = Marks(name, reference, paths)
        self._encoder = Encoder(name, self._names, self._schemas)
        self._getters = getters(name, paths, partial(getter, known=self._schemas.custom))
        self._custom = sorted({str(found[0]) for path in paths if (found := below(path, CUSTOM))})
        self.abilities = _abilities(door.timeout, paths)

    @classmethod
    def connect(  # noqa: PLR0913 - each keyword is one setting of the service
        cls,
        name: str,
        paths: Collection[str],
        *,
        token: str,
        url: str | None = None,
        app_url: str = "https://app.devrev.ai",
        version: str | None = None,
        beta: bool = True,
        group_by: str | None = None,
        reference: str = METADATA,
        foreign: bool = False,
        timeout: float = 30.0,
        rate: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> DevRev:
        """Prepare a connection; nothing is sent yet.

        ``version`` is sent as ``X-Devrev-Version`` if given: the sources disagree about what it
        may be. ``beta`` sends the scope without which incidents need not exist. ``app_url`` may
        carry the organisation's name (``https://app.devrev.ai/acme``) for links that people open.
        ``group_by`` polls group by group of a field, ``reference`` is where the mark is kept
        (``sync_metadata`` or ``custom_fields.tnt__<name>``), and ``foreign`` takes incidents that
        another synchroniser owns.

        Raises:
            ConfigError: a path is not one of DevRev's, or the mark cannot be kept there.
        """
        headers = {"Authorization": f"Bearer {token}"}
        headers |= {"X-Devrev-Scope": "beta"} if beta else {}
        headers |= {"X-Devrev-Version": version} if version else {}
        door = open_door(name, url, headers, timeout, rate, transport)
        return cls(
            name, door, paths, app_url, group_by=group_by, reference=reference, foreign=foreign
        )

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """List incidents and read the organisation's schema; warn of what cannot be done.

        That is: a reference field that marks cannot be found by, and incidents among the latest
        that another synchroniser owns. What it has for the paths in use, ``offers`` tells.

        Raises:
            Denied, Unreachable: the token, the address, the version or the grouping is wrong.
        """
        latest = await self._listing.check()
        await self._schemas.schema(anew=True)
        owners = {self._owner(raw) for raw in latest} - {""}
        foreign = [
            f"{self.name} has incidents that belong to {owner}; they are left alone"
            " unless `foreign: true`"
            for owner in sorted(owners)
        ]
        return (*await self._marks.check(self._schemas), *foreign)

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Offer]:
        """Look at labels, stages and custom fields, and for people, parts and tags by name.

        Raises:
            Denied, Unreachable: as ``check``.
        """
        return await self._offers.at(wanted)

    async def prepare(self) -> tuple[str, ...]:
        """Make nothing: custom fields are for the organisation's administrators to make."""
        return ()

    async def changes(
        self,
        since: str | None,
        watch: Collection[str] = (),  # noqa: ARG002 - what changed is listed in any case
    ) -> AsyncIterator[Page]:
        """List what changed since a ``modified_date``, oldest change first, or group by group.

        A whole listing reads the organisation's names and labels anew. Incidents that another
        synchroniser owns are left out, with one warning.
        """
        if since is None:
            self._names.refresh()
        left_out = 0
        async for found in self._listing.changes(since):
            ours = [raw for raw in found.raws if not self._owner(raw)]
            left_out += len(found.raws) - len(ours)
            yield Page(await self._records(ours), found.cursor, complete=found.complete)
        if left_out:
            log.warning("record.foreign", system=self.name, count=left_out)

    async def census(self) -> Mapping[str, int] | None:
        """Count the incidents by stage, those of other synchronisers included.

        Raises:
            Denied, Unreachable: as for every request.
        """
        return await self._listing.stages()

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._words(record.raw)

    async def read(self, record_id: str) -> Record:
        """Read one incident by its DON.

        Raises:
            Gone: 404 of type ``not_found``, or 400 ``invalid_id`` (seen for unknown ids).
            Rejected: its id has moved (301), or it belongs to another synchroniser.
        """
        raw = incident(await self._api.about("incidents.get", {"id": record_id}, record_id))
        if owner := self._owner(raw):
            raise Rejected(
                f"{self.name} has {record_id} from {owner}, which keeps it in step itself",
                system=self.name,
                record=record_id,
                advice="leave it alone, or set `foreign: true` for this system",
            )
        (record,) = await self._records([raw])
        return record

    async def find(self, mark: Mark) -> list[Record]:
        """List by the reference, and check it again here: nothing promises it unique."""
        found: list[Record] = []
        async for raws in self._listing.matching(self._marks.filter(mark)):
            found += await self._records(raws)
        return [one for one in found if one.mark is not None and one.mark.uid == mark.uid]

    async def create(self, words: Words, mark: Mark) -> Written:
        """Create an incident; the answer shows all of it."""
        body = await self._encoder.body(dict(words), None)
        self._marks.write(body, mark)
        written = await self._write("incidents.create", body, "")
        self._marks.made(written.record, mark)
        return written

    async def update(self, seen: Record, words: Words) -> Written:
        """Change some paths; lists are written whole, with what has no name kept in them."""
        changed = await self._encoder.body(dict(words), seen.raw)
        if not changed:
            said = self.words(seen)
            return Written(await self.read(seen.id), {path: said.get(path) for path in words})
        body = {"id": seen.id, **changed}
        self._marks.keep(body, seen)
        return await self._write("incidents.update", body, seen.id)

    async def delete(self, record_id: str) -> None:
        """Delete an incident for good; it leaves no trace in listings.

        Raises:
            Gone, Rejected: it is not there, or may not be deleted.
        """
        await self._api.tell("incidents.delete", {"id": record_id}, record_id)

    async def link(self, record_id: str, links: Mapping[str, str]) -> None:
        """Show nothing: links of DevRev join its own objects only."""

    async def comments(self, record_id: str) -> list[Comment]:
        """List an incident's comments, oldest first, without deleted ones.

        Raises:
            Gone, Rejected: the incident is not there, or its timeline cannot be read.
        """
        return await timeline.comments(self._api, record_id)

    async def say(self, record_id: str, text: str, key: str) -> None:
        """Add an internal comment; one with a key that is there already is not added again.

        Raises:
            Gone, Rejected: the incident is not there, or the comment was refused.
        """
        await timeline.say(self._api, record_id, text, key)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    async def _write(self, route: str, body: Raw, record_id: str) -> Written:
        """Send the one request that writes; read the record back."""
        try:
            raw = incident(await self._api.tell(route, body, record_id))
        except Forbidden as error:
            self._marks.explain(error, body)
            raise
        except RecordError:
            # A name, a stage or a schema may be another than it was.
            self._names.forget()
            raise
        with reading_back(self.name):
            return Written(await self.read(str(raw["id"])), self._words(raw))

    def _owner(self, raw: Raw) -> str:
        """Name the synchroniser that keeps an incident from us; empty if none does."""
        return "" if self._foreign or self._marks.read(raw) else owner_of(raw)

    async def _records(self, raws: list[Raw]) -> tuple[Record, ...]:
        """Wrap the service's own objects, knowing the types of the custom fields in use."""
        if self._custom and raws:
            fields_of_subtypes = any(one.startswith(SUBTYPE) for one in self._custom)
            subtypes = {subtype_of(raw) for raw in raws} if fields_of_subtypes else ()
            await self._schemas.know(subtypes)
        return tuple(self._record(raw) for raw in raws)

    def _words(self, raw: Raw) -> Words:
        """Read the paths in use from the service's own object."""
        return {path: get(raw) for path, get in self._getters.items()}

    def _record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        display = text(raw.get("display_id")) or str(raw["id"]).rpartition("/")[2]
        created = text(raw.get("created_date")) or ""
        url = f"{self._app_url}/incidents/{display}"
        return Record(
            id=str(raw["id"]),
            birth=created,
            digest=digest(raw),
            raw=raw,
            display=display,
            url=url,
            opened=created,
            modified=text(raw.get("modified_date")),
            mark=self._marks.read(raw),
            points=self._marks.points(raw, url),
        )


def _abilities(deadline: float, paths: Collection[str]) -> Abilities:
    """Declare what DevRev can do with the paths in use."""
    only_read = PLACES.only_read(paths)
    custom = [path for path in paths if custom_of(path)]
    moved = dict.fromkeys(at(paths, *MOVED), frozenset(paths) - only_read)
    return Abilities(
        filters_by_time=True,
        census="stage",
        comments=True,
        list_lag=LAG,
        find_lag=LAG,
        deadline=deadline,
        # Assumed: entering a final state sets the date; the state itself is the stage's.
        moves=MappingProxyType(
            {"actual_close_date": frozenset({"stage"}), "state": frozenset({"stage"}), **moved}
        ),
        keeps=frozenset({"title", "stage", *CHOICES, *DATES, *custom}),
        read_only=READ_ONLY | only_read,
        stamps=at(paths, *MADE, *MOVED),
        required=frozenset({"title"}),
    )
