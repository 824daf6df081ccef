"""Reads DevRev requests by their shapes, and refuses all else.

Observed by others on other objects, taken over for incidents: unknown keys are refused, lists
in updates are wrapped in ``set``, and ``null`` is never a value.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import orjson

from instep.simulator.devrev.errors import (
    RefusedError,
    bad_enum,
    bad_type,
    missing,
    not_permitted,
    unknown_key,
)
from instep.simulator.devrev.shapes import RANGE, Shape
from instep.simulator.wire import JSON, Call


def parse(call: Call, shape: Shape) -> dict[str, Any]:
    """Read a request of either form as it was sent."""
    if call.method == "GET":
        return from_query(call.pairs, shape)
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
    return body


def check(body: dict[str, Any], shape: Shape, required: Collection[str] = ()) -> dict[str, Any]:
    """Read a request by its shape; dates come out as datetimes, all else as it was sent."""
    for name in required:
        if name not in body:
            raise missing(name)
    return {key: _value(value, _member(shape, key, key), key) for key, value in body.items()}


def _member(shape: dict[str, Shape], key: str, path: str) -> Shape:
    if key not in shape:
        raise unknown_key(path)
    return shape[key]


def _value(value: Any, shape: Shape, path: str) -> Any:
    if shape == "text?" and value is None:
        return None
    expected, actual = _expected(shape), kind_of(value)
    if actual != expected:
        raise bad_type(path, expected, actual)
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
    return "string" if shape in {"text", "text?", "date"} else str(shape)


def kind_of(value: Any) -> str:
    """Answer the service's word for the JSON type of a value."""
    if value is None:
        return "null"
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _date(text: str, path: str) -> datetime:
    date = as_date(text)
    if date is None:
        raise not_permitted(path, "not a timestamp with an offset")
    return to_ms(date)


def as_date(text: str) -> datetime | None:
    """Read an instant, in UTC; ``None`` if it is none there, or has no offset."""
    try:
        date = datetime.fromisoformat(text)
        return date.astimezone(UTC) if date.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def to_ms(date: datetime) -> datetime:
    """Cut an instant to what the service keeps: UTC milliseconds (assumed)."""
    return date.astimezone(UTC).replace(microsecond=date.microsecond // 1000 * 1000)


def spell(date: datetime) -> str:
    """Spell an instant in milliseconds without trailing zeros, as real objects do (observed)."""
    if not date.microsecond:
        return f"{date:%Y-%m-%dT%H:%M:%S}Z"
    return f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}".rstrip("0") + "Z"


def spell_finely(date: datetime) -> str:
    """Spell an instant in microseconds, as timelines do (documented)."""
    return f"{date:%Y-%m-%dT%H:%M:%S.%f}Z"


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
        if inner is RANGE or last is RANGE:
            raise unknown_key(key)
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


def choose(value: str, allowed: Collection[str], path: str) -> str:
    """Read one of a few words."""
    if value not in allowed:
        raise bad_enum(path, value, allowed)
    return value


def options(body: dict[str, Any], allowed: str) -> list[str]:
    """Read the stage options of a create or update; each of them knows just one."""
    wanted: list[str] = body.get("stage_validation_options", [])
    return [choose(option, (allowed,), "stage_validation_options") for option in wanted]
