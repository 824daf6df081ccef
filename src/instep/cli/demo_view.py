"""What a person sees of a simulated service's incidents, whatever shape they have there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instep.simulator.world import Simulator

#: The systems of the demo; each is named after its kind.
SYSTEMS = ("devrev", "datadog", "prodmanager")
#: A mark in its two spellings: ``datadog:IR-7/uid``, and an address with ``#instep-uid``.
_TEXT = re.compile(r"(\w+):\S*?(\d+)/\w+")
_ADDRESS = re.compile(r"\S*?(\d+)#instep-\w+")

#: Which record an incident began in: its system, and its number there.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """One incident in one system: ``key`` is the same in all, the rest is in its own words."""

    key: Key
    id: str
    name: str
    title: str
    severity: str
    status: str


def seen(double: Simulator) -> list[Seen]:
    """Look at everything that a simulated service holds."""
    look = _LOOKS[double.name]
    return [look(raw) for raw in double.records()]


def _devrev(raw: dict[str, Any]) -> Seen:
    sync = raw.get("sync_metadata", {})
    found = _ADDRESS.fullmatch(sync.get("external_reference", ""))
    number = int(raw["display_id"].removeprefix("INC-"))
    return Seen(
        key=(sync["origin_system"], int(found[1])) if found else ("devrev", number),
        id=raw["id"],
        name=raw["display_id"],
        title=raw["title"],
        severity=raw.get("severity", {}).get("label", ""),
        status=raw["stage"]["stage"]["name"],
    )


def _datadog(raw: dict[str, Any]) -> Seen:
    held = raw["attributes"]
    marks = held["fields"]["external_reference"]["value"] or [""]
    return Seen(
        key=_key(marks[0], ("datadog", held["public_id"])),
        id=raw["id"],
        name=f"IR-{held['public_id']}",
        title=held["title"],
        severity=held["severity"],
        status=held["state"],
    )


def _prodmanager(raw: dict[str, Any]) -> Seen:
    return Seen(
        key=_key(raw["external_reference"] or "", ("prodmanager", raw["id"])),
        id=str(raw["id"]),
        name=f"#{raw['id']}",
        title=raw["name"],
        severity=raw["severity"],
        status=raw["status"],
    )


def _key(mark: str, own: Key) -> Key:
    found = _TEXT.fullmatch(mark)
    return (found[1], int(found[2])) if found else own


_LOOKS: Mapping[str, Callable[[dict[str, Any]], Seen]] = MappingProxyType(
    {"devrev": _devrev, "datadog": _datadog, "prodmanager": _prodmanager}
)
