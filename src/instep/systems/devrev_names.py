"""Names to ids in DevRev: what people see on one side, what its requests take on the other.

Severities and stages are an organisation's own, so they are asked for, never assumed. People,
parts and tags are looked up by name when they are first written. Everything is remembered, and
asked for once more when a name is not known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from instep.errors import Rejected
from instep.systems.http import Door
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

    def __init__(self, door: Door) -> None:
        """Ask nothing yet."""
        self._door = door
        self._severities: dict[str, int] = {}
        self._stages: dict[str, str] = {}
        self._ids: dict[str, dict[str, str]] = {path: {} for path in LOOKUPS}

    def forget(self) -> None:
        """Forget severities and stages: the service refused something made from them."""
        self._severities.clear()
        self._stages.clear()

    async def schema(self) -> Raw:
        """Read the organisation's incident schema.

        Raises:
            Denied, Unreachable: as for every request.
        """
        body = {"leaf_type": "incident"}
        answer = await self._door.read("POST", "schemas.aggregated.get", json=body)
        schema: Raw = answer.part("schema", dict)
        return schema

    async def severity(self, label: str) -> int:
        """Give the id of a severity. Stock ids are the label's number plus one (documented).

        Raises:
            Rejected: there is no such severity; the advice names those that there are.
        """
        await self._load(self._severities, label, self._read_severities)
        return int(_chosen(self._severities, "severity", label, self._door.system))

    async def stage(self, name: str) -> str:
        """Give the id of a stage of the incident diagram.

        Raises:
            Rejected: there is no such stage; the advice names those that there are.
        """
        await self._load(self._stages, name, self._read_stages)
        return str(_chosen(self._stages, "stage", name, self._door.system))

    async def ids(self, path: str, wanted: list[str]) -> dict[str, str]:
        """Give the ids of people (by e-mail), parts or tags; unknown ones are left out."""
        known = self._ids[path]
        missing = [name for name in wanted if name not in known]
        for start in range(0, len(missing), BATCH):
            known.update(await self._look_up(LOOKUPS[path], missing[start : start + BATCH]))
        for name in missing:
            if name not in known:
                log.warning("name.unknown", system=self._door.system, path=path, name=name)
        return {name: known[name] for name in wanted if name in known}

    async def _look_up(self, how: Lookup, wanted: list[str]) -> dict[str, str]:
        """Ask for a batch of names; of several parts with one name the first counts."""
        body = {how.key: wanted, "limit": 2 * BATCH, **dict(how.extra)}
        answer = await self._door.read("POST", how.route, json=body)
        found: dict[str, str] = {}
        for item in objects(answer.part(how.items, list)):
            name = text(item.get(how.key)) or ""
            found.setdefault(name.lower() if how.key == "email" else name, str(item.get("id")))
        return {name: found[name] for name in wanted if name in found}

    async def _load(
        self, known: dict[str, Any], name: str, read: Callable[[], Awaitable[dict[str, Any]]]
    ) -> None:
        """Read a table when it was not read yet, or does not know the name."""
        if name not in known:
            known.clear()
            known.update(await read())

    async def _read_severities(self) -> dict[str, int]:
        """Read the labels that may be written; an organisation's overrides come last."""
        schema = await self.schema()
        values: list[Raw] = []
        for members, key in (
            ("stock_fields", "allowed_values"),
            ("stock_field_overrides", "uenum_values"),
        ):
            named = [one for one in objects(schema.get(members)) if one.get("name") == "severity"]
            values = next((objects(one[key]) for one in named if one.get(key)), values)
        return {
            str(value["label"]): int(value["id"])
            for value in values
            if value.get("label") and value.get("id") is not None and not value.get("is_deprecated")
        }

    async def _read_stages(self) -> dict[str, str]:
        """Read the stages of the incident diagram, which are not those of other objects."""
        answer = await self._door.read("POST", "stage-diagrams.get", json={"leaf_type": "incident"})
        diagram: Raw = answer.part("stage_diagram", dict)
        stages = [one for one in objects(diagram.get("stages")) if not one.get("is_deprecated")]
        return {
            str(dig(one, "stage", "name")): str(dig(one, "stage", "id"))
            for one in stages
            if dig(one, "stage", "id")
        }


def _chosen(known: dict[str, Any], what: str, name: str, system: str) -> Any:
    """Pick a value by name, or name those that there are."""
    if name not in known:
        valid = ", ".join(sorted(known)) or "none"
        raise Rejected(
            f"{system} has no {what} {name!r}", system=system, advice=f"its names are: {valid}"
        )
    return known[name]
