"""Listing DevRev's incidents: by what changed, or group by group.

Groups hide incidents: one without a value for the field is in no group (assumed; nothing says
otherwise). So a walk of groups never moves the cursor, and what it hides is seen by the next
whole listing, which is always a plain one, and from whose cursor the walks begin. What they
show twice in between costs the engine nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from instep.core.fields import spell
from instep.errors import Forbidden
from instep.systems.devrev.api import LIMIT, Api, Unserved
from instep.systems.devrev.group import PER_GROUP, both, cut, pin, size
from instep.systems.devrev.names import Names
from instep.systems.devrev.text import stamp, when
from instep.systems.raw import Raw, dig, having_id, objects, text

#: Seconds by which a listing may lag behind a write (assumed: the index is not documented).
LAG = 30.0
#: Groups on a page: the documented default, so surely served.
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Incidents of one page, the cursor to go on from, and whether all there are were shown."""

    raws: list[Raw]
    cursor: str | None
    complete: bool = False


class Listing:
    """The listings of one organisation."""

    def __init__(self, api: Api, names: Names, group_by: str | None) -> None:
        """List by change, or grouped by a field in the service's own spelling."""
        self._api = api
        self._names = names
        self._group_by = group_by
        self._dated = True

    async def changes(self, since: str | None) -> AsyncIterator[Found]:
        """List what changed since a ``modified_date``, or everything.

        The cursor is the latest ``modified_date`` that a plain listing has shown, as the service
        spells it. What is asked for overlaps it by ``LAG``, since an index may show two changes
        in the wrong order. An incident in several groups is shown once.
        """
        seen: set[tuple[str, str]] = set()
        async for page in self._pages(since):
            yield Found(_fresh(page.raws, seen), page.cursor, page.complete)

    async def matching(self, wanted: Raw) -> AsyncIterator[list[Raw]]:
        """List the incidents that pass a filter.

        Raises:
            Denied, Unreachable: as for every request.
        """
        async for items, _ in self._api.walk("incidents.list", wanted, "incidents"):
            yield having_id(self._api.system, items)

    async def check(self) -> list[Raw]:
        """List the incidents changed last, and ask for one group where groups are in use."""
        answer = await self._api.ask("incidents.list", {"sort_by": ["modified_date:desc"]})
        if self._group_by is not None:
            one = {"group_by": self._group_by, "limit": 1, "limit_per_group": 1}
            await self._api.ask("incidents.group", one)
        return objects(answer.part("incidents", list))

    async def stages(self) -> dict[str, int] | None:
        """Count the incidents by stage; ``None`` if the service gives no totals.

        An incident has one stage, so that totals can be told apart; incidents without one are
        in no group.
        """
        totals: dict[str, int] = {}
        try:
            async for groups in self._groups({}, "stage", groups=LIMIT, each=1):
                for group in groups:
                    name, total = text(dig(group, "key", "name")), group.get("total")
                    if not isinstance(total, int):
                        return None
                    if name:
                        totals[name] = totals.get(name, 0) + total
        except (Unserved, Forbidden):
            # Listings do without.
            return None
        return totals

    async def _pages(self, since: str | None) -> AsyncIterator[Found]:
        """Choose the way to list; date filters are refused by some (third-party notes)."""
        if since is not None and self._dated:
            pages = self._listed(since) if self._group_by is None else self._grouped(since)
            try:
                async for page in pages:
                    yield page
            except Unserved as error:
                if not error.field.startswith("modified_date"):
                    raise
                self._dated = False
            else:
                return
        async for page in self._listed(None) if since is None else self._backwards(since):
            yield page

    async def _backwards(self, since: str) -> AsyncIterator[Found]:
        """Walk the plain listing, latest change first, until it is older than asked for.

        The cursor moves with the last page only: what is older than it comes later.
        """
        body = {"sort_by": ["modified_date:desc"]}
        start, newest = when(_earlier(since)), since
        async for items, last in self._api.walk("incidents.list", body, "incidents"):
            raws = having_id(self._api.system, items)
            newest = _latest(newest, raws) or since
            ended = bool(raws) and all(when(text(one.get("modified_date"))) < start for one in raws)
            yield Found(raws, newest if last or ended else since)
            if ended:
                return

    async def _listed(self, since: str | None) -> AsyncIterator[Found]:
        """Walk the plain listing, oldest change first."""
        newest = since
        async for items, last in self._api.walk("incidents.list", _since(since), "incidents"):
            raws = having_id(self._api.system, items)
            newest = _latest(newest, raws)
            yield Found(raws, newest, complete=last and since is None)

    async def _grouped(self, since: str) -> AsyncIterator[Found]:
        """Walk the groups; one that has more than it shows is listed to its end.

        Where that does not show as many as the group has, everything is listed after all, and
        nothing is left to look for in groups.
        """
        body, by = _since(since), str(self._group_by)
        async for groups in self._groups(body, by, groups=GROUPS, each=PER_GROUP):
            shown = [one for group in groups for one in objects(group.get("incidents"))]
            yield Found(having_id(self._api.system, shown), since)
            for group in filter(cut, groups):
                count = 0
                async for raws in self._rest(group, body):
                    count += len(raws)
                    yield Found(raws, since)
                if count < size(group):
                    async for page in self._listed(since):
                        yield page
                    return

    async def _groups(
        self, body: Raw, by: str, *, groups: int, each: int
    ) -> AsyncIterator[list[Raw]]:
        """Walk groups by the outer cursor; how a group's own is used is not documented."""
        asked = body | {"group_by": by, "limit": groups, "limit_per_group": each}
        async for items, _ in self._api.walk("incidents.group", asked, "groups"):
            yield objects(items)

    async def _rest(self, group: Raw, body: Raw) -> AsyncIterator[list[Raw]]:
        """List a whole group by what pins it; nothing if it cannot be pinned."""
        try:
            pinned = await self._pin(group)
            if pinned is not None:
                async for raws in self.matching(both(body, pinned)):
                    yield raws
        except Unserved:
            # Which fields can be filtered by is not documented.
            return

    async def _pin(self, group: Raw) -> Raw | None:
        """Make the filter for a group; the key of a stage has a name, and its filter wants ids."""
        key, by = group.get("key"), str(self._group_by)
        if by != "stage":
            return pin(by, key)
        name = text(dig(key, "name"))
        if name is None:
            return None
        shown = objects(group.get("incidents"))
        ids = {text(dig(one, "stage", "stage", "id")) for one in shown} - {None}
        return {"stage": sorted({*map(str, ids), *await self._names.stages_named(name)})}


