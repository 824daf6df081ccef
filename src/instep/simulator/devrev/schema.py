"""How DevRev describes itself: schemas, subtypes, stages, states and stage diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.fields import (
    APP,
    APP_FRAGMENT,
    CAUSE,
    COST,
    FIELDS,
    SUBTYPE,
    SUBTYPE_FRAGMENT,
    TENANT_FRAGMENT,
    Field,
)

STOCK_FRAGMENT = "don:core:dvrv-us-1:stock_sf/32027"
DIAGRAM = {"id": f"{org.CORE}:stage_diagram/6", "name": "incident_transitions"}
FRAGMENTS = {
    "tenant": ("tenant_fragment", TENANT_FRAGMENT),
    "subtype": ("custom_type_fragment", SUBTYPE_FRAGMENT),
    "app": ("app_fragment", APP_FRAGMENT),
}


def _numbered(name: str, labels: Mapping[int, str]) -> dict[str, Any]:
    values = [org.choice(labels, number) for number in labels]
    said = {"name": name, "field_type": "uenum", "is_filterable": True}
    return said | {"allowed_values": values}


def stock_fields() -> list[dict[str, Any]]:
    """Spell the fields that every organisation's incidents have."""
    dates = ("identified_date", "acknowledged_date", "mitigated_date", "target_close_date")
    return [
        _numbered("severity", org.SEVERITIES),
        _numbered("reported_by", org.REPORTERS),
        _numbered("source", org.SOURCES),
        {"name": "title", "field_type": "text", "is_required": True, "max_len": 256},
        {"name": "body", "field_type": "rich_text", "max_len": 65536},
        *({"name": name, "field_type": "timestamp", "is_filterable": True} for name in dates),
    ]


def custom_field(field: Field, *, prefixed: bool) -> dict[str, Any]:
    """Spell a custom field; whether its name shows the prefix differs between sources."""
    base: dict[str, Any] = {
        "name": field.name if prefixed else field.name.partition("__")[2],
        "field_type": "array" if field.is_list else field.kind,
    }
    base |= {"base_type": field.kind} if field.is_list else {}
    base |= {"is_filterable": True} if field.is_filterable else {}
    base |= {"is_immutable": True} if field.is_immutable else {}
    if field.kind == "enum":
        return base | {"allowed_values": list(field.values)}
    if field.kind == "uenum":
        labels = dict(field.values)
        return base | {"allowed_values": [org.choice(labels, number) for number in labels]}
    if field.kind == "id":
        return base | {"id_type": ["devu"]}
    return base | ({"composite_type": "cost"} if field.kind == "composite" else {})


def aggregated(
    body: Mapping[str, Any], *, prefixed: bool, severities: Mapping[int, str], cause: bool
) -> dict[str, Any]:
    """Spell the aggregated schema of incidents, of a subtype and with apps where asked for."""
    spec = body.get("custom_schema_spec", {})
    wanted = {"tenant"} | ({"subtype"} if spec.get("subtype") == SUBTYPE else set())
    wanted |= {"app"} if APP in spec.get("apps", []) else set()
    custom = [
        custom_field(one, prefixed=prefixed) for one in FIELDS.values() if one.fragment in wanted
    ]
    said: dict[str, Any] = {
        "leaf_type": "incident",
        "custom_fields": custom,
        "custom_composite_schemas": [_cost()],
        "stock_composite_schemas": [],
        "stage_diagram_id": DIAGRAM,
        "stock_fields": stock_fields(),
    }
    said |= {"subtype": spec["subtype"]} if "subtype" in wanted else {}
    said |= {"conditions": [_condition()]} if cause else {}
    return said | _overrides(severities)


def _overrides(severities: Mapping[int, str]) -> dict[str, Any]:
    if severities == org.SEVERITIES:
        return {}
    values = [org.choice(severities, number) for number in severities]
    values[-1] |= {"is_deprecated": True}
    return {"stock_field_overrides": [{"name": "severity", "uenum_values": values}]}


