"""How DevRev pages: opaque cursors that belong to the query they came from."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.simulator.devrev.checks import choose, spell
from instep.simulator.devrev.errors import RefusedError, not_permitted
from instep.simulator.devrev.switches import Switches

KEPT_CURSORS = 10_000
MODES = ("after", "before")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cursor stands; ``blank`` says that the empty page there has been shown."""

    query: str
    items: list[Any]
    at: int
    blank: bool = False


class Walks:
    """Cursors: each remembers the query it belongs to, what that found, and a place in it.

    What is found when the walk begins is walked to its end, whatever changes meanwhile (assumed).
    With ``empty_pages`` an empty page with a cursor comes before each page: a walk ends where no
    cursor is, not where a page is empty (documented of timelines).
    """

    def __init__(self, rng: random.Random, switches: Switches) -> None:
        """Draw cursors from ``rng``."""
        self._random = rng
        self._switches = switches
        self._kept: OrderedDict[str, Place] = OrderedDict()

    def limit(self, body: dict[str, Any], name: str, default: int) -> int:
        """Read a limit; the service's cap of 100 is reported by others."""
        limit: int = body.get(name, default)
        most = self._switches.max_limit
        if limit > most and self._switches.over_limit == "clamp":
            return most
        if name not in body:
            return min(limit, most)
        if not 1 <= limit <= most:
            raise not_permitted(name, f"between 1 and {most}")
        return limit

    def page(
        self, body: dict[str, Any], look: Callable[[], list[Any]], default: int | None = None
    ) -> tuple[list[Any], dict[str, str]]:
        """Answer a page of what ``look`` finds, and the cursors beside it."""
        limit = self.limit(body, "limit", default or self._switches.default_limit)
        place = self._resume(body, look)
        items, first, last = place.items, place.at, place.at + limit
        if body.get("mode", "after") == "before":
            first, last = max(place.at - limit, 0), place.at
        elif self._switches.empty_pages and items and not place.blank:
            return [], {"next_cursor": self._keep(Place(place.query, items, first, blank=True))}
        cursors = {}
        if last < len(items):
            cursors["next_cursor"] = self._keep(Place(place.query, items, last))
        if first > 0:
            cursors["prev_cursor"] = self._keep(Place(place.query, items, first))
        return items[first:last], cursors

    def plain(
        self, key: str, body: dict[str, Any], look: Callable[[], list[Any]]
    ) -> dict[str, Any]:
        """Answer a page as stages and states are listed: the cursor is called ``cursor``."""
        items, cursors = self.page(body, look)
        onward = {"cursor": cursors["next_cursor"]} if "next_cursor" in cursors else {}
        return {key: items, **onward}

    def mint(self) -> str:
        """Make up a cursor that no call takes."""
        return f"{self._random.getrandbits(128):032x}"

    def _resume(self, body: dict[str, Any], look: Callable[[], list[Any]]) -> Place:
        mode, query = body.get("mode", "after"), fingerprint(body)
        choose(mode, MODES, "mode")
        if "cursor" not in body:
            items = look()
            return Place(query, items, len(items) if mode == "before" else 0)
        kept = self._kept.get(body["cursor"])
        if kept is None or kept.query != query:
            raise RefusedError("bad_request")
        return kept

    def _keep(self, place: Place) -> str:
        cursor = self.mint()
        self._kept[cursor] = place
        if len(self._kept) > KEPT_CURSORS:
            self._kept.popitem(last=False)
        return cursor


def fingerprint(body: dict[str, Any]) -> str:
    """Answer the query without its paging, to tell whether a cursor belongs to it."""
    plain = {key: body[key] for key in sorted(body) if key not in {"cursor", "mode", "limit"}}
    return repr(_plain(plain))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return spell(value) if isinstance(value, datetime) else value
