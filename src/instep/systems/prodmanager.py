"""ProdManager's incident API (as observed on v0.22.0).

Writes are form posts answered with a redirect, whose path is the only place that a new id stands
in. An update replaces the whole incident: what is left out is emptied or set to the present.
There is no time of change and no order by it, so every listing is whole, and it is not stable.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx

from instep.core.abilities import Abilities, While
from instep.core.fields import spell
from instep.core.model import Mark, Record, Word, Words, Written
from instep.errors import Denied, Gone, Rejected
from instep.systems.base import Page
from instep.systems.http import Answer, Door
from instep.systems.prodmanager_names import KINDS, Names, walk
from instep.systems.raw import (
    Getter,
    Raw,
    dig,
    digest,
    getters,
    objects,
    parse_mark,
    reading_back,
    text,
)

INCIDENT = "/api/incident"
#: Walks of one listing, at most, until it has shown as many incidents as it counts.
WALKS = 3
#: Seconds for which an unused connection is kept: the server closes its end after two.
IDLE = 1.5
#: Seconds before a token's end from which on a person is warned.
WEEK = 7 * 24 * 3600

PHASES = {
    "investigation_date": frozenset[Word]({"investigating", "stable", "resolved"}),
    "stable_date": frozenset[Word]({"stable", "resolved"}),
    "resolve_date": frozenset[Word]({"resolved"}),
}
DATES = frozenset({"start_impact_date", *PHASES})
TEXTS = frozenset({"name", "description", "external_link", "severity", "status"})
REQUIRED = frozenset({"name", "scope", "service", "severity", "start_impact_date"})
CREATED = REQUIRED | {"description", "external_link"}
#: What an update has to send back, or it is lost.
KEPT = (*sorted(TEXTS), *sorted(DATES), *KINDS, "external_reference")
#: Links that are not refused: scheme and host, without user or IPv6 address.
_LINK = re.compile(r"[a-z]+://[^/?:@\[\]\s]+(:\d+)?(/.*)?(\?.*)?", re.IGNORECASE)
_PLACE = re.compile(r"/api/incident/(\d+)$")

ABILITIES = Abilities(
    born=MappingProxyType({"status": "active", **dict.fromkeys(PHASES)}),
    only_while=MappingProxyType({path: While("status", words) for path, words in PHASES.items()}),
    moves=MappingProxyType(dict.fromkeys(PHASES, frozenset({"status"}))),
    # Left out, a date of the status that it belongs to becomes the present.
    keeps=REQUIRED | {"status", *PHASES},
    required=REQUIRED,
)


class ProdManager:
    """One ProdManager, spoken to with a token of its own."""

    def __init__(
        self, name: str, door: Door, paths: Collection[str], *, url: str, zone: ZoneInfo
    ) -> None:
        """Speak through ``door``; ``paths`` are those in use, ``zone`` is the server's."""
        self.name = name
        self.door = door
        self._url = url
        self._zone = zone
        self._names = Names(door)
        self._getters = getters(name, paths, self._getter)
        self._is_named = bool(set(KINDS) & set(paths))
        self.abilities = replace(ABILITIES, deadline=door.timeout)

    @classmethod
    def connect(
        cls,
        name: str,
        paths: Collection[str],
        *,
        token: str,
        url: str,
        timezone: str = "UTC",
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> ProdManager:
        """Prepare a connection; nothing is sent yet.

        ``url`` is the root of the web interface; ``timezone`` is that of the server's machine,
        which its API does not tell.

        Raises:
            ConfigError: a path is not one of ProdManager's.
        """
        root = url.rstrip("/").removesuffix("/api")
        door = Door(
            name,
            root,
            {"Authorization": f"Bearer {token}"},
            timeout=timeout,
            transport=transport,
            idle=IDLE,
            reason=_reason,
            advice="check the ProdManager token: its end, and its permission incident_api",
        )
        return cls(name, door, paths, url=root, zone=ZoneInfo(timezone))

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        return self.door.requests

    async def check(self) -> tuple[str, ...]:
        """Ask who the token is, and read scopes and services.

        Raises:
            Denied: the token is not known, has ended or may not write incidents.
        """
        who = (await self.door.read("GET", "/api/token/whoami")).json()
        about = dig(who, "playload")  # as the service spells it
        if not about:
            raise self._denied("does not know the token", "make a token, and give it both dates")
        left = float(dig(about, "exp") or float("inf")) - time.time()
        if left < 0:
            raise self._denied("says that the token has ended", "make a new token")
        if "incident_api" not in (dig(about, "permissions") or []):
            raise self._denied(
                "does not let the token write incidents", "make a token with incident_api"
            )
        await self._names.refresh()
        warnings = [f"{self.name} has no {kind} yet" for kind in self._names.missing()]
        if left < WEEK:
            warnings.append(f"the token of {self.name} ends in {left / 86400:.1f} days")
        return tuple(warnings)

    async def changes(self, since: str | None) -> AsyncIterator[Page]:  # noqa: ARG002 - no filter
        """List every incident once; complete when as many were shown as the service counts.

        Without a tie-break a walk may miss some (observed on PostgreSQL): then it is repeated.
        """
        if self._is_named:
            await self._names.refresh()
        shown: set[int] = set()
        whole = False
        for _ in range(WALKS):
            walked: set[int] = set()
            total: int | None = None
            async for raws, counted in walk(self.door, INCIDENT):
                total = counted
                fresh = list({raw["id"]: raw for raw in raws if raw["id"] not in shown}.values())
                walked.update(raw["id"] for raw in raws)
                shown.update(raw["id"] for raw in raws)
                await self._meet(fresh)
                yield Page(tuple(self._record(raw) for raw in fresh))
            if whole := total in (len(shown), len(walked)):
                break
        yield Page((), complete=whole)

    def words(self, record: Record) -> Words:
        """Read the paths in use."""
        return self._words(record.raw)

    async def read(self, record_id: str) -> Record:
        """Read one incident.

        Raises:
            Gone: 404 with the reason "Resource not found" for the incident.
        """
        answer = await self.door.read("GET", f"{INCIDENT}/{record_id}")
        self._refuse(answer, record_id, 200)
        raw = answer.json()
        if dig(raw, "id") is None:
            raise answer.unusable("answered an incident without an id")
        await self._meet([raw])
        return self._record(raw)

    async def find(self, mark: Mark) -> list[Record]:
        """List by external reference, and check it again here: a bad filter widens a listing."""
        found: dict[int, Raw] = {}
        async for raws, _ in walk(self.door, INCIDENT, {"external_reference": str(mark)}):
            found |= {raw["id"]: raw for raw in raws}
        records = [self._record(raw) for raw in found.values()]
        records = [one for one in records if one.mark is not None and one.mark.uid == mark.uid]
        await self._meet([one.raw for one in records])
        return records

    async def create(self, words: Words, mark: Mark) -> Written:
        """Make an incident; it begins ``active``, without dates of phases.

        Raises:
            Rejected: a name is not known, or the service's reasons for refusing the form.
        """
        form = await self._form({path: word for path, word in words.items() if path in CREATED})
        form["external_reference"] = str(mark)
        if "external_link" not in form and _LINK.fullmatch(mark.url):
            form["external_link"] = mark.url
        return await self._write(f"{INCIDENT}/create", form, "")

    async def update(self, seen: Record, words: Words) -> Written:
        """Send the whole incident as it was just read, with some paths changed.

        What is ``null`` is left out, because an empty text is another value than none.
        """
        form = {key: str(seen.raw[key]) for key in KEPT if seen.raw.get(key) is not None}
        for path, word in words.items():
            if word is None and path not in self.abilities.keeps:
                form.pop(path, None)
        form |= await self._form(words)
        return await self._write(f"{INCIDENT}/{seen.id}/update", form, seen.id)

    async def close(self) -> None:
        """Give back connections."""
        await self.door.close()

    async def _form(self, words: Words) -> dict[str, str]:
        """Spell words as form values; scopes and services by id, dates to the minute."""
        form: dict[str, str] = {}
        for path, word in words.items():
            value = word[0] if isinstance(word, tuple) else word
            if value is None:
                continue
            if path in KINDS:
                form[path] = str(await self._names.number(path, str(value)))
            else:
                form[path] = str(value)[:16] if path in DATES else str(value)
        return form

    async def _write(self, path: str, form: dict[str, str], record_id: str) -> Written:
        """Send the one request that writes; take the id from where it points, and read it back."""
        answer = await self.door.write("POST", path, data=form)
        self._refuse(answer, record_id, 302)
        place = _PLACE.search(urlsplit(answer.headers.get("location", "")).path)
        if place is None or (record_id and place[1] != record_id):
            raise answer.unusable("redirected to somewhere else than the incident")
        with reading_back(self.name):
            return Written(await self.read(place[1]))

    def _refuse(self, answer: Answer, record_id: str, wanted: int) -> None:
        """Raise what an answer says, if its status is not the wanted one."""
        if answer.status == wanted:
            return
        reasons = dig(answer.peek(), "reasons")
        why = self.door.why(answer)
        if answer.status == 404 and "Resource not found" in str(dig(reasons, "incident")):
            raise Gone(f"{self.name}: {why}", system=self.name, record=record_id)
        if answer.status in (400, 409) and isinstance(reasons, dict):
            raise Rejected(f"{self.name}: {why}", system=self.name, record=record_id)
        # Without the object a 404 is a route, and a 400 the web interface asking for its token.
        raise answer.unusable(f"did not answer as its API does: {why}")

    def _denied(self, what: str, advice: str) -> Denied:
        """Make the error for a token that will not do."""
        return Denied(f"{self.name} {what}", system=self.name, advice=advice)

    def _getter(self, path: str) -> Getter | None:
        """Choose how a path is read; ``None`` if there is no such path."""
        if path in KINDS:
            return lambda raw: self._names.name(path, raw.get(path))
        return (lambda raw: text(raw.get(path))) if path in TEXTS | DATES else None

    async def _meet(self, raws: list[Raw]) -> None:
        """Learn the names that reading these incidents takes."""
        if self._is_named:
            await self._names.meet(raws)

    def _words(self, raw: Raw) -> Words:
        """Read the paths in use from the service's own object."""
        return {path: get(raw) for path, get in self._getters.items()}

    def _record(self, raw: Raw) -> Record:
        """Wrap the service's own object."""
        number = str(raw["id"])
        return Record(
            id=number,
            birth=_birth(raw),
            # A renamed service is a changed incident.
            digest=digest([raw, *(self._names.name(kind, raw.get(kind)) for kind in KINDS)]),
            raw=raw,
            display=number,
            # The page for people; links are made from whatever host the request named.
            url=f"{self._url}/incident/{number}",
            opened=self._utc(raw.get("creation_date")),
            mark=parse_mark(raw.get("external_reference"), text(raw.get("external_link")) or ""),
        )

    def _utc(self, digits: Any) -> str:
        """Give the server's local digits their zone; years are not padded (observed)."""
        try:
            local = datetime.fromisoformat(digits)
        except (TypeError, ValueError):
            return ""
        return spell(local.replace(tzinfo=self._zone).astimezone(UTC))


def _birth(raw: Raw) -> str:
    """Tell apart incidents with one id: SQLite uses the highest id again (observed).

    The event of the creation is the last of the list, and is not there for all: it may have failed
    to be written.
    """
    events = objects(raw.get("events"))
    first = next((one for one in reversed(events) if one.get("type") == "create"), None)
    proof = digest(first.get("content"))[:8] if first else ""
    return f"{raw.get('creation_date')}#{proof}"


def _reason(value: Any) -> str:
    """Read an error: a sentence, or a message with reasons by field."""
    if isinstance(value, str):
        return value
    reasons = dig(value, "reasons")
    said = [
        f"{name}: {' '.join(why) if isinstance(why, list) else why}"
        for name, why in (reasons.items() if isinstance(reasons, dict) else ())
    ]
    return "; ".join([str(dig(value, "message") or ""), *said])
