"""The custom fields of the simulated DevRev organisation, and what may stand in them.

A field belongs to a fragment of the schema: the tenant's (``tnt__``), a subtype's (``ctype__``) or
an app's (how an app's fields begin is assumed). A request that sends one has to name its fragment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from instep.simulator.devrev.checks import as_date, kind_of
from instep.simulator.devrev.errors import not_valid
from instep.simulator.devrev.lookups import CORE, REGIONS, Directory

SUBTYPE = "security"
APP = "monitor"
TENANT_FRAGMENT = f"{CORE}:tenant_fragment/503"
SUBTYPE_FRAGMENT = f"{CORE}:custom_type_fragment/480"
APP_FRAGMENT = f"{CORE}:app_fragment/77"
#: The field without which an incident cannot be resolved, where that rule is in force.
CAUSE = "tnt__rca"


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field; ``values`` are the words of an enum, or the labels of a uenum by id."""

    name: str
    kind: str
    values: tuple[Any, ...] = ()
    is_list: bool = False
    is_filterable: bool = True
    is_immutable: bool = False

    @property
    def fragment(self) -> str:
        """Answer which fragment it belongs to: ``tenant``, ``subtype`` or ``app``."""
        return {"tnt": "tenant", "ctype": "subtype"}.get(self.name.partition("__")[0], "app")


LEVELS = ((1, "low"), (2, "high"))
FIELDS = {
    one.name: one
    for one in (
        Field("tnt__region", "enum", REGIONS),
        Field("tnt__ext_status", "text"),
        Field("tnt__external_reference", "text"),
        Field(CAUSE, "rich_text", is_filterable=False),
        Field("tnt__ticket", "tokens", is_immutable=True),
        Field("tnt__level", "uenum", LEVELS),
        Field("tnt__customer_facing", "bool"),
        Field("tnt__retries", "int"),
        Field("tnt__error_rate", "double"),
        Field("tnt__review_on", "date"),
        Field("tnt__alerted_at", "timestamp"),
        Field("tnt__lead", "id"),
        Field("tnt__cost", "composite"),
        Field("tnt__channels", "enum", ("chat", "mail", "phone"), is_list=True),
        Field("tnt__checks", "bool", is_list=True),
        Field("tnt__codes", "int", is_list=True),
        Field("tnt__rates", "double", is_list=True),
        Field("tnt__reviews", "date", is_list=True),
        Field("tnt__alerts", "timestamp", is_list=True),
        Field("tnt__helpers", "id", is_list=True),
        Field("tnt__costs", "composite", is_list=True),
        Field("ctype__cve", "tokens"),
        Field(f"app_{APP}__alert_url", "text"),
    )
}
COST = {"amount": "number", "currency": "string"}
_TOKEN = re.compile(r"\S+")


def check_fields(body: Mapping[str, Any], old: Mapping[str, Any], directory: Directory) -> None:
    """Refuse custom fields that the schema, or what the incident is, does not allow."""
    spec = body.get("custom_schema_spec", {})
    _check_spec(spec)
    subtype = spec.get("subtype", old.get("subtype"))
    for name, value in body.get("custom_fields", {}).items():
        field = FIELDS.get(name)
        if (
            field is None
            or not _named(field, spec)
            or (field.fragment == "subtype" and not subtype)
        ):
            raise not_valid("field_not_in_schema", name, f"{name} is in no schema that was named")
        held = old.get("custom_fields", {}).get(name)
        if field.is_immutable and held not in (None, value):
            raise not_valid("field_immutable", name, f"{name} cannot be changed")
        if value is not None:
            _check_value(field, value, directory)


def check_nulls(sent: Mapping[str, Any]) -> None:
    """Refuse a custom field that is null: nothing documents it as a value."""
    for name, value in sent.items():
        if value is None:
            raise not_valid("wrong_type", name, "null is no value")


def _check_spec(spec: Mapping[str, Any]) -> None:
    for key, known in (("subtype", SUBTYPE), ("apps", APP)):
        named = spec.get(key, [])
        for one in [named] if isinstance(named, str) else named:
            if one not in (known, ""):
                raise not_valid("fragment_not_found", key, f"no fragment {one!r}")


def _named(field: Field, spec: Mapping[str, Any]) -> bool:
    return {
        "tenant": bool(spec.get("tenant_fragment")),
        "subtype": bool(spec.get("subtype")),
        "app": APP in spec.get("apps", []),
    }[field.fragment]


def _check_value(field: Field, value: Any, directory: Directory) -> None:
    if field.is_list and not isinstance(value, list):
        raise not_valid("wrong_type", field.name, f"{kind_of(value)} is not a list")
    for one in value if field.is_list else [value]:
        problem = _CHECKS[field.kind](field, one, directory)
        if problem:
            raise not_valid(problem, field.name, f"{one!r} does not fit {field.kind}")


def _of(*types: type) -> Callable[[Field, Any, Directory], str]:
    return lambda _, value, __: "" if type(value) in types else "wrong_type"


def _token(_: Field, value: Any, __: Directory) -> str:
    if not isinstance(value, str):
        return "wrong_type"
    return "" if _TOKEN.fullmatch(value) else "invalid_argument"


def _enum(field: Field, value: Any, _: Directory) -> str:
    if not isinstance(value, str):
        return "wrong_type"
    return "" if value in field.values else "enum_out_of_range"


def _uenum(field: Field, value: Any, _: Directory) -> str:
    if type(value) is not int:
        return "wrong_type"
    return "" if value in dict(field.values) else "enum_out_of_range"


def _date(_: Field, value: Any, __: Directory) -> str:
    try:
        date.fromisoformat(value)
    except TypeError:
        return "wrong_type"
    except ValueError:
        return "date_parse_error"
    return ""


def _timestamp(_: Field, value: Any, __: Directory) -> str:
    if not isinstance(value, str):
        return "wrong_type"
    return "" if as_date(value) else "timestamp_parse_error"


def _id(_: Field, value: Any, directory: Directory) -> str:
    if not isinstance(value, str):
        return "wrong_type"
    if not directory.knows(value):
        return "id_parse_error"
    return "" if value in {one.id for one in directory.of("dev_user")} else "id_type_not_allowed"


def _composite(_: Field, value: Any, __: Directory) -> str:
    if not isinstance(value, dict) or not value.keys() <= COST.keys():
        return "wrong_type"
    fits = all(kind_of(one) == COST[key] for key, one in value.items())
    return "" if fits else "wrong_type"


_CHECKS: dict[str, Callable[[Field, Any, Directory], str]] = {
    **dict.fromkeys(("text", "rich_text"), _of(str)),
    "bool": _of(bool),
    "int": _of(int),
    "double": _of(int, float),
    "tokens": _token,
    "enum": _enum,
    "uenum": _uenum,
    "date": _date,
    "timestamp": _timestamp,
    "id": _id,
    "composite": _composite,
}
