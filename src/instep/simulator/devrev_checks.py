"""What a DevRev request may say: keys, JSON types, and the errors for all else.

Observed by others on other objects, taken over for incidents: unknown keys are refused, lists
in updates are wrapped in ``set``, and ``null`` is never a value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from instep.simulator.wire import JSON, Call

LIMIT = 100
DATES = ("identified_date", "acknowledged_date", "mitigated_date", "target_close_date")
ALL_DATES = ("created_date", "modified_date", *DATES, "actual_close_date")

Shape = Any

_TEXTS: Shape = ["text"]
_NUMBERS: Shape = ["number"]

_RANGE: Shape = {
    "type": "text",
    "after": "date",
    "before": "date",
    "preset_type": "text",
    "days": "number",
}
_SYNC: Shape = {"status": "text", "sync_date": "date", "sync_unit": "text", "sync_history": "text"}
_SYNC_FILTER: Shape = {
    "status": ["text"],
    "sync_date": _RANGE,
    "sync_unit": ["text"],
    "sync_history": ["text"],
}
_PEER_DATES: Shape = dict.fromkeys(("created_date", "modified_date", "closed_date"), "date")
_UNRESOLVED: Shape = [
    dict.fromkeys(("devrev_field_name", "external_field_name", "external_display_name"), "text")
]

_SINGLE: dict[str, Shape] = {
    "title": "text",
    "body": "text",
    "severity": "number",
    "reported_by": "number",
    "source": "number",
    "stage": {"stage": "text", "notes": "text"},
    "stage_validation_options": ["text"],
    "custom_fields": "object",
    "custom_schema_spec": {
        "tenant_fragment": "bool",
        "subtype": "text",
        "apps": ["text"],
        "validate_required_fields": "bool",
        "drop": "object",
    },
    "external_source_data": _PEER_DATES,
    "staged_info": {
        "is_staged": "bool",
        "unresolved_fields": ["text"],
        "sync_in_unresolved_fields": _UNRESOLVED,
        "sync_out_unresolved_fields": _UNRESOLVED,
    },
    "sync_metadata": {
        "external_reference": "text",
        "origin_system": "text",
        "last_sync_in": _SYNC,
        "last_sync_out": _SYNC,
    },
    **dict.fromkeys(DATES, "date"),
}
_LISTS: dict[str, Shape] = {
    **dict.fromkeys(
        ("owned_by", "applies_to_parts", "artifacts", "pia", "playbooks", "related_docs"), _TEXTS
    ),
    "tags": [{"tag_id": "text", "value": "text"}],
}
CREATE: Shape = _SINGLE | _LISTS | {"impact": {"count": "number", "customer_ids": ["text"]}}
UPDATE: Shape = (
    {"id": "text", "impact": {"count": "number", "customer_ids": {"set": ["text"]}}}
    | _SINGLE
    | {name: {"set": shape} for name, shape in _LISTS.items()}
)
LIST: Shape = {
    **dict.fromkeys(ALL_DATES, _RANGE),
    **dict.fromkeys(("severity", "reported_by", "source"), _NUMBERS),
    **dict.fromkeys(
        (
            *("stage", "owned_by", "created_by", "applies_to_parts", "pia", "playbooks"),
            *("related_docs", "subtype", "title", "sort_by"),
        ),
        _TEXTS,
    ),
    "custom_fields": "object",
    "staged_info": {"is_staged": "bool"},
    "sync_metadata": {
        "external_reference": ["text"],
        "origin_system": ["text"],
        "last_sync_in": _SYNC_FILTER,
        "last_sync_out": _SYNC_FILTER,
    },
    "cursor": "text",
    "limit": "number",
    "mode": "text",
}
GROUP: Shape = LIST | {"group_by": "text", "limit_per_group": "number"}
PAGING: Shape = {"cursor": "text", "limit": "number", "mode": "text", "sort_by": ["text"]}


class RefusedError(Exception):
    """A request that the service refuses, by default with status 400."""

    def __init__(
        self, kind: str, status: int = 400, message: str = "Bad Request", **rest: Any
    ) -> None:
        """Keep the error ``kind`` and what else its body says."""
        super().__init__(kind)
        self.status = status
        self.body = {"type": kind, "message": message, **rest}


LISTS = {
    "incidents.list": "incidents",
    "incidents.group": "groups",
    "dev-users.list": "dev_users",
    "parts.list": "parts",
    "tags.list": "tags",
    "stages.custom.list": "result",
}
TROUBLE = {
    "500": RefusedError("internal_error", 500, "Internal Server Error", reference_id="a1b2c3"),
    "401": RefusedError("unauthenticated", 401, "Unauthorized"),
    "429": RefusedError("too_many_requests", 429, "Too Many Requests"),
}


def invalid_id(field_name: str) -> RefusedError:
    """Refuse an id that names nothing."""
    return RefusedError("invalid_id", field_name=field_name)


def not_permitted(field_name: str, reason: str) -> RefusedError:
    """Refuse a value of the right type; which error the service uses is assumed."""
    return RefusedError("value_not_permitted", field_name=field_name, reason=reason)


def check(body: dict[str, Any], shape: Shape, *required: str) -> dict[str, Any]:
    """Read a request by its shape; dates come out as datetimes, all else as it was sent."""
    for name in required:
        if name not in body:
            raise RefusedError("missing_required_field", field_name=name)
    return {key: _value(value, _member(shape, key, key), key) for key, value in body.items()}


def _member(shape: dict[str, Shape], key: str, path: str) -> Shape:
    if key not in shape:
        raise RefusedError("invalid_field", field_name=path)
    return shape[key]


def _value(value: Any, shape: Shape, path: str) -> Any:
    expected = _expected(shape)
    actual = kind_of(value)
    if actual != expected:
        raise RefusedError(
            "unexpected_json_type", field_name=path, expected=expected, actual=actual
        )
    if shape == "date":
        return _date(value, path)
    if shape == "number" and not isinstance(value, int):
        raise not_permitted(path, "not an integer")
    if isinstance(shape, list):
        return [_value(item, shape[0], path) for item in value]
    if isinstance(shape, dict):
        return {
            key: _value(item, _member(shape, key, f"{path}.{key}"), f"{path}.{key}")
            for key, item in value.items()
        }
    return value


def _expected(shape: Shape) -> str:
    if isinstance(shape, dict):
        return "object"
    if isinstance(shape, list):
        return "array"
    return "string" if shape in {"text", "date"} else str(shape)


def kind_of(value: Any) -> str:
    """Answer the service's word for the JSON type of a value."""
    if value is None:
        return "null"
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _date(text: str, path: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise not_permitted(path, "not a timestamp") from None
    if date.tzinfo is None:
        raise not_permitted(path, "a timestamp needs an offset")
    return to_ms(date)


def to_ms(date: datetime) -> datetime:
    """Cut an instant to what the service keeps: UTC milliseconds (assumed)."""
    return date.astimezone(UTC).replace(microsecond=date.microsecond // 1000 * 1000)


def spell(date: datetime) -> str:
    """Spell an instant in milliseconds without trailing zeros, as real objects do (observed)."""
    if not date.microsecond:
        return f"{date:%Y-%m-%dT%H:%M:%S}Z"
    return f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}".rstrip("0") + "Z"


def from_query(pairs: list[tuple[str, str]], shape: Shape) -> dict[str, Any]:
    """Read the GET form: dotted keys, comma-joined arrays, and no date filters at all."""
    body: dict[str, Any] = {}
    for key, text in pairs:
        *outer, name = key.split(".")
        inner, place = shape, body
        for step in outer:
            inner = _within(inner, step, key)
            place = place.setdefault(step, {})
        last = _within(inner, name, key)
        if inner is _RANGE or last is _RANGE:
            raise RefusedError("invalid_field", field_name=key)
        place[name] = _parsed(text, last)
    return body


def _within(shape: Shape, name: str, path: str) -> Shape:
    # Only free objects (custom fields) have members that no shape knows: lists, as in POST.
    return _member(shape, name, path) if isinstance(shape, dict) else ["text"]


def _parsed(text: str, shape: Shape) -> Any:
    if isinstance(shape, list):
        return [_parsed(item, shape[0]) for item in text.split(",")]
    if shape == "number" and text.lstrip("-").isdigit():
        return int(text)
    if shape == "bool" and text in {"true", "false"}:
        return text == "true"
    return text


def read_body(call: Call, shape: Shape, *required: str) -> dict[str, Any]:
    """Read a request of either form, and refuse what its shape does not know."""
    if call.method == "GET":
        return check(from_query(call.pairs, shape), shape, *required)
    kind = call.header("content-type").partition(";")[0].strip()
    if kind != JSON:
        raise RefusedError("invalid_content_type", value=kind)
    if not call.body:
        raise RefusedError("bad_request")
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise RefusedError("parse_error") from None
    if not isinstance(body, dict):
        raise RefusedError("parse_error")
    return check(body, shape, *required)


def options(body: dict[str, Any], allowed: str) -> list[str]:
    """Read the stage options of a create or update; each of them knows just one."""
    wanted: list[str] = body.get("stage_validation_options", [])
    for option in wanted:
        if option != allowed:
            raise RefusedError(
                "invalid_enum_value",
                field_name="stage_validation_options",
                value=option,
                allowed_values=[allowed],
            )
    return wanted
