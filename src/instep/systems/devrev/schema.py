"""DevRev's schema of incidents: which values there are, and how custom fields are written.

An organisation edits labels and fields at any time, so nothing is assumed that the schema says.
What was read is kept until a whole listing begins or the service refuses what was made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from instep.systems.devrev.api import Api, Unserved
from instep.systems.raw import Raw, dig, objects, text

LEAF = {"leaf_type": "incident"}
#: Prefix of the fields of a subtype; those of the organisation have ``tnt__`` (documented).
SUBTYPE = "ctype__"


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom field: its type, whether it holds a list, and its values where they are fixed.

    ``labels`` are those of a ``uenum`` by id, deprecated ones included; ``writable`` are the
    labels of a ``uenum`` or an ``enum`` that may be written.
    """

    kind: str
    many: bool = False
    filterable: bool = True
    labels: Mapping[int, str] = field(default_factory=dict)
    writable: frozenset[str] = frozenset()


class Schemas:
    """What was read of an organisation's schema: for all incidents, and by subtype."""

    def __init__(self, api: Api) -> None:
        """Read nothing yet."""
        self._api = api
        self._held: dict[str, Raw] = {}
        self._customs: dict[str, dict[str, Custom]] = {}
        self._stale: set[str] = set()

    def forget(self) -> None:
        """Read everything anew when it is next needed; until then it still stands."""
        self._stale.update(self._held)

    async def know(self, subtypes: Iterable[str] = ()) -> None:
        """Make the custom fields of all incidents and of these subtypes known to ``custom``."""
        for subtype in sorted({"", *subtypes}):
            await self.schema(subtype)

    async def schema(self, subtype: str = "", *, anew: bool = False) -> Raw:
        """Give the aggregated schema of incidents of a subtype.

        Raises:
            Denied, Unreachable: as for every request.
        """
        if anew or subtype in self._stale or subtype not in self._held:
            found = await self._read(subtype)
            self._held[subtype], self._customs[subtype] = found, customs(found)
            self._stale.discard(subtype)
        return self._held[subtype]

    def custom(self, name: str, subtype: str = "") -> Custom | None:
        """Give what is known of a custom field; its schema is read by ``know``."""
        known = self._customs.get(subtype if name.startswith(SUBTYPE) else "", {})
        # Schemas name a field with and without its prefix; both were seen.
        return known.get(name) or known.get(name.rpartition("__")[2])

    async def labels(self, name: str, subtype: str, *, anew: bool = False) -> dict[str, int]:
        """Give the ids of the labels that may be written into a stock field."""
        found = _labels(await self.schema(anew=anew), name)
        return found | (_labels(await self.schema(subtype, anew=anew), name) if subtype else {})

    async def subtypes(self) -> list[str]:
        """List the subtypes of incidents; without its filter the service lists none (seen)."""
        try:
            answer = await self._api.ask("schemas.subtypes.list", {"leaf_types": ["incident"]})
        except Unserved:
            return []
        return [
            str(one["value"]) for one in objects(answer.part("subtypes", list)) if "value" in one
        ]

    async def _read(self, subtype: str) -> Raw:
        """Ask for a schema; a subtype that the service refuses adds nothing."""
        spec = {"custom_schema_spec": {"subtype": subtype}} if subtype else {}
        try:
            answer = await self._api.ask("schemas.aggregated.get", LEAF | spec)
        except Unserved:
            if subtype:
                return {}
            raise
        schema: Raw = answer.part("schema", dict)
        return schema


def customs(schema: Raw) -> dict[str, Custom]:
    """Read the custom fields of a schema, by name."""
    found = objects(schema.get("custom_fields"))
    return {str(one.get("name")): _custom(one) for one in found}


def _custom(one: Raw) -> Custom:
    """Read a field's descriptor; a list has the type of its items beside its own (documented)."""
    many = one.get("field_type") == "array"
    values = one.get("allowed_values")
    numbered = [value for value in objects(values) if _number(value) is not None]
    labels = {int(value["id"]): str(value.get("label")) for value in numbered}
    old = {str(value.get("label")) for value in numbered if value.get("is_deprecated")}
    plain = (
        [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    )
    return Custom(
        kind=str(one.get("base_type" if many else "field_type")),
        many=many,
        filterable=one.get("is_filterable") is not False,
        labels=labels,
        writable=frozenset({*plain, *labels.values()} - old),
    )


def _labels(schema: Raw, name: str) -> dict[str, int]:
    """Read the labels of a stock field; an organisation's overrides come last."""
    values: list[Raw] = []
    for members, key in (
        ("stock_fields", "allowed_values"),
        ("stock_field_overrides", "uenum_values"),
    ):
        named = [one for one in objects(schema.get(members)) if one.get("name") == name]
        values = next((objects(one[key]) for one in named if one.get(key)), values)
    return {
        str(value["label"]): int(value["id"])
        for value in values
        if text(value.get("label"))
        and _number(value) is not None
        and not value.get("is_deprecated")
    }


def _number(value: Raw) -> int | None:
    """Give the id of an enumerated value, if it has one."""
    number: Any = dig(value, "id")
    return number if isinstance(number, int) else None
