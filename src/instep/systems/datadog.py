"""Datadog Incident Management, API v2 (as recorded 2020 to 2026).

State is taken only from a plain read or the listing: the answer to a write shows relationships
as they were before it, and the search lags behind and cuts times. There is no filter by time, no
idempotency key and no version, so every listing is whole.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from types import MappingProxyType
from typing import Any

import httpx

from instep.core.abilities import Abilities
from instep.core.model import Mark, Record, Word, Words, Written
from instep.errors import Gone, Rejected
from instep.systems.base import Page
from instep.systems.datadog_words import (
    COMMANDER,
    TEXTS,
    WRITTEN_DATES,
    Encoder,
    Fields,
    People,
    commander_of,
    getter,
    mark_of,
)
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, dig, digest, getters, having_id, names, reading_back, text

INCIDENTS = "/api/v2/incidents"
#: Rows of a page: the documented maximum, sent always since the default is not what is documented.
PAGE_SIZE = 100
#: Sites whose web application answers at a host of its own name (documented).
APP_SITES = frozenset({"datadoghq.com", "datadoghq.eu", "ddog-gov.com"})
#: What the service says of an incident that is not there (recorded); a wrong route says less.
_PREFIX = re.compile(r"[A-Z]+-")
_ABSENT = re.compile(r"\bincident\b.*\bnot found\b", re.IGNORECASE)


class Datadog:
    """One Datadog organisation, spoken to as the owner of an application key."""

    def __init__(
        self, name: str, door: Door, paths: Collection[str], *, app_url: str, reference_field: str
    ) -> None:
        """Speak through ``door``; ``paths`` are those in use."""
        self.name = name
        self.door = door
        self._app_url = app_url.rstrip("/")
        self._field = reference_field
        self._fields = Fields(door)
        self._people = People(door)
        self._encoder = Encoder(self._fields, self._people, reference_field)
        self._names_commander = COMMANDER in paths
        self._getters = getters(
            name, paths, lambda path: self._commander if path == COMMANDER else getter(path)
        )
        self.abilities = Abilities(
            deadline=door.timeout,
            born=MappingProxyType(dict.fromkeys(sorted(WRITTEN_DATES))),
            moves=MappingProxyType(
                {
                    "resolved": frozenset({"fields.state"}),
                    # Recorded: declaring an incident sets the time; its title comes with that.
                    "detected": frozenset({"title"}),
                }
            ),
            # Emptying these is not documented; dates and other fields take null.
            keeps=frozenset({*TEXTS, "fields.severity", "fields.state"}),
            read_only=frozenset({"resolved"}),
            required=frozenset({"title"}),
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
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Datadog:
        """Prepare a connection; nothing is sent yet.

        Either both keys or ``bearer`` (an OAuth token) are needed. ``url`` stands in for the API
        of ``site``. ``reference_field`` names the text array field that holds marks.

        Raises:
            ConfigError: a path is not one of Datadog's.
        """
        keys = {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}
        door = Door(
            name,
            url or f"https://api.{site}",
            {"Authorization": f"Bearer {bearer}"} if bearer else keys,
            timeout=timeout,
            transport=transport,
            reason=_reason,
            advice="check the Datadog API key, and the application key and its scopes "
            "(incident_read, incident_write, user_access_read for commanders); a key of another "
            f"site than {site} is refused the same way",
        )
        app = app_url or f"https://{'app.' if site in APP_SITES else ''}{site}"
        return cls(name, door, paths, app_url=app, reference_field=reference_field)

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """List one incident and look for the reference field.

        Raises:
            Denied, Unreachable: keys, site or address are wrong, or incidents are not enabled.
        """
        for raw in _rows(self.name, await self._list(1, 0)):
            self._fields.learn(raw)
            await self._meet([raw])
        if self._names_commander:
            await self._people.check()
        try:
            kind = await self._fields.type_of(self._field)
        except Rejected as missing:
            return (f"{missing}, so that {self.name} cannot be given new incidents",)
        wrong = f"{self.name}: field {self._field!r} is a {kind}, where a text array is needed"
        return () if kind == "textarray" else (wrong,)

    async def changes(self, since: str | None) -> AsyncIterator[Page]:  # noqa: ARG002 - no filter
        """List every incident, oldest first; test incidents and hidden ones are left out.

        A private incident is hidden, unless it carries a mark: then instep made it itself.
        """
        async for raws, last in self._walk():
            await self._meet(raws)
            records = [self._record(raw) for raw in raws if not _is_test(raw)]
            shown = tuple(one for one in records if not _hidden(one))
            yield Page(shown, complete=last)

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._words(record.raw)

    async def read(self, record_id: str) -> Record:
        """Read one incident by its UUID.

        Raises:
            Gone: 404 with a body that says "incident ... not found".
            Rejected: it is private now, and was not made by instep.
        """
        answer = await self.door.read("GET", f"{INCIDENTS}/{record_id}")
        raw = self._incident(answer, record_id)
        await self._meet([raw])
        record = self._record(raw)
        if _hidden(record):
            raise Rejected(
                f"{self.name} incident {record.display} is private: it is not copied elsewhere",
                system=self.name,
                record=record_id,
                advice="make it visible to the organisation, or unlink it",
            )
        return record

    async def find(self, mark: Mark) -> list[Record]:
        """Walk the whole listing, which shows fresh incidents; the search does not (recorded)."""
        found: list[Record] = []
        async for raws, _ in self._walk():
            found += [self._record(raw) for raw in raws]
        found = [one for one in found if one.mark is not None and one.mark.uid == mark.uid]
        await self._meet([one.raw for one in found])
        return found

    async def create(self, words: Words, mark: Mark) -> Written:
        """Declare an incident with its mark; nobody is notified by handle.

        Raises:
            Rejected: the reference field or another field does not exist.
        """
        sent = await self._encoder.encode(words, mark, new=True)
        data = {"type": "incidents", **sent.body(new=True)}
        answer = await self.door.write("POST", INCIDENTS, json={"data": data})
        return await self._written(answer, "", dict.fromkeys(sent.unknown))

    async def update(self, seen: Record, words: Words) -> Written:
        """Change some paths; whatever is left out keeps its value (documented).

        A request that would change nothing is not sent: it would still move ``modified`` and make
        the acting user a responder (recorded).
        """
        self._fields.learn(seen.raw)
        sent = await self._encoder.encode(words, seen.mark, new=False)
        said = self.words(seen)
        stands = {path: said.get(path) for path in sent.unknown}
        if not sent:
            return Written(await self.read(seen.id), stands)
        data = {"id": seen.id, "type": "incidents", **sent.body(new=False)}
        answer = await self.door.write("PATCH", f"{INCIDENTS}/{seen.id}", json={"data": data})
        return await self._written(answer, seen.id, stands)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    async def _written(self, answer: Answer, record_id: str, stands: dict[str, Word]) -> Written:
        """Read back what was written; ``stands`` says what is where nothing could be sent.

        The answer shows attributes as they are now, relationships as they were (recorded).
        """
        raw = self._incident(answer, record_id)
        echo = {path: word for path, word in self._words(raw).items() if path != COMMANDER}
        with reading_back(self.name):
            answer = await self.door.read("GET", f"{INCIDENTS}/{raw['id']}")
            fresh = self._incident(answer, str(raw["id"]))
            await self._meet([fresh])
            return Written(self._record(fresh), echo | stands)

    async def _meet(self, raws: list[Raw]) -> None:
        """Learn what reading these incidents takes: types of fields, e-mails of commanders."""
        for raw in raws:
            self._fields.learn(raw)
        if self._names_commander:
            await self._people.meet({user for raw in raws if (user := commander_of(raw))})

    async def _list(self, size: int, offset: int) -> Answer:
        """Ask for one page."""
        params: Mapping[str, str | int] = {"page[size]": size, "page[offset]": offset}
        answer = await self.door.read("GET", INCIDENTS, params=params)
        if not answer.ok:
            raise answer.unusable(
                f"did not list its incidents: {self.door.why(answer)}",
                "check that Incident Management is enabled, and the site",
            )
        return answer

    async def _walk(self) -> AsyncIterator[tuple[list[Raw], bool]]:
        """Walk the listing to its first empty page, each incident once.

        Neither ``next_offset`` (recorded where nothing followed) nor a short page (private
        incidents may shorten one) means the end.
        """
        seen: set[str] = set()
        last: list[str] = []
        offset = 0
        while True:
            answer = await self._list(PAGE_SIZE, offset)
            count = len(answer.part("data", list))
            rows = _rows(self.name, answer)
            before, last = last, [raw["id"] for raw in rows]
            if last and last == before:
                raise answer.unusable("answered the same page twice")
            fresh = {raw["id"]: raw for raw in rows if raw["id"] not in seen}
            seen.update(fresh)
            offset += count
            yield list(fresh.values()), not count
            if not count:
                return

    def _incident(self, answer: Answer, record_id: str) -> Raw:
        """Take the incident out of an answer, or raise what the answer says instead."""
        if answer.ok:
            raw: Raw = answer.part("data", dict)
            if raw.get("id"):
                return raw
            raise answer.unusable("answered an incident without an id")
        why = self.door.why(answer)
        if answer.status == 404 and _ABSENT.search(why):
            raise Gone(f"{self.name}: {why}", system=self.name, record=record_id)
        if answer.status in (400, 409, 413, 422):
            raise Rejected(
                f"{self.name} refused {answer.asked}: {why or answer.status}",
                system=self.name,
                record=record_id,
            )
        raise answer.unusable(f"did not answer as incidents do: {why}")

    def _commander(self, raw: Raw) -> Word:
        """Read the commander's e-mail."""
        return names([self._people.email(commander_of(raw))])

    def _words(self, raw: Raw) -> dict[str, Word]:
        """Read the paths in use from the service's own object."""
        return {path: get(raw) for path, get in self._getters.items()}

    def _record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        about: Any = raw.get("attributes")
        created = text(dig(about, "created")) or ""
        public = str(dig(about, "public_id") or raw["id"])
        slug = text(dig(about, "fields", "slug", "value")) or ""
        return Record(
            id=str(raw["id"]),
            birth=created,
            digest=digest(raw),
            raw=raw,
            # The slug may show a ServiceNow record in its place (documented).
            display=slug if _PREFIX.fullmatch(slug.removesuffix(public)) else public,
            url=f"{self._app_url}/incidents/{public}",
            opened=created.replace("+00:00", "Z"),
            modified=text(dig(about, "modified")),
            mark=mark_of(raw, self._field),
        )


def _rows(system: str, answer: Answer) -> list[Raw]:
    """Take the incidents out of a page."""
    return having_id(system, answer.part("data", list))


def _is_test(raw: Raw) -> bool:
    """Whether an incident was declared as a test."""
    return dig(raw, "attributes", "is_test") is True


def _hidden(record: Record) -> bool:
    """Whether an incident is private and not of instep's making."""
    return record.mark is None and dig(record.raw, "attributes", "visibility") == "private"


def _reason(value: Any) -> str:
    """Read an error of either family: a list of sentences, or of JSON:API objects."""
    errors = dig(value, "errors")
    said = [
        one if isinstance(one, str) else f"{dig(one, 'title') or ''}: {dig(one, 'detail') or ''}"
        for one in (errors if isinstance(errors, list) else [])
    ]
    return "; ".join(said)
