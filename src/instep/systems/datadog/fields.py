"""Fields of Datadog incidents: each belongs to one incident type, and is written as its kind wants.

The same name may stand for another kind on another type, or for nothing there. What the service
does with a field that it does not know is not documented, so none is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from instep.core.model import Word
from instep.errors import Denied, Rejected
from instep.systems.datadog.answers import INCIDENTS, incident_type
from instep.systems.http import Door, Params
from instep.systems.raw import Raw, dig, having_id, objects, text

log = structlog.get_logger()

TYPES = f"{INCIDENTS}/config/types"
DEFINITIONS = f"{INCIDENTS}/config/user-defined-fields"
#: Definitions on a page: the documented maximum.
PAGE = 1000
TEXT_ARRAY = "textarray"
#: Kinds that hold several values, and kinds that hold one (recorded).
MANY = frozenset({"multiselect", TEXT_ARRAY, "metrictag", "autocomplete"})
ONE = frozenset({"dropdown", "textbox"})
#: Numbers of kinds in definitions (documented). Number (7) and datetime (8) have no name in the
#: incident model, so their name is left out of what is written, as is that of any other kind.
KINDS = {
    1: "dropdown",
    2: "multiselect",
    3: "textbox",
    4: TEXT_ARRAY,
    5: "metrictag",
    6: "autocomplete",
}
#: Kinds whose values are those of the definition; the others' come from elsewhere.
CLOSED_LISTS = frozenset({"dropdown", "multiselect"})
#: Fields of every incident type, as recorded in 2026.
STOCK = {
    "severity": "dropdown",
    "state": "dropdown",
    "detection_method": "dropdown",
    "summary": "textbox",
    "root_cause": "textbox",
    "services": "autocomplete",
    "teams": "autocomplete",
}
#: States in which an incident is over (documented); any other is open.
CLOSED = frozenset({"resolved", "completed"})


@dataclass(frozen=True, slots=True)
class Definition:
    """What an organisation defines a field to be.

    ``kind`` is empty where it has no name; ``values`` are all that it takes, if that is fixed.
    """

    kind: str
    values: tuple[str, ...] = ()


class Fields:
    """The kinds of fields by incident type: learned from incidents, which show all of theirs.

    The empty type stands for any, where it is not known which one is meant.
    """

    def __init__(self, door: Door, made: str | None) -> None:
        """Know the stock fields; ``made`` is the type of new incidents, if it is configured."""
        self._door = door
        self._target = made or ""
        self._known: dict[str, dict[str, str]] = {"": {}}
        self._states = {"active", "stable"}

    @property
    def seen(self) -> frozenset[str]:
        """The types of the incidents that were met."""
        return frozenset(self._known) - {""}

    def open_states(self) -> list[str]:
        """Name the states, as far as they are known, in which an incident is not over."""
        return sorted(self._states - CLOSED)

    def learn(self, raw: Raw) -> None:
        """Remember the kinds that an incident shows, and its state."""
        shown = dig(raw, "attributes", "fields")
        if not isinstance(shown, dict):
            return
        known, every = self._known.setdefault(incident_type(raw), {}), self._known[""]
        for name, held in shown.items():
            kind = text(dig(held, "type"))
            if kind and known.get(name) != kind:
                known[name] = every[name] = kind
        if state := text(dig(shown, "state", "value")):
            self._states.add(state)

    def know(self, of: str, kinds: dict[str, str]) -> None:
        """Remember kinds of fields of a type, where no incident has shown them."""
        for known in (self._known.setdefault(of, {}), self._known[""]):
            known.update({name: kind for name, kind in kinds.items() if name not in known})

    async def types(self) -> list[Raw]:
        """List the incident types; none if the key may not (OAuth is not documented for it)."""
        try:
            return having_id(self._door.system, await self._listed(TYPES))
        except Denied:
            return []

    async def _listed(self, path: str, params: Params | None = None) -> list[Any]:
        """Read a list of settings; where there is none (they are previews), it is empty.

        Raises:
            Unreachable: the answer is no list: that a field is not there must not follow from it.
        """
        answer = await self._door.read("GET", path, params=params)
        return [] if answer.status in (400, 404) else answer.part("data", list)

    async def private_types(self) -> frozenset[str]:
        """Name the types whose incidents are private from the start."""
        setting = ("attributes", "configuration", "private_incidents_by_default")
        return frozenset(str(one["id"]) for one in await self.types() if dig(one, *setting) is True)

    async def target(self) -> str:
        """Name the type of new incidents: the configured one, else the organisation's default."""
        if not self._target:
            chosen = (one for one in await self.types() if dig(one, "attributes", "is_default"))
            self._target = str(next(chosen, {}).get("id") or "")
        return self._target

    async def kind(self, name: str, of: str) -> str | None:
        """Give the kind of a field of a type, empty if it has no name; ``None``: no such field."""
        if self.shown(name, of) is None:
            await self.definitions(of)
        return self.shown(name, of)

    def shown(self, name: str, of: str) -> str | None:
        """Give the kind of a field of a type, as far as it is known."""
        return self._known.setdefault(of, {}).get(name, STOCK.get(name))

    async def definitions(self, of: str) -> Mapping[str, Definition]:
        """Read the definitions of a type by name; of a preview endpoint, none is an answer.

        Raises:
            Denied: the key may not list them.
        """
        found: dict[str, Definition] = {}
        number = 0
        while True:
            params: dict[str, str | int] = {"page[size]": PAGE, "page[number]": number}
            params |= {"filter[incident-type]": of} if of else {}
            listed, before = objects(await self._listed(DEFINITIONS, params)), len(found)
            for one in listed:
                self._define(found, one.get("attributes"))
            # Pages have a number here, not an offset (documented).
            number += 1
            if len(listed) < PAGE or len(found) == before:
                break
        self.know(of, {name: one.kind for name, one in found.items()})
        return found

    def _define(self, found: dict[str, Definition], about: Any) -> None:
        """Take in one definition; where the type is not known, several may have its name."""
        name, number = text(dig(about, "name")), dig(about, "type")
        if name is None or dig(about, "deleted"):
            return
        kind = KINDS.get(number, "") if isinstance(number, int) else ""
        listed = (text(one.get("value")) for one in objects(dig(about, "valid_values")))
        values = [one for one in listed if one]
        if name == "state":
            self._states.update(values)
        before = found[name].values if name in found else ()
        closed = values if kind in CLOSED_LISTS else ()
        found[name] = Definition(kind, tuple(dict.fromkeys((*before, *closed))))

    async def encode(self, name: str, word: Word, of: str) -> Raw | None:
        """Encode a field as its kind wants it; ``null`` clears it (documented).

        ``None`` if incidents of this type have no such field, while those of another have.

        Raises:
            Rejected: no incident has such a field, or it holds one value and was given several.
        """
        kind = await self.kind(name, of)
        if kind is None:
            await self._elsewhere(name, of)
            return None
        named = {"type": kind} if kind else {}
        return {**named, "value": self._value(name, word, kind)}

    def _value(self, name: str, word: Word, kind: str) -> Any:
        """Spell a word as a value of a kind."""
        if word is None:
            return None
        values = list(word) if isinstance(word, tuple) else [word]
        if kind in MANY:
            return [str(value) for value in values]
        if kind in ONE and len(values) > 1:
            raise Rejected(
                f"{self._door.system}: field {name!r} holds one value, not {len(values)}",
                system=self._door.system,
            )
        # A kind that has no name may hold one value or several: it gets what the rule has.
        return values if isinstance(word, tuple) and kind not in ONE else values[0]

    async def _elsewhere(self, name: str, of: str) -> None:
        """Leave a field out that only other types have.

        Raises:
            Rejected: no type has it.
        """
        if await self.kind(name, "") is None:
            raise self.missing(name, of)
        log.warning("name.unknown", system=self._door.system, path=f"fields.{name}", name=of)

    def missing(self, name: str, of: str) -> Rejected:
        """Make the error for a field that incidents of a type would need."""
        kind = f" on incident type {of}" if of else ""
        return Rejected(
            f"{self._door.system} has no incident field {name!r}{kind}",
            system=self._door.system,
            advice="create it under Incident Settings, Property Fields, for the incident type; "
            "`instep check --create-fields` makes the one for instep's own reference",
        )
