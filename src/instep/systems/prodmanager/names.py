"""Scopes and services of ProdManager: incidents name them by id, people by name."""

from __future__ import annotations

from instep.errors import Rejected, Unreachable
from instep.systems.http import Door
from instep.systems.prodmanager.listing import walk
from instep.systems.raw import Raw

KINDS = ("scope", "service")


class Names:
    """The names of scopes and services, both ways."""

    def __init__(self, door: Door) -> None:
        """Ask nothing yet."""
        self._door = door
        self._names: dict[str, dict[int, str]] = {kind: {} for kind in KINDS}

    def name(self, kind: str, number: object) -> str | None:
        """Give the name of a scope or service that was met."""
        return self._names[kind].get(number) if isinstance(number, int) else None

    async def refresh(self) -> None:
        """Read all names again: they are edited, and SQLite uses an id again (observed)."""
        for kind in KINDS:
            self._names[kind] = {
                item["id"]: str(item.get("name"))
                async for items, _ in walk(self._door, f"/api/{kind}")
                for item in items
            }

    async def meet(self, raws: list[Raw]) -> None:
        """Make sure that every scope and service of some incidents has a name.

        Raises:
            Unreachable: one has none although the names were just read.
        """
        if self._strange(raws):
            await self.refresh()
        if strange := self._strange(raws):
            raise Unreachable(
                f"{self._door.system} names {strange} in an incident but not in its listings",
                system=self._door.system,
                advice="it may have been made this moment; the next cycle reads it again",
            )

    async def number(self, kind: str, name: str) -> int:
        """Give the id of a scope or service.

        Raises:
            Rejected: there is none of that name; the advice names those that there are.
        """
        if name not in self._names[kind].values():
            await self.refresh()
        for number, known in self._names[kind].items():
            if known == name:
                return number
        valid = ", ".join(self.all(kind)) or "none"
        raise Rejected(
            f"{self._door.system} has no {kind} {name!r}",
            system=self._door.system,
            advice=f"its names are: {valid}",
        )

    def all(self, kind: str) -> list[str]:
        """Give the names of all scopes or services that were met."""
        return sorted(self._names[kind].values())

    def missing(self) -> list[str]:
        """Name the kinds of which there is none at all, so that no incident can be made."""
        return [kind for kind in KINDS if not self._names[kind]]

    def _strange(self, raws: list[Raw]) -> str:
        """Name the first scope or service without a name."""
        numbers = ((kind, raw.get(kind)) for raw in raws for kind in KINDS)
        return next((f"{k} {n}" for k, n in numbers if self.name(k, n) is None), "")
