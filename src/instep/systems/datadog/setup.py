"""What instep needs in a Datadog organisation: a field for its mark on each type of incident."""

from __future__ import annotations

from collections.abc import Collection

from instep.errors import Denied
from instep.systems.datadog.fields import DEFINITIONS, TEXT_ARRAY, Fields
from instep.systems.http import Door
from instep.systems.raw import Raw, dig

#: The number of text arrays among the kinds of fields (documented).
NUMBER = 4


class Setup:
    """Looks whether the fields are there that instep reads and writes, and makes its own."""

    def __init__(
        self, door: Door, fields: Fields, reference: str, mapped: Collection[str] = ()
    ) -> None:
        """Look for the ``reference`` field, and for those that rules have ``mapped``."""
        self._door = door
        self._fields = fields
        self._reference = reference
        self._mapped = sorted({*mapped} - {reference})

    async def warnings(self) -> tuple[str, ...]:
        """Say which fields are missing or of the wrong kind, and who else may write."""
        types = {str(one["id"]): one for one in await self._fields.types()}
        said: list[str] = []
        for of in await self._in_use():
            called = _called(types, of)
            said += await self._of_reference(of, called)
            for name in self._mapped:
                if await self._fields.kind(name, of) is None:
                    said.append(f"{self._door.system}: {called} have no field {name!r} to map")
            said += self._third(types.get(of), called)
        return tuple(said)

    async def make(self) -> tuple[str, ...]:
        """Make the reference field on each type in use that lacks it, one sentence each.

        Raises:
            Denied: the key may not change settings of incidents.
            Unreachable: the service refused, or does not say which type is the default.
        """
        types = {str(one["id"]): one for one in await self._fields.types()}
        made: list[str] = []
        for of in await self._in_use():
            if await self._fields.kind(self._reference, of) is None:
                await self._make(of)
                called = _called(types, of)
                made.append(f"{self._door.system}: {called} have a field {self._reference!r} now")
        return tuple(made)

    async def _in_use(self) -> list[str]:
        """Name the types of new incidents and of those that were met."""
        used = self._fields.seen | {await self._fields.target()}
        return sorted(used - {""}) or [""]

    async def _of_reference(self, of: str, called: str) -> list[str]:
        """Say what is wrong with the reference field of a type."""
        kind = await self._fields.kind(self._reference, of)
        if kind == TEXT_ARRAY:
            return []
        if kind is not None:
            wrong = (
                f"{called} have a field {self._reference!r} that is a {kind or 'number or date'}"
            )
            return [f"{self._door.system}: {wrong}, where a text array is needed"]
        how = (
            "in Incident Settings, Property Fields, choose the type, add a Text Array and name it "
        )
        missing = (
            f"{called} have no field {self._reference!r}, so that none of them can carry "
            f"instep's mark; {how}{self._reference!r}, or run `instep check --create-fields`"
        )
        return [f"{self._door.system}: {missing}"]

    def _third(self, shown: Raw | None, called: str) -> list[str]:
        """Warn of a synchronisation of Datadog's own: it is a third writer of the same fields."""
        if dig(shown, "attributes", "configuration", "slug_source") != "servicenow":
            return []
        tied = (
            f"{called} are tied to ServiceNow by Datadog itself; if that sync writes state or "
            "severity too, let one of the two do it"
        )
        return [f"{self._door.system}: {tied}"]

    async def _make(self, of: str) -> None:
        """Make the reference field on one type."""
        kind = {"data": {"type": "incident_types", "id": of}}
        data = {
            "type": "user_defined_field",
            "attributes": {"name": self._reference, "type": NUMBER},
            "relationships": {"incident_type": kind},
        }
        try:
            answer = await self._door.write("POST", DEFINITIONS, json={"data": data})
        except Denied as error:
            raise Denied(
                error.message,
                system=self._door.system,
                advice="the application key needs the scope incident_settings_write for this, and "
                "its owner the permission of that name; or create the field by hand under Incident "
                "Settings, Property Fields",
            ) from error
        if not answer.ok:
            raise answer.unusable(
                f"did not make the field: {self._door.why(answer)}",
                "create it by hand under Incident Settings, Property Fields, as a Text Array; if "
                "the incident type is not known, name it as `incident_type`",
            )
        self._fields.know(of, {self._reference: TEXT_ARRAY})


def _called(types: dict[str, Raw], of: str) -> str:
    """Name the incidents of a type as people know it."""
    name = dig(types.get(of), "attributes", "name") or of
    return f"incidents of type {name!r}" if name else "incidents"
