"""DevRev's incidents (beta API, documented 2025-07; never met live).

Every call is a ``POST`` with a JSON body, since only that form has date filters. Unknown request
keys are refused, unknown answer keys are normal, and missing keys mean "nothing there".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx

from instep.core.abilities import Abilities
from instep.core.fields import moment, spell
from instep.core.model import Mark, Record, Words, Written
from instep.errors import Gone, RecordError, Rejected
from instep.systems.base import Page
from instep.systems.devrev_names import Names
from instep.systems.devrev_words import (
    CUSTOM,
    DATES,
    Encoder,
    getter,
    mark_of,
    reference,
    stamp,
)
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, dig, digest, getters, having_id, objects, reading_back, text

#: Incidents asked for on one page: the largest that a third party saw served.
LIMIT = 100
#: Seconds by which a listing may lag behind a write (assumed: the index is not documented).
LAG = 30.0


class DevRev:
    """One DevRev organisation, spoken to with the token of a user or service account."""

    def __init__(self, name: str, door: Door, paths: Collection[str], app_url: str) -> None:
        """Speak through ``door``; ``paths`` are those in use."""
        self.name = name
        self.door = door
        self._app_url = app_url.rstrip("/")
        self._getters = getters(name, paths, getter)
        self._names = Names(door)
        self._encoder = Encoder(name, self._names)
        self.abilities = Abilities(
            filters_by_time=True,
            list_lag=LAG,
            find_lag=LAG,
            deadline=door.timeout,
            # Assumed: entering a final state sets the date; nothing else does.
            moves=MappingProxyType({"actual_close_date": frozenset({"stage"})}),
            keeps=frozenset({"title", "severity", "stage", *DATES, *_custom(paths)}),
            read_only=frozenset({"actual_close_date"}),
            required=frozenset({"title"}),
        )

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
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> DevRev:
        """Prepare a connection; nothing is sent yet.

        ``version`` is sent as ``X-Devrev-Version`` if given: the sources disagree about what it
        may be. ``beta`` sends the scope without which incidents need not exist. ``app_url`` may
        carry the organisation's name (``https://app.devrev.ai/acme``) for links that people open.

        Raises:
            ConfigError: a path is not one of DevRev's.
        """
        headers = {"Authorization": f"Bearer {token}"}
        headers |= {"X-Devrev-Scope": "beta"} if beta else {}
        headers |= {"X-Devrev-Version": version} if version else {}
        door = Door(
            name,
            url or "https://api.devrev.ai",
            headers,
            timeout=timeout,
            transport=transport,
            reason=_reason,
            advice="check the DevRev token: expired, revoked, or its user may not use incidents",
        )
        return cls(name, door, paths, app_url)

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """List one incident and read the organisation's names; warn of fields that it lacks.

        Raises:
            Denied, Unreachable: the token or the address is wrong.
        """
        await self._list({"limit": 1})
        schema = await self._names.schema()
        known = {str(one.get("name")) for one in objects(schema.get("custom_fields"))}
        # Schemas name a field with and without its prefix; both were seen.
        bare = {name.rpartition("__")[2] for name in known}
        wanted = [path.removeprefix(CUSTOM) for path in self._getters if path.startswith(CUSTOM)]
        return tuple(
            f"{self.name} shows no custom field {name!r} in its incident schema"
            for name in wanted
            if name not in known and name.rpartition("__")[2] not in bare
        )

    async def changes(self, since: str | None) -> AsyncIterator[Page]:
        """List what changed since a ``modified_date``, oldest change first.

        The cursor is the latest ``modified_date`` listed, as the service spells it. What is asked
        for overlaps it by ``LAG``, since an index may show two changes in the wrong order.
        """
        body: Raw = {"sort_by": ["modified_date:asc"]}
        if since is not None:
            body["modified_date"] = {"type": "range", "after": _earlier(since)}
        newest = since
        async for raws, last in self._walk(body):
            newest = _latest(newest, raws)
            records = tuple(self._record(raw) for raw in raws)
            yield Page(records, newest, complete=last and since is None)

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._words(record.raw)

    async def read(self, record_id: str) -> Record:
        """Read one incident by its DON.

        Raises:
            Gone: 404 of type ``not_found``, or 400 ``invalid_id`` (seen for unknown ids).
            Rejected: the service says that the id has moved (301).
        """
        answer = await self.door.read("POST", "incidents.get", json={"id": record_id})
        return self._record(self._incident(answer, record_id))

    async def find(self, mark: Mark) -> list[Record]:
        """List by external reference, and check it again here: nothing promises it unique."""
        found: list[Record] = []
        wanted = {"sync_metadata": {"external_reference": [reference(mark)]}}
        async for raws, _ in self._walk(wanted):
            found += [self._record(raw) for raw in raws]
        return [one for one in found if one.mark is not None and one.mark.uid == mark.uid]

    async def create(self, words: Words, mark: Mark) -> Written:
        """Create an incident; the answer shows all of it."""
        body = await self._encoder.body(dict(words), None)
        body["sync_metadata"] = _metadata(reference(mark), mark.origin)
        return await self._write("incidents.create", body, "")

    async def update(self, seen: Record, words: Words) -> Written:
        """Change some paths; lists are written whole, with what has no name kept in them.

        A record that carries our mark is sent it again, since whether sync metadata is merged or
        replaced is not documented. A user's own reference is never touched.
        """
        changed = await self._encoder.body(dict(words), seen.raw)
        if not changed:
            said = self.words(seen)
            return Written(await self.read(seen.id), {path: said.get(path) for path in words})
        body = {"id": seen.id, **changed}
        if seen.mark is not None:
            body["sync_metadata"] = _metadata(reference(seen.mark), seen.mark.origin)
        return await self._write("incidents.update", body, seen.id)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    async def _write(self, route: str, body: Raw, record_id: str) -> Written:
        """Send the one request that writes; read the record back."""
        answer = await self.door.write("POST", route, json=body)
        try:
            raw = self._incident(answer, record_id)
        except RecordError:
            self._names.forget()
            raise
        with reading_back(self.name):
            return Written(await self.read(str(raw["id"])), self._words(raw))

    async def _list(self, body: Raw) -> Answer:
        """Ask for one page."""
        answer = await self.door.read("POST", "incidents.list", json=body)
        if not answer.ok:
            raise answer.unusable(f"did not list its incidents: {self.door.why(answer)}")
        return answer

    async def _walk(self, body: Raw) -> AsyncIterator[tuple[list[Raw], bool]]:
        """Walk a listing to its end, which is where no cursor is: a page may be empty before."""
        cursor: Any = None
        while True:
            paging = {"limit": LIMIT} | ({"cursor": cursor} if cursor else {})
            answer = await self._list(body | paging)
            before, cursor = cursor, dig(answer.json(), "next_cursor")
            if cursor and cursor == before:
                raise answer.unusable("answered a cursor that does not move")
            yield having_id(self.name, answer.part("incidents", list)), not cursor
            if not cursor:
                return

    def _incident(self, answer: Answer, record_id: str) -> Raw:
        """Take the incident out of an answer, or raise what the answer says instead."""
        if answer.ok:
            raw: Raw = answer.part("incident", dict)
            if raw.get("id"):
                return raw
            raise answer.unusable("answered an incident without an id")
        if _says_gone(answer):
            why = self.door.why(answer)
            message = f"{self.name} has no incident {record_id}: {why}"
            raise Gone(message, system=self.name, record=record_id)
        if answer.status in (400, 409, 413) or (answer.status == 301 and not answer.wrote):
            raise Rejected(
                f"{self.name} refused {answer.asked}: {self.door.why(answer) or answer.status}",
                system=self.name,
                record=record_id,
            )
        # A 404 without a type is a route that does not exist, not an incident that is gone.
        raise answer.unusable("did not answer as incidents do", "check the address and beta access")

    def _words(self, raw: Raw) -> Words:
        """Read the paths in use from the service's own object."""
        return {path: get(raw) for path, get in self._getters.items()}

    def _record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        display = text(raw.get("display_id")) or str(raw["id"]).rpartition("/")[2]
        created = text(raw.get("created_date")) or ""
        return Record(
            id=str(raw["id"]),
            birth=created,
            digest=digest(raw),
            raw=raw,
            display=display,
            url=f"{self._app_url}/incidents/{display}",
            opened=created,
            modified=text(raw.get("modified_date")),
            mark=mark_of(raw),
        )


