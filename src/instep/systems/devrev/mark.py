"""Where instep's mark stands in a DevRev incident, and whose incidents are not ours to take.

The mark is kept in ``sync_metadata``, made for such references, or in a custom field of text
where the token may not write that (whether it may is not documented).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import structlog

from instep.core.model import Mark, Record
from instep.core.paths import below
from instep.errors import ConfigError, Forbidden, Problem
from instep.systems.devrev.custom import TENANT
from instep.systems.devrev.schema import Schemas
from instep.systems.devrev.text import ANCHOR, read_reference, reference, stamp
from instep.systems.devrev.words import CUSTOM, custom_of, mark_of
from instep.systems.raw import Raw, dig, points, text

log = structlog.get_logger()

METADATA = "sync_metadata"
#: What stands between uid and origin in a custom field, where no other place names the origin.
_BY = "@"


class Marks:
    """The mark of one system's incidents: read, written, looked for."""

    def __init__(self, system: str, place: str, paths: Collection[str] = ()) -> None:
        """Keep marks in ``place``: ``sync_metadata``, or the path of a custom field.

        Raises:
            ConfigError: it is neither, or one of the ``paths`` that are kept in step.
        """
        if place != METADATA and not custom_of(place).startswith(TENANT):
            what = f"{system} cannot keep its reference in {place!r}"
            hint = f"{METADATA}, or a custom field as {CUSTOM}.{TENANT}reference"
            raise ConfigError((Problem(what, hint=hint),))
        if any(below(path, CUSTOM)[:1] == (custom_of(place),) for path in paths):
            what = f"{system} cannot keep its reference in {place!r}, which a field is mapped to"
            raise ConfigError((Problem(what, hint="give the reference a field of its own"),))
        self._system = system
        self._field = custom_of(place)
        self._ignored = False

    def read(self, raw: Raw) -> Mark | None:
        """Read the mark that an incident carries; one made before the place changed counts."""
        spelled, _, origin = (self._held(raw) or "").rpartition(_BY)
        return (read_reference(spelled, origin) if origin else None) or mark_of(raw)

    def points(self, raw: Raw, own: str) -> tuple[str, ...]:
        """Give the addresses in the places for references; what is left of a mark is none.

        ``own`` is the address of the incident itself.
        """
        said = (self._held(raw), text(dig(raw, METADATA, "external_reference")))
        return points((one for one in said if one and ANCHOR not in one), own)

    def write(self, body: Raw, mark: Mark) -> None:
        """Make a request that creates carry the mark."""
        if self._field:
            self._put(body, f"{reference(mark)}{_BY}{mark.origin}")
        else:
            body[METADATA] = _metadata(mark)

    def keep(self, body: Raw, seen: Record) -> None:
        """Make a request that changes a marked incident carry its mark again.

        Whether sync metadata and custom fields are merged or replaced is not documented. A
        user's own reference, or another synchroniser's, is never touched.
        """
        held = self._held(seen.raw)
        if held and "custom_fields" in body:
            self._put(body, held)
        elif not self._field and seen.mark is not None:
            body[METADATA] = _metadata(seen.mark)

    def filter(self, mark: Mark) -> Raw:
        """Make the filter that finds an incident by its mark."""
        if self._field:
            return {"custom_fields": {self._field: [f"{reference(mark)}{_BY}{mark.origin}"]}}
        return {METADATA: {"external_reference": [reference(mark)]}}

    def made(self, record: Record, mark: Mark) -> None:
        """Say, once, that a new incident does not carry the mark that it was made with."""
        if (record.mark is None or record.mark.uid != mark.uid) and not self._ignored:
            log.warning("mark.ignored", system=self._system, record=record.display)
            self._ignored = True

    def explain(self, error: Forbidden, body: Raw) -> None:
        """Add to the advice of a forbidden write what else may be the reason."""
        if METADATA in body:
            error.advice += (
                "; if it may write incidents but no sync metadata,"
                f" set `reference: {CUSTOM}.{TENANT}<name>` to a text field that can be filtered"
            )

    async def check(self, schemas: Schemas) -> tuple[str, ...]:
        """Warn if marks could not be found again in the custom field they are kept in."""
        if not self._field:
            return ()
        await schemas.know()
        known = schemas.custom(self._field)
        if known is None:
            return (f"{self._system} shows no custom field {self._field!r} for its reference",)
        if known.many or known.kind not in ("text", "unknown"):
            return (f"{self._system} keeps no text in the custom field {self._field!r}",)
        if not known.filterable:
            return (f"{self._system} cannot filter by the custom field {self._field!r}",)
        return ()

    def _held(self, raw: Raw) -> str | None:
        """Give what stands in the custom field, if the mark is kept in one."""
        return text(dig(raw, "custom_fields", self._field)) if self._field else None

    def _put(self, body: Raw, spelled: str) -> None:
        """Write a custom field, naming its schema."""
        body.setdefault("custom_fields", {})[self._field] = spelled
        body.setdefault("custom_schema_spec", {})["tenant_fragment"] = True


def owner_of(raw: Raw) -> str:
    """Name the synchroniser that an unmarked incident belongs to; empty if it is nobody's.

    AirSync writes the system of origin and its sync units (documented), and what it has staged
    waits for a person. A reference alone is what people write too. Without a unit, an incident
    that says when it was synced was made by instep and lost its mark to a person, as one has that
    says its origin and no reference: those stay ours.
    """
    sync = dig(raw, METADATA)
    origin, said = (
        (text(dig(sync, key)) or "").strip() for key in ("origin_system", "external_reference")
    )
    parts = [dig(sync, way) for way in ("last_sync_in", "last_sync_out")]
    if any(dig(part, "sync_unit") or dig(part, "status") == "staged" for part in parts):
        return origin or "AirSync"
    synced = any(dig(part, "sync_date") for part in parts)
    return "" if synced or not said else origin


def _metadata(mark: Mark) -> Raw:
    """Make sync metadata; it goes out only with a real change, since it is one itself."""
    now = stamp(datetime.now(UTC).isoformat(timespec="milliseconds"))
    origin = {"origin_system": mark.origin} if mark.origin else {}
    synced = {"last_sync_in": {"status": "succeeded", "sync_date": now}}
    return {"external_reference": reference(mark), **origin, **synced}
