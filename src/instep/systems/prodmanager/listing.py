"""Listings of ProdManager: pages by number, without a tie-break in their order."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from instep.core.model import Mark
from instep.errors import Rejected
from instep.systems.http import Answer, Door, Params
from instep.systems.prodmanager.answers import INCIDENT
from instep.systems.raw import Raw, having_id

#: The largest page that is not refused (observed on v0.22.0).
PER_PAGE = 50
#: Walks of one listing, at most, until it has shown as many incidents as it counts.
WALKS = 3
#: Bytes of a request line that the server's front accepts (observed; longer is a 400 in HTML).
LONGEST_LINE = 4094


class Listing:
    """One listing, walked again until it has shown as many items as the service counts.

    Without a tie-break a walk may miss some (observed on PostgreSQL, and between two pages when
    somebody writes). ``whole`` says, at the end, whether everything was shown.
    """

    def __init__(self, door: Door, path: str, filters: Params | None = None) -> None:
        """Ask nothing yet."""
        self.whole = False
        self._door = door
        self._path = path
        self._filters = filters
        self._shown: set[int] = set()

    async def pages(self) -> AsyncIterator[list[Raw]]:
        """Give the items page by page, each item once."""
        for _ in range(WALKS):
            walked: set[int] = set()
            total: int | None = None
            async for raws, counted in walk(self._door, self._path, self._filters):
                total = counted
                walked.update(raw["id"] for raw in raws)
                yield self._fresh(raws)
            self.whole = total in (len(self._shown), len(walked))
            if self.whole:
                return

    def _fresh(self, raws: list[Raw]) -> list[Raw]:
        """Leave out what was shown before, and remember the rest as shown."""
        fresh = list({raw["id"]: raw for raw in raws if raw["id"] not in self._shown}.values())
        self._shown.update(raw["id"] for raw in fresh)
        return fresh


async def walk(
    door: Door, path: str, filters: Params | None = None
) -> AsyncIterator[tuple[list[Raw], int | None]]:
    """Walk a listing page by page, to where the next page is the text ``None``.

    Gives each page's items and the total that the service counts, if it does. The order has no
    tie-break (observed), so an item may come twice and another not at all.
    """
    page = 1
    last: list[int] = []
    while True:
        params: Params = {"per_page": PER_PAGE, "page": page, **(filters or {})}
        answer = await door.read("GET", path, params=params)
        if not answer.ok:
            raise answer.unusable("did not answer a listing: is the address that of its root?")
        items = answer.part("items", list)
        rows = having_id(door.system, items)
        before, last = last, [row["id"] for row in rows]
        if last and last == before:
            raise answer.unusable("answered the same page twice")
        yield rows, _total(answer)
        if answer.headers.get("x-next-page") == "None" or not items:
            return
        page += 1


def marked(system: str, url: str, mark: Mark) -> Params:
    """Spell the filter that finds a mark on the server at ``url``.

    Raises:
        Rejected: it makes the request line longer than the server takes.
    """
    filters = {"external_reference": str(mark)}
    # The address stands for the path before it and for the paging after it.
    line = f"GET {url}{INCIDENT}?per_page=50&page=1&{httpx.QueryParams(filters)} HTTP/1.1"
    if len(line) > LONGEST_LINE:
        raise Rejected(
            f"{system} could not be asked for a reference of {len(str(mark))} characters",
            system=system,
            advice="shorten what the other system shows as the name of its record",
        )
    return filters


def _total(answer: Answer) -> int | None:
    """Read how many items there are in all."""
    try:
        return int(answer.headers.get("x-total", ""))
    except ValueError:
        return None
