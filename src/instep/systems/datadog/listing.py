"""Listing Datadog's incidents: the whole list, and the search as a hint of what is open."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from instep.systems.datadog.answers import INCIDENTS, rows
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, dig, text

#: Rows of a page: the documented maximum, sent always since the default is not what is documented.
PAGE_SIZE = 100
_BARE = re.compile(r"[\w.-]+")


class _Hits(msgspec.Struct):
    incidents: list[Any]
    total: Any = None


class _Data(msgspec.Struct):
    attributes: _Hits


class _Found(msgspec.Struct):
    """A search's answer, without its facets, which may be a hundred times the rest (recorded)."""

    data: _Data


_DECODER = msgspec.json.Decoder(_Found)


class Listing:
    """The two ways to find incidents that are not known by their id."""

    def __init__(self, door: Door) -> None:
        """Speak through ``door``; nothing was walked yet."""
        self._door = door
        self._rows = 0

    @property
    def pages(self) -> int:
        """How many pages the last walk to the end saw; 0 before there was one."""
        return -(-self._rows // PAGE_SIZE)

    @property
    def tail(self) -> int:
        """Where the last page of the list begins, as far as the last walk saw; 0 is its start.

        New incidents are added at the end (recorded).
        """
        return max(0, self._rows - PAGE_SIZE)

    async def page(self, size: int, offset: int) -> Answer:
        """Ask for one page of the list.

        Raises:
            Denied, Unreachable: keys, site or address are wrong, or incidents are not enabled.
        """
        params: Mapping[str, str | int] = {"page[size]": size, "page[offset]": offset}
        answer = await self._door.read("GET", INCIDENTS, params=params)
        if not answer.ok:
            raise answer.unusable(
                f"did not list its incidents: {self._door.why(answer)}",
                "check that Incident Management is enabled, and the site",
            )
        return answer

    async def walk(self, start: int = 0) -> AsyncIterator[tuple[list[Raw], bool]]:
        """Walk the list from an offset to its first empty page, each incident once.

        Neither ``next_offset`` (recorded where nothing followed) nor a short page (private
        incidents may shorten one) means the end. The flag is true for that last, empty page.
        """
        seen: set[str] = set()
        offset, stale = start, 0
        while True:
            answer = await self.page(PAGE_SIZE, offset)
            count = len(answer.part("data", list))
            page = rows(self._door.system, answer)
            fresh = {raw["id"]: raw for raw in page if raw["id"] not in seen}
            seen.update(fresh)
            # Where rows moved on, one page may hold nothing new; an offset that is ignored gives
            # the same incidents for ever.
            stale = 0 if fresh else stale + 1
            if count and stale > 1:
                raise answer.unusable("answered the same incidents again and again")
            offset += count
            if not count:
                self._rows = offset
            yield list(fresh.values()), not count
            if not count:
                return

    async def search(self, states: list[str]) -> dict[str, str]:
        """Find incidents that seem to be in one of some states: their ids, newest first.

        With each id comes the search's own time of change, which is cut to seconds and so to be
        compared with nothing else. The search is behind by seconds, shows no test incidents and
        spells values in its own way (recorded), so nothing more is taken from it.

        Raises:
            Denied, Unreachable: the search could not be used.
        """
        found: dict[str, str] = {}
        offset = 0
        while True:
            hits = await self._hits(_query(states), offset)
            before = len(found)
            for hit in hits.incidents:
                if record_id := text(dig(hit, "data", "id")):
                    found[record_id] = text(dig(hit, "data", "attributes", "modified")) or ""
            offset += len(hits.incidents)
            counted = isinstance(hits.total, int) and offset >= hits.total
            if counted or len(found) == before:
                return found

    async def _hits(self, query: str, offset: int) -> _Hits:
        """Ask for one page of the search."""
        params: Mapping[str, str | int] = {
            "query": query,
            "sort": "-created",
            "page[size]": PAGE_SIZE,
            "page[offset]": offset,
        }
        answer = await self._door.read("GET", f"{INCIDENTS}/search", params=params)
        if not answer.ok:
            raise answer.unusable(f"did not search its incidents: {self._door.why(answer)}")
        try:
            return _DECODER.decode(answer.body).data.attributes
        except (ValueError, RecursionError):
            # Not of this shape, not text, or nested too deeply to be skipped.
            raise answer.unusable("answered a search with something else") from None


def _query(states: list[str]) -> str:
    """Ask for states by name: that anything can be left out instead is not documented."""
    named = (one if _BARE.fullmatch(one) else f'"{one}"' for one in states)
    return f"state:({' OR '.join(named)})"
