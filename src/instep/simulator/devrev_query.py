"""How DevRev finds incidents: filters, order, groups and opaque cursors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from instep.simulator import devrev_lookups as org
from instep.simulator.devrev_checks import (
    ALL_DATES,
    LIMIT,
    RefusedError,
    kind_of,
    not_permitted,
    spell,
)
from instep.simulator.devrev_incident import SYNC_STATUS, Incident

if TYPE_CHECKING:
    import random

    from instep.simulator.devrev_lookups import Thing

Test = Callable[[Any], bool]
KEPT_CURSORS = 10_000
SORTABLE = (*ALL_DATES, "severity", "title")
GROUPABLE = (*ALL_DATES, "severity", "reported_by", "stage", "owned_by", "applies_to_parts", "tags")


def select(rows: Iterable[Incident], body: dict[str, Any], now: datetime) -> list[Incident]:
    """Answer the incidents that pass every filter of a checked request."""
    tests = [_test(key, value, now) for key, value in body.items() if key in _FILTERS]
    tests += [_dates(key, body[key], now) for key in ALL_DATES if key in body]
    return [row for row in rows if all(test(row.values) for test in tests)]


def _test(key: str, value: Any, now: datetime) -> Test:
    return _FILTERS[key](key, value, now)


def _dates(key: str, wanted: dict[str, Any], now: datetime) -> Test:
    first, last = _bounds(key, wanted, now)

    def test(values: Any) -> bool:
        date = values.get(key)
        if date is None:
            return False
        return (first is None or first <= date) and (last is None or date <= last)

    return test


def _bounds(
    key: str, wanted: dict[str, Any], now: datetime
) -> tuple[datetime | None, datetime | None]:
    kind = wanted.get("type")
    if kind is None:
        raise RefusedError("missing_required_field", field_name=f"{key}.type")
    if kind == "range":
        return wanted.get("after"), wanted.get("before")
    if kind != "preset":
        raise _bad_enum(f"{key}.type", kind, ("range", "preset"))
    span = timedelta(days=wanted.get("days", 0))
    presets = {"last_n_days": (now - span, now), "next_n_days": (now, now + span)}
    preset = wanted.get("preset_type", "")
    if preset not in presets:
        raise _bad_enum(f"{key}.preset_type", preset, tuple(presets))
    return presets[preset]


def _bad_enum(key: str, value: str, allowed: Iterable[str]) -> RefusedError:
    return RefusedError(
        "invalid_enum_value", field_name=key, value=value, allowed_values=list(allowed)
    )


def _one_of(key: str, wanted: list[Any], _: datetime) -> Test:
    return lambda values: values.get(key) in wanted


def _stages(key: str, wanted: list[str], _: datetime) -> Test:
    names = {org.stage_of(one, key) for one in wanted}
    return lambda values: values.get("stage") in names


def _members(key: str, wanted: list[str], _: datetime) -> Test:
    things = {org.find(one, (), key) for one in wanted}
    return lambda values: not things.isdisjoint(values.get(key, ()))


def _author(key: str, wanted: list[str], _: datetime) -> Test:
    things = {org.find(one, ("dev_user",), key) for one in wanted}
    return lambda values: values.get(key) in things


def _nothing(_key: str, _wanted: list[str], _: datetime) -> Test:
    return lambda _: False


def _staged(_: str, wanted: dict[str, bool], __: datetime) -> Test:
    if "is_staged" not in wanted:
        return lambda _: True
    flag = wanted["is_staged"]
    return lambda values: values.get("staged_info", {}).get("is_staged", False) == flag


def _custom(_: str, wanted: dict[str, Any], __: datetime) -> Test:
    for name, accepted in wanted.items():
        if not isinstance(accepted, list):
            raise RefusedError(
                "unexpected_json_type",
                field_name=f"custom_fields.{name}",
                expected="array",
                actual=kind_of(accepted),
            )
    return lambda values: all(
        values.get("custom_fields", {}).get(name) in accepted for name, accepted in wanted.items()
    )


def _synced(_: str, wanted: dict[str, Any], now: datetime) -> Test:
    tests = [_sync_part(key, wanted[key], now) for key in SYNC_STATUS if key in wanted]
    plain = [key for key in ("external_reference", "origin_system") if key in wanted]

    def test(values: Any) -> bool:
        sync = values.get("sync_metadata", {})
        return all(sync.get(key) in wanted[key] for key in plain) and all(
            one(sync) for one in tests
        )

    return test


def _sync_part(key: str, wanted: dict[str, Any], now: datetime) -> Test:
    for status in wanted.get("status", ()):
        if status not in SYNC_STATUS[key]:
            raise _bad_enum(f"sync_metadata.{key}.status", status, SYNC_STATUS[key])
    dated = _dates("sync_date", wanted["sync_date"], now) if "sync_date" in wanted else None
    # No incident here belongs to a sync unit, so asking for one finds nothing.
    foreign = bool(wanted.get("sync_unit") or wanted.get("sync_history"))

    def test(sync: Any) -> bool:
        part = sync.get(key, {})
        fits = "status" not in wanted or part.get("status") in wanted["status"]
        return fits and not foreign and (dated is None or dated(part))

    return test


_FILTERS: dict[str, Callable[[str, Any, datetime], Test]] = {
    **dict.fromkeys(("severity", "reported_by", "source", "title", "subtype"), _one_of),
    "stage": _stages,
    **dict.fromkeys(("owned_by", "applies_to_parts"), _members),
    "created_by": _author,
    **dict.fromkeys(("pia", "playbooks", "related_docs"), _nothing),
    "staged_info": _staged,
    "custom_fields": _custom,
    "sync_metadata": _synced,
}


def order(rows: list[Incident], sort_by: list[str]) -> list[Incident]:
    """Sort incidents, empty values last; without ``sort_by`` newest first (assumed)."""
    rows = sorted(rows, key=lambda row: row.number, reverse=not sort_by)
    for item in reversed(sort_by):
        name, _, way = item.partition(":")
        if name not in SORTABLE or way not in {"asc", "desc"}:
            raise not_permitted("sort_by", f"cannot sort by {item!r}")
        full = [row for row in rows if name in row.values]
        empty = [row for row in rows if name not in row.values]
        full.sort(key=lambda row, name=name: row.values[name], reverse=way == "desc")  # type: ignore[misc]
        rows = full + empty
    return rows


def group(rows: list[Incident], by: str) -> list[tuple[dict[str, Any], list[str]]]:
    """Group incidents; those without a value are in no group, those with two in two groups."""
    if by not in GROUPABLE:
        raise not_permitted("group_by", f"cannot group by {by!r}")
    groups: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for row in rows:
        for name, key in _keys(by, row.values.get(by)):
            groups.setdefault(name, (key, []))[1].append(row.id)
    return list(groups.values())


def _keys(by: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    if value is None:
        return []
    if by == "tags":
        return [(tag.id, _tag_key(tag)) for tag, _ in value]
    if isinstance(value, tuple):
        return [(thing.id, {"type": "id", "value": thing.id}) for thing in value]
    if by == "stage":
        return [(value, {"type": "stage", "name": value})]
    if isinstance(value, datetime):
        day = f"{value:%Y-%m-%d}"
        return [(day, {"type": "date", "value": day})]
    return [(str(value), {"type": "int", "value": value})]


def _tag_key(tag: Thing) -> dict[str, Any]:
    return {"type": "tag_summary", "tag_id": tag.id, "name": tag.name}


def count(body: dict[str, Any], name: str, default: int) -> int:
    """Read a limit; the service's cap of 100 is reported, that it answers 400 is assumed."""
    limit: int = body.get(name, default)
    if not 1 <= limit <= LIMIT:
        raise not_permitted(name, f"between 1 and {LIMIT}")
    return limit


