"""A DevRev incident: how it is kept, how a request writes it, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from instep.simulator import devrev_lookups as org
from instep.simulator.devrev_checks import ALL_DATES, RefusedError, invalid_id, not_permitted, spell

if TYPE_CHECKING:
    from instep.simulator.devrev_lookups import Thing

SYNC_STATUS = {
    "last_sync_in": ("failed", "modified", "staged", "succeeded"),
    "last_sync_out": ("failed", "modified", "succeeded"),
}
PART_KINDS = ("capability", "enhancement", "feature", "linkable", "product", "runnable")
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Incident:
    """One version of an incident; ``values`` holds whatever is set, never an empty value.

    There, people, parts and tags are ``Thing``s, instants are datetimes and the stage is its name.
    """

    number: int
    values: Values

    @property
    def id(self) -> str:
        """Answer the id that calls take."""
        return f"{org.CORE}:incident/{self.number}"

    @property
    def reference(self) -> str | None:
        """Answer the external reference that the incident carries."""
        reference: str | None = self.values.get("sync_metadata", {}).get("external_reference")
        return reference

    @cached_property
    def wire(self) -> orjson.Fragment:
        """Answer the read shape, already spelled as JSON."""
        return orjson.Fragment(orjson.dumps(self.view))

    @cached_property
    def view(self) -> dict[str, Any]:
        """Answer the read shape: sparse, with objects where a write has ids."""
        values = self.values
        view: dict[str, Any] = {"id": self.id, "display_id": f"INC-{self.number}"}
        view |= {key: _VIEWS[key](values[key]) for key in _VIEWS if key in values}
        view |= {key: spell(values[key]) for key in ALL_DATES if key in values}
        return view | {"stock_schema_fragment": "don:core:dvrv-us-1:stock_sf/32027"}


def _same(value: Any) -> Any:
    return value


def _things(things: tuple[Thing, ...]) -> list[dict[str, Any]]:
    return [thing.summary() for thing in things]


def _tags(tags: tuple[tuple[Thing, str | None], ...]) -> list[dict[str, Any]]:
    return [
        {"tag": tag.summary()} | ({"value": value} if value is not None else {})
        for tag, value in tags
    ]


def _sync(sync: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {k: spell(v) if isinstance(v, datetime) else v for k, v in value.items()}
        if isinstance(value, dict)
        else value
        for key, value in sync.items()
    }


# Keys that no view names are write-only: related_docs, staged_info, external_source_data, notes.
_VIEWS: dict[str, Callable[[Any], Any]] = {
    "title": _same,
    "body": _same,
    "created_by": org.person,
    "modified_by": org.person,
    "severity": lambda number: org.choice(org.SEVERITIES, number),
    "reported_by": lambda number: org.choice(org.REPORTERS, number),
    "stage": org.stage_view,
    "owned_by": _things,
    "applies_to_parts": _things,
    "tags": _tags,
    "custom_fields": _same,
    "impact": lambda impact: {"count": {"id": impact, "label": str(impact), "ordinal": impact}},
    "sync_metadata": _sync,
}


def encode(body: dict[str, Any]) -> dict[str, Any]:
    """Turn a checked create or update into values; an empty value says to forget the key."""
    plain: dict[str, Any] = {}
    for key, sent in body.items():
        wrapped = key in _LISTED and isinstance(sent, dict)
        if wrapped and "set" not in sent:
            # An empty wrapper changes nothing (assumed).
            continue
        value = sent["set"] if wrapped else sent
        if key in _WRITES:
            plain[key] = _WRITES[key](value, key)
        elif key not in _APART:
            plain[key] = value
    _check_custom(body)
    return plain


def _title(text: str, key: str) -> str:
    if not text or len(text) > 256:
        raise not_permitted(key, "between 1 and 256 characters")
    return text


def _body(text: str, key: str) -> str:
    if len(text) > 65536:
        raise not_permitted(key, "at most 65536 characters")
    return text


def _choice(labels: dict[int, str]) -> Callable[[int, str], int]:
    def one(number: int, key: str) -> int:
        if number not in labels:
            raise RefusedError("value_not_permitted", field_name=key, allowed_values=list(labels))
        return number

    return one


def _source(_: int, key: str) -> int:
    raise not_permitted(key, "only system users and service accounts may set it")


def _stage(stage: dict[str, str], key: str) -> str | None:
    return org.stage_of(stage["stage"], f"{key}.stage") if "stage" in stage else None


def _owners(ids: list[str], key: str) -> tuple[Thing, ...]:
    return tuple(org.find(one, ("dev_user",), key) for one in ids)


def _parts(ids: list[str], key: str) -> tuple[Thing, ...]:
    return tuple(org.find(one, PART_KINDS, key) for one in ids)


def _tagged(tags: list[dict[str, str]], key: str) -> tuple[tuple[Thing, str | None], ...]:
    return tuple(_one_tag(tag, key) for tag in tags)


def _one_tag(tag: dict[str, str], key: str) -> tuple[Thing, str | None]:
    if "tag_id" not in tag:
        raise RefusedError("missing_required_field", field_name=f"{key}.tag_id")
    thing, value = org.find(tag["tag_id"], ("tag",), f"{key}.tag_id"), tag.get("value")
    if value is not None and value not in thing.values:
        raise RefusedError(
            "value_not_permitted", field_name=f"{key}.value", allowed_values=list(thing.values)
        )
    return thing, value


def _none_exist(ids: list[str], key: str) -> tuple[()]:
    # This organisation has no artifacts or articles, so every id of one is wrong.
    if ids:
        raise invalid_id(key)
    return ()


def _impact(impact: dict[str, Any], key: str) -> int | None:
    customers = impact.get("customer_ids", [])
    _none_exist(customers.get("set", []) if isinstance(customers, dict) else customers, key)
    count: int | None = impact.get("count")
    return count


_APART = {"id", "stage_validation_options", "custom_schema_spec", "sync_metadata"}
_LISTED = {"owned_by", "applies_to_parts", "tags", "artifacts", "pia", "playbooks", "related_docs"}
_WRITES: dict[str, Callable[[Any, str], Any]] = {
    "title": _title,
    "body": _body,
    "severity": _choice(org.SEVERITIES),
    "reported_by": _choice(org.REPORTERS),
    "source": _source,
    "stage": _stage,
    "owned_by": _owners,
    "applies_to_parts": _parts,
    "tags": _tagged,
    **dict.fromkeys(("artifacts", "pia", "playbooks", "related_docs"), _none_exist),
    "impact": _impact,
}


def _check_custom(body: dict[str, Any]) -> None:
    for name, value in body.get("custom_fields", {}).items():
        problem = _custom_problem(name, value, body.get("custom_schema_spec", {}))
        if problem:
            raise RefusedError("customization_validation_error", subtype=problem, field_name=name)


def _custom_problem(name: str, value: Any, spec: dict[str, Any]) -> str | None:
    if name not in org.CUSTOM_FIELDS or not spec.get("tenant_fragment"):
        return "field_not_in_schema"
    if not isinstance(value, str):
        return "wrong_type"
    allowed = org.CUSTOM_FIELDS[name]
    return "enum_out_of_range" if allowed and value not in allowed else None


def check_sync(sync: dict[str, Any]) -> dict[str, Any]:
    """Check a written ``sync_metadata``; sync units do not exist here."""
    for key, allowed in SYNC_STATUS.items():
        part = sync.get(key, {})
        path = f"sync_metadata.{key}"
        if part.get("status", allowed[0]) not in allowed:
            raise RefusedError(
                "invalid_enum_value",
                field_name=f"{path}.status",
                value=part["status"],
                allowed_values=list(allowed),
            )
        for name in ("sync_unit", "sync_history"):
            if name in part:
                raise invalid_id(f"{path}.{name}")
    return sync