def _condition() -> dict[str, Any]:
    # How an expression is written is not documented for incidents: assumed.
    effect = {"fields": [f"custom_fields.{CAUSE}"], "require": True}
    return {"expression": "stage == 'resolved'", "effects": [effect]}


def _cost() -> dict[str, Any]:
    kinds = {"number": "double", "string": "text"}
    fields = [{"name": name, "field_type": kinds[kind]} for name, kind in COST.items()]
    return {"name": "cost", "fields": fields}


def stock_fragment() -> dict[str, Any]:
    """Spell the stock fragment of incidents."""
    said = {"id": STOCK_FRAGMENT, "leaf_type": "incident", "composite_schemas": []}
    return said | {"fields": stock_fields()}


def fragments(body: Mapping[str, Any], *, prefixed: bool) -> list[dict[str, Any]]:
    """Spell the custom fragments of incidents, or those of some types."""
    if "incident" not in body.get("leaf_type", ["incident"]):
        return []
    extra = {"subtype": {"subtype": SUBTYPE}, "app": {"app": APP}}
    found = []
    for name, (kind, don) in FRAGMENTS.items():
        if kind in body.get("types", [kind]):
            own = [
                custom_field(one, prefixed=prefixed)
                for one in FIELDS.values()
                if one.fragment == name
            ]
            said = {"type": kind, "id": don, "leaf_type": "incident", "fields": own}
            found.append(said | extra.get(name, {}))
    return found


def subtypes(leaf_types: list[str]) -> list[dict[str, str]]:
    """Spell the subtypes of some objects; of none without the filter (observed)."""
    if "incident" not in leaf_types:
        return []
    said = {"fragment_id": SUBTYPE_FRAGMENT, "leaf_type": "incident", "value": SUBTYPE}
    return [said | {"display_name": "Security"}]


def diagram() -> dict[str, Any]:
    """Spell the stage diagram of incidents, with its transitions."""

    def named(stage: str) -> dict[str, str]:
        return {"id": org.STAGE_IDS[stage], "name": stage}

    nodes = [
        {
            "stage": named(stage),
            "is_start": stage == "triage",
            "transitions": [{"target_stage": named(target)} for target in targets],
        }
        for stage, (_, targets) in org.STAGES.items()
    ]
    return DIAGRAM | {"leaf_type": "incident", "is_default": True, "stages": nodes}


def diagrams(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Spell the stage diagrams of the organisation: tickets have one too."""
    ticket = {
        "id": f"{org.CORE}:stage_diagram/3",
        "name": "ticket_transitions",
        "leaf_type": "ticket",
        "is_default": True,
        "stages": [{"stage": {"id": org.FOREIGN_STAGE, "name": "resolved"}, "is_start": True}],
    }
    return [
        one
        for one in (ticket, diagram())
        if one["leaf_type"] in body.get("leaf_type", [one["leaf_type"]])
        and one["name"] in body.get("name", [one["name"]])
    ]


def stages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Spell the stages of all objects, or those of some names or ordinals."""
    foreign = {"id": org.FOREIGN_STAGE, "name": "resolved"}
    rows = [{"ordinal": 9, "state": org.state_view("closed")} | foreign]
    for number, stage in enumerate(org.STAGES, 1):
        view = org.stage_view(stage)
        rows.append({"ordinal": number, "state": view["state"]} | view["stage"])
    return _filtered(rows, body)


def states(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Spell the states, or those of some names, ordinals or finality."""
    rows = [
        {"ordinal": number} | org.state_view(state) for number, state in enumerate(org.STATES, 1)
    ]
    return [
        one
        for one in _filtered(rows, body)
        if one["is_final"] == body.get("is_final", one["is_final"])
    ]


def _filtered(rows: list[dict[str, Any]], body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in rows if all(one[k] in body[k] for k in ("name", "ordinal") if k in body)]
