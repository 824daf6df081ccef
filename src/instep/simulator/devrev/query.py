"""How DevRev finds incidents: filters and order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import choose, kind_of
from instep.simulator.devrev.errors import bad_type, missing, not_permitted, not_valid, unknown_key
from instep.simulator.devrev.fields import FIELDS
from instep.simulator.devrev.incident import Incident
from instep.simulator.devrev.lookups import Directory
from instep.simulator.devrev.shapes import ALL_DATES
from instep.simulator.devrev.switches import Switches
from instep.simulator.devrev.writes import SYNC_STATUS

Test = Callable[[Mapping[str, Any]], bool]
#: Days that a filter reaches at most: the calendar ends, long after the last incident.
MOST_DAYS = 365_000
SORTABLE = (*ALL_DATES, "severity", "title")
_THINGS: dict[str, Collection[str]] = {
    "owned_by": org.USER_KINDS,
    "created_by": org.USER_KINDS,
    "applies_to_parts": org.PART_KINDS,
    **dict.fromkeys(("pia", "playbooks", "related_docs"), ("article",)),
}


class Query:
    """The filters of one organisation."""

    def __init__(self, directory: Directory, switches: Switches) -> None:
        """Resolve ids in ``directory``."""
        self._directory = directory
        self._switches = switches
        self._makers: dict[str, Callable[[str, Any, datetime], Test]] = {
            **dict.fromkeys(("severity", "reported_by", "source", "subtype"), _one_of),
            **dict.fromkeys(ALL_DATES, self._dates),
            **dict.fromkeys(_THINGS, self._members),
            "title": self._titles,
            "stage": self._stages,
            "staged_info": _staged,
            "custom_fields": _custom,
            "sync_metadata": self._synced,
            "impacted_customers": self._customers,
        }

    def select(
        self, rows: Iterable[Incident], body: dict[str, Any], now: datetime
    ) -> list[Incident]:
        """Answer the incidents that pass every filter of a checked request."""
        tests = [self._makers[key](key, body[key], now) for key in body if key in self._makers]
        return [row for row in rows if all(test(row.values) for test in tests)]

    def _dates(self, key: str, wanted: dict[str, Any], now: datetime) -> Test:
        if not self._switches.date_filters:
            raise unknown_key(key)
        first, last = _bounds(key, wanted, now)

        def test(values: Mapping[str, Any]) -> bool:
            date = values.get(key)
            if date is None:
                return False
            return (first is None or first <= date) and (last is None or date <= last)

        return test

    def _titles(self, key: str, wanted: list[str], now: datetime) -> Test:
        if self._switches.title_filter == "exact":
            return _one_of(key, wanted, now)
        return lambda values: any(one.lower() in values["title"].lower() for one in wanted)

    def _stages(self, key: str, wanted: list[str], _: datetime) -> Test:
        names = {self._directory.stage(one, key) for one in wanted}
        return lambda values: values["stage"] in names

    def _members(self, key: str, wanted: list[str], _: datetime) -> Test:
        things = {self._directory.find(one, _THINGS[key], key) for one in wanted}

        def test(values: Mapping[str, Any]) -> bool:
            held = values.get(key, ())
            return not things.isdisjoint(held if isinstance(held, tuple) else (held,))

        return test

    def _customers(self, key: str, wanted: list[str], _: datetime) -> Test:
        things = {self._directory.find(one, ("account",), key) for one in wanted}
        return lambda values: not things.isdisjoint(values.get("impact", {}).get("customers", ()))

    def _synced(self, _: str, wanted: dict[str, Any], now: datetime) -> Test:
        tests = [self._sync_part(key, wanted[key], now) for key in SYNC_STATUS if key in wanted]
        plain = [key for key in ("external_reference", "origin_system") if key in wanted]

        def test(values: Mapping[str, Any]) -> bool:
            sync = values.get("sync_metadata", {})
            return all(sync.get(key) in wanted[key] for key in plain) and all(
                one(sync) for one in tests
            )

        return test

    def _sync_part(self, key: str, wanted: dict[str, Any], now: datetime) -> Test:
        for status in wanted.get("status", ()):
            choose(status, SYNC_STATUS[key], f"sync_metadata.{key}.status")
        path = f"sync_metadata.{key}.sync_unit"
        units = [
            self._directory.find(one, ("sync_unit",), path) for one in wanted.get("sync_unit", ())
        ]
        dated = (
            self._dates("sync_date", wanted["sync_date"], now) if "sync_date" in wanted else None
        )
        # No history has an id here, so asking for one finds nothing.
        foreign = bool(wanted.get("sync_history"))

        def test(sync: Mapping[str, Any]) -> bool:
            part = sync.get(key, {})
            fits = "status" not in wanted or part.get("status") in wanted["status"]
            fits = fits and ("sync_unit" not in wanted or part.get("sync_unit") in units)
            return fits and not foreign and (dated is None or dated(part))

        return test


def _bounds(
    key: str, wanted: dict[str, Any], now: datetime
) -> tuple[datetime | None, datetime | None]:
    if "type" not in wanted:
        raise missing(f"{key}.type")
    if choose(wanted["type"], ("range", "preset"), f"{key}.type") == "range":
        return wanted.get("after"), wanted.get("before")
    days = wanted.get("days", 0)
    if not 0 <= days < 2**32:
        raise not_permitted(f"{key}.days", f"between 0 and {2**32 - 1}")
    span = timedelta(days=min(days, MOST_DAYS))
    presets = {"last_n_days": (now - span, now), "next_n_days": (now, now + span)}
    return presets[choose(wanted.get("preset_type", ""), presets, f"{key}.preset_type")]


def _one_of(key: str, wanted: list[Any], _: datetime) -> Test:
    return lambda values: values.get(key) in wanted


def _staged(_: str, wanted: dict[str, bool], __: datetime) -> Test:
    if "is_staged" not in wanted:
        return lambda _: True
    flag = wanted["is_staged"]
    return lambda values: values.get("staged_info", {}).get("is_staged", False) == flag


def _custom(_: str, wanted: dict[str, Any], __: datetime) -> Test:
    for name, accepted in wanted.items():
        check_filterable(name, f"custom_fields.{name}")
        if not isinstance(accepted, list):
            raise bad_type(f"custom_fields.{name}", "array", kind_of(accepted))

    def test(values: Mapping[str, Any]) -> bool:
        held = values.get("custom_fields", {})
        return all(_meets(held.get(name), accepted) for name, accepted in wanted.items())

    return test


def _meets(value: Any, accepted: list[Any]) -> bool:
    if isinstance(value, list):
        return any(one in accepted for one in value)
    return value in accepted


def check_filterable(name: str, path: str) -> None:
    """Refuse to filter, group or sort by a custom field not made for it (the error is assumed)."""
    if name not in FIELDS:
        raise not_valid("field_not_in_schema", name, f"{name} is in no schema")
    if not FIELDS[name].is_filterable:
        raise not_permitted(path, f"{name} is not filterable")


def order(rows: list[Incident], sort_by: list[str]) -> list[Incident]:
    """Sort incidents, empty values last, and equal ones oldest first (assumed)."""
    rows = sorted(rows, key=lambda row: row.number)
    for item in reversed(sort_by):
        name, _, way = item.partition(":")
        name = name.removeprefix("custom_fields.")
        if "__" in name:
            check_filterable(name, "sort_by")
        elif name not in SORTABLE:
            raise not_permitted("sort_by", f"cannot sort by {name!r}")
        if way not in {"asc", "desc"}:
            raise not_permitted("sort_by", f"neither {name}:asc nor {name}:desc: {item!r}")
        held = [(_sorted_by(row, name), row) for row in rows]
        full = [pair for pair in held if pair[0] is not None]
        full.sort(key=lambda pair: pair[0], reverse=way == "desc")
        rows = [row for _, row in full] + [row for key, row in held if key is None]
    return rows


def _sorted_by(row: Incident, name: str) -> Any:
    value = row.values.get("custom_fields", {}).get(name) if "__" in name else row.values.get(name)
    return str(value) if isinstance(value, list | dict) else value
