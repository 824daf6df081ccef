"""Names to ids in DevRev: what people see on one side, what its requests take on the other.

Severities and stages are an organisation's own, so they are asked for, never assumed. People,
parts and tags are looked up by name when they are first written. Everything is remembered, and
asked for once more when a name is not known.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from instep.errors import Forbidden, Rejected
from instep.systems.devrev.api import Api, Unserved
from instep.systems.devrev.schema import LEAF, Schemas
from instep.systems.raw import Raw, dig, objects, text

log = structlog.get_logger()

#: Names in one look-up: half of the largest page, since names of parts are not unique.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a list of names is resolved: route, filter (also the name's key), list, other filters."""

    route: str
    key: str
    items: str
    extra: tuple[tuple[str, Any], ...] = ()


LOOKUPS = {
    # A deactivated user cannot be given anything.
    "owned_by": Lookup("dev-users.list", "email", "dev_users", (("state", ["active"]),)),
    "applies_to_parts": Lookup("parts.list", "name", "parts"),
    "tags": Lookup("tags.list", "name", "tags"),
}


class Names:
    """The names of one organisation, as far as they were needed."""

    def __init__(self, api: Api, schemas: Schemas) -> None:
        """Ask nothing yet."""
        self._api = api
        self._schemas = schemas
        self._stages: dict[str, dict[str, str]] = {}
        self._ids: dict[str, dict[str, str]] = {path: {} for path in LOOKUPS}
        self._everybody = False
        self._walking = asyncio.Lock()

    def forget(self) -> None:
        """Forget the schema and the stages: the service refused something made from them."""
        self._schemas.forget()
        self._stages.clear()

    def refresh(self) -> None:
        """Forget what an organisation changes in its own time; who was found stays found."""
        self.forget()
        self._everybody = False

    async def choice(self, path: str, label: str, subtype: str = "") -> int:
        """Give the id of a severity, a reporter or a source.

        Stock severities have the number of their label plus one as an id (documented).

        Raises:
            Rejected: there is no such label; the advice names those that there are.
        """
        known = await self._schemas.labels(path, subtype)
        if label not in known:
            known = await self._schemas.labels(path, subtype, anew=True)
        return int(chosen(known, path, label, self._api.system))

    async def stage(self, name: str, subtype: str = "") -> str:
        """Give the id of a stage of the incident diagram.

        Raises:
            Rejected: there is no such stage; the advice names those that there are.
        """
        if name not in self._stages.get(subtype, {}):
            await self.stages(subtype)
        return str(chosen(self._stages[subtype], "stage", name, self._api.system))

    async def stages(self, subtype: str = "") -> dict[str, str]:
        """Read the stages of a diagram by name: of incidents, or of a subtype that has its own.

        Raises:
            Unserved: there is no such diagram.
        """
        own = (
            dig(await self._schemas.schema(subtype), "stage_diagram_id", "id") if subtype else None
        )
        answer = await self._api.ask("stage-diagrams.get", {"id": own} if own else LEAF)
        diagram: Raw = answer.part("stage_diagram", dict)
        stages = [one for one in objects(diagram.get("stages")) if not one.get("is_deprecated")]
        self._stages[subtype] = {
            str(dig(one, "stage", "name")): str(dig(one, "stage", "id"))
            for one in stages
            if dig(one, "stage", "id")
        }
        return self._stages[subtype]

    async def stages_named(self, name: str) -> set[str]:
        """Give the ids of all stages with a name, which nothing promises unique."""
        found: set[str] = set()
        async for stages, _ in self._api.walk("stages.custom.list", {"name": [name]}, "result"):
            found |= {str(one["id"]) for one in objects(stages) if one.get("id")}
        return found

    async def ids(self, path: str, wanted: list[str]) -> dict[str, str]:
        """Give the ids of people (by e-mail), parts or tags; warn of unknown ones, left out.

        Raises:
            Rejected: the service does not let them be listed.
        """
        found = await self.find(path, wanted)
        for name in wanted:
            if name not in found:
                log.warning("name.unknown", system=self._api.system, path=path, name=name)
        return found

    async def find(self, path: str, wanted: list[str]) -> dict[str, str]:
        """Look for people (by e-mail in lower case), parts or tags; give the ids of those found.

        Raises:
            Rejected: the service does not let them be listed.
        """
        known = self._ids[path]
        missing = [name for name in wanted if name not in known]
        for start in range(0, len(missing), BATCH):
            names = missing[start : start + BATCH]
            found = await self._look_up(path, {LOOKUPS[path].key: names})
            known.update({name: found[name] for name in names if name in found})
        if path == "owned_by":
            await self._ask_everybody([name for name in missing if name not in known])
        return {name: known[name] for name in wanted if name in known}

    async def _ask_everybody(self, missing: list[str]) -> None:
        """Look for e-mails among all users, once: their filter may mind the case of letters."""
        if not missing:
            return
        async with self._walking:
            # Many writes may miss somebody at once: one walk does for all of them.
            if not self._everybody:
                known = self._ids["owned_by"]
                known.update(await self._look_up("owned_by", {}) | known)
                self._everybody = True

    async def _look_up(self, path: str, wanted: Raw) -> dict[str, str]:
        """Walk a list of names to its end; of several with one name the first counts.

        Raises:
            Rejected: the list may not be read, which concerns who writes such names only.
        """
        how = LOOKUPS[path]
        found: dict[str, str] = {}
        try:
            async for items, _ in self._api.walk(how.route, wanted | dict(how.extra), how.items):
                for item in objects(items):
                    name, one = text(item.get(how.key)) or "", text(item.get("id"))
                    if one is not None:
                        found.setdefault(name.casefold() if how.key == "email" else name, one)
        except (Unserved, Forbidden) as error:
            raise Rejected(
                f"{self._api.system} does not tell whom or what {path} names: {error.message}",
                system=self._api.system,
                advice=f"let the token's user see them in DevRev, or do not map {path}",
            ) from error
        return found


def chosen(known: dict[str, Any], what: str, name: str, system: str) -> Any:
    """Pick a value by name.

    Raises:
        Rejected: there is none of that name; the advice names those that there are.
    """
    if name not in known:
        valid = ", ".join(sorted(known)) or "none"
        raise Rejected(
            f"{system} has no {what} {name!r}", system=system, advice=f"its names are: {valid}"
        )
    return known[name]
