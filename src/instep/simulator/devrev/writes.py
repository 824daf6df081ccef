"""What a create or an update of a DevRev incident writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import choose
from instep.simulator.devrev.errors import (
    TROUBLE,
    RefusedError,
    invalid_id,
    missing,
    not_permitted,
    not_valid,
)
from instep.simulator.devrev.fields import CAUSE, FIELDS, check_fields, check_nulls
from instep.simulator.devrev.incident import Values
from instep.simulator.devrev.lookups import Directory, Thing
from instep.simulator.devrev.switches import Switches

SYNC_STATUS = {
    "last_sync_in": ("failed", "modified", "staged", "succeeded"),
    "last_sync_out": ("failed", "modified", "succeeded"),
}
MOST = {"title": 256, "body": 65536}
_THINGS = {
    "owned_by": org.USER_KINDS,
    "applies_to_parts": org.PART_KINDS,
    "artifacts": ("artifact",),
    "pia": ("article",),
    "playbooks": ("article",),
    "related_docs": ("article",),
}
_LISTED = {*_THINGS, "tags"}
_CHOICES: dict[str, Mapping[int, str]] = {
    "severity": org.SEVERITIES,
    "reported_by": org.REPORTERS,
    "source": org.SOURCES,
}
#: Keys that steer a write, or that are written in a way of their own.
_APART = {"id", "stage_validation_options", "custom_schema_spec", "custom_fields", "sync_metadata"}


class Writer:
    """Turns a checked request into values; an empty value says to forget the key."""

    def __init__(self, directory: Directory, switches: Switches) -> None:
        """Resolve ids in ``directory``."""
        self._directory = directory
        self._switches = switches
        self._readers: dict[str, Callable[[str, Any], Any]] = {
            **dict.fromkeys(MOST, _text),
            **dict.fromkeys(_CHOICES, self._choice),
            "stage": self._stage,
            "tags": self._tags,
        }

    def changes(self, body: dict[str, Any], old: Values) -> dict[str, Any]:
        """Answer the values that a request writes over ``old`` ones."""
        plain: dict[str, Any] = {}
        for key, sent in body.items():
            wrapped = key in _LISTED and isinstance(sent, dict)
            if key in _APART or (wrapped and "set" not in sent):
                # An empty wrapper changes nothing (assumed).
                continue
            plain[key] = self._value(key, sent["set"] if wrapped else sent, old)
        if plain.get("stage", "") is None:
            # Notes alone: written, and never shown.
            del plain["stage"]
        return plain | self._custom(body, old) | self._synced(body, old)

    def _value(self, key: str, value: Any, old: Values) -> Any:
        if value is None:
            return None
        if key in _THINGS:
            return tuple(self._directory.find(one, _THINGS[key], key) for one in value)
        if key == "impact":
            return self._impact(value, old)
        return self._readers[key](key, value) if key in self._readers else value

    def _stage(self, key: str, stage: dict[str, str]) -> str | None:
        return self._directory.stage(stage["stage"], f"{key}.stage") if "stage" in stage else None

    def _choice(self, key: str, number: int) -> int:
        if key == "source" and not self._switches.service_account:
            raise not_permitted(key, "only system users and service accounts may set it")
        if number not in _CHOICES[key]:
            raise RefusedError(
                "value_not_permitted", field_name=key, allowed_values=list(map(str, _CHOICES[key]))
            )
        return number

    def _tags(self, _: str, tags: list[dict[str, str]]) -> tuple[tuple[Thing, str | None], ...]:
        return tuple(self._tag(tag) for tag in tags)

    def _tag(self, tag: dict[str, str]) -> tuple[Thing, str | None]:
        if "tag_id" not in tag:
            raise missing("tags.tag_id")
        thing = self._directory.find(tag["tag_id"], ("tag",), "tags.tag_id")
        value = tag.get("value")
        if value is not None and value not in thing.values:
            raise RefusedError(
                "value_not_permitted", field_name="tags.value", allowed_values=list(thing.values)
            )
        return thing, value

    def _impact(self, impact: dict[str, Any], old: Values) -> dict[str, Any]:
        said = dict(old.get("impact", {}))
        if "count" in impact:
            said["count"] = impact["count"]
        ids = impact.get("customer_ids", {})
        ids = ids.get("set") if isinstance(ids, dict) else ids
        if ids is not None:
            find = self._directory.find
            said["customers"] = tuple(find(one, ("account",), "impact.customer_ids") for one in ids)
        return said

    def _custom(self, body: dict[str, Any], old: Values) -> dict[str, Any]:
        spec, sent = body.get("custom_schema_spec", {}), body.get("custom_fields", {})
        if self._switches.nulls == "refuse":
            check_nulls(sent)
        elif self._switches.nulls == "ignore":
            sent = {name: value for name, value in sent.items() if value is not None}
        check_fields(body, old, self._directory)
        held = old.get("custom_fields", {})
        changed: dict[str, Any] = {}
        before = old.get("subtype")
        after = None if spec.get("drop", {}).get("subtype") else spec.get("subtype", before)
        if after != before:
            # With its subtype an incident loses that subtype's fields (documented).
            changed["subtype"] = after
            held = {k: v for k, v in held.items() if FIELDS[k].fragment != "subtype"}
        if "custom_fields" in body or after != before:
            said = {**held, **sent}
            changed["custom_fields"] = {k: v for k, v in said.items() if v not in (None, "", [])}
        return changed

    def _synced(self, body: dict[str, Any], old: Values) -> dict[str, Any]:
        mode = self._switches.sync_metadata
        if "sync_metadata" not in body or mode == "ignore":
            return {}
        if mode == "refuse":
            raise TROUBLE["403"]
        sync = dict(body["sync_metadata"])
        for key in SYNC_STATUS.keys() & sync.keys():
            sync[key] = self._sync_part(key, sync[key])
        kept = old.get("sync_metadata", {}) if mode == "merge" else {}
        return {"sync_metadata": {**kept, **sync}}

    def _sync_part(self, key: str, part: dict[str, Any]) -> dict[str, Any]:
        path = f"sync_metadata.{key}"
        if "status" in part:
            choose(part["status"], SYNC_STATUS[key], f"{path}.status")
        if "sync_history" in part:
            # No run of a sync is known here by an id.
            raise invalid_id(f"{path}.sync_history")
        if "sync_unit" not in part:
            return part
        unit = self._directory.find(part["sync_unit"], ("sync_unit",), f"{path}.sync_unit")
        return part | {"sync_unit": unit}


def _text(key: str, text: str) -> str:
    if len(text) > MOST[key] or (key == "title" and not text):
        raise not_permitted(key, f"at most {MOST[key]} characters, and a title has one at least")
    return text


def check_cause(body: dict[str, Any], values: Values, *, always: bool) -> None:
    """Refuse to resolve an incident without a cause, where a rule or the request asks for one."""
    asked = body.get("custom_schema_spec", {}).get("validate_required_fields", False)
    if not (always or asked) or values.get("stage") != "resolved":
        return
    if not values.get("custom_fields", {}).get(CAUSE):
        raise not_valid("field_required", CAUSE, f"required field {CAUSE} is missing")