def _since(since: str | None) -> Raw:
    """Ask for changes since a cursor, stepping back from it by the lag of the listing."""
    body: Raw = {"sort_by": ["modified_date:asc"]}
    if since is not None:
        body["modified_date"] = {"type": "range", "after": _earlier(since)}
    return body


def _earlier(since: str) -> str:
    """Step back from a cursor by the lag of the listing, but not beyond the calendar.

    What was never set may be spelled as the first day of year one.
    """
    lag = timedelta(seconds=LAG)
    return stamp(spell(max(when(since), when(None) + lag) - lag))


def _fresh(raws: list[Raw], seen: set[tuple[str, str]]) -> list[Raw]:
    """Leave out what was shown before, unless it has changed since."""
    fresh: dict[tuple[str, str], Raw] = {}
    for raw in raws:
        fresh.setdefault((str(raw["id"]), str(raw.get("modified_date"))), raw)
    new = {key: raw for key, raw in fresh.items() if key not in seen}
    seen.update(new)
    return list(new.values())


def _latest(newest: str | None, raws: list[Raw]) -> str | None:
    """Give the latest ``modified_date``, compared as instants: digits are not of one length.

    One that is still to come moves nothing: where a clock was ahead, even for a moment, it would
    hide what changes until then.
    """
    now = datetime.now(UTC)
    dates = (text(raw.get("modified_date")) for raw in raws)
    return max([newest, *(one for one in dates if when(one) <= now)], key=when)