class Walks:
    """Cursors: each remembers the query it belongs to, what that found, and a place in it.

    What is found when the walk begins is walked to its end, whatever changes meanwhile (assumed).
    """

    def __init__(self, rng: random.Random) -> None:
        """Draw cursors from ``rng``."""
        self._random = rng
        self._kept: OrderedDict[str, tuple[str, list[Any], int]] = OrderedDict()

    def page(
        self, body: dict[str, Any], limit: int, look: Callable[[], list[Any]]
    ) -> tuple[list[Any], dict[str, str]]:
        """Answer a page of what ``look`` finds, and the cursors beside it."""
        query = fingerprint(body)
        items, place = self._resume(body, query, look)
        first, last = place, place + limit
        if body.get("mode", "after") == "before":
            first, last = max(place - limit, 0), place
        cursors = {}
        if last < len(items):
            cursors["next_cursor"] = self._keep(query, items, last)
        if first > 0:
            cursors["prev_cursor"] = self._keep(query, items, first)
        return items[first:last], cursors

    def _resume(
        self, body: dict[str, Any], query: str, look: Callable[[], list[Any]]
    ) -> tuple[list[Any], int]:
        mode = body.get("mode", "after")
        if mode not in {"after", "before"}:
            raise _bad_enum("mode", mode, ("after", "before"))
        if "cursor" not in body:
            items = look()
            return items, len(items) if mode == "before" else 0
        kept = self._kept.get(body["cursor"])
        if kept is None or kept[0] != query:
            raise RefusedError("bad_request")
        return kept[1], kept[2]

    def _keep(self, query: str, items: list[Any], place: int) -> str:
        cursor = f"{self._random.getrandbits(128):032x}"
        self._kept[cursor] = (query, items, place)
        if len(self._kept) > KEPT_CURSORS:
            self._kept.popitem(last=False)
        return cursor


def fingerprint(body: dict[str, Any]) -> str:
    """Answer the query without its paging, to tell whether a cursor belongs to it."""
    plain = {key: body[key] for key in sorted(body) if key not in {"cursor", "mode", "limit"}}
    return repr(_plain(plain))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return spell(value) if isinstance(value, datetime) else value