def _says_gone(answer: Answer) -> bool:
    """Whether an answer says that there is no such incident.

    An unknown id is 404 ``not_found``, or often 400 ``invalid_id`` (third-party notes); in an
    update the latter may also be about another id.
    """
    said = answer.peek()
    if answer.status == 400 and dig(said, "type") == "invalid_id":
        return not answer.wrote or dig(said, "field_name") == "id"
    return answer.status == 404 and dig(said, "type") == "not_found"


def _custom(paths: Collection[str]) -> list[str]:
    """Pick the custom fields out of paths."""
    return [path for path in paths if path.startswith(CUSTOM)]


def _metadata(external_reference: str, origin: str) -> Raw:
    """Make sync metadata; it goes out only with a real change, since it is one itself."""
    now = stamp(datetime.now(UTC).isoformat(timespec="milliseconds"))
    return {
        "external_reference": external_reference,
        "origin_system": origin,
        "last_sync_in": {"status": "succeeded", "sync_date": now},
    }


def _earlier(since: str) -> str:
    """Step back from a cursor by the lag of the listing."""
    return stamp(spell(moment(since) - timedelta(seconds=LAG)))


def _latest(newest: str | None, raws: list[Raw]) -> str | None:
    """Give the latest ``modified_date``, compared as instants: digits are not of one length."""
    for raw in raws:
        seen = text(raw.get("modified_date"))
        if seen and (newest is None or moment(seen) > moment(newest)):
            newest = seen
    return newest


def _reason(value: Any) -> str:
    """Read an error: its type and field say more than its message (third-party notes)."""
    keys = ("type", "subtype", "field_name", "reason", "message", "detail", "reference_id")
    said = [str(dig(value, key)) for key in keys if dig(value, key)]
    valid = dig(value, "allowed_values")
    return ": ".join(said) + (f" (allowed: {valid})" if valid else "")
