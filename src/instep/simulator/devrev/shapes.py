"""Which keys each DevRev verb knows, and of which JSON type (documented).

``text``, ``number`` (an integer), ``bool``, ``date`` and ``object`` (free) are types; ``text?`` may
be null; a list holds the type of its members, a dictionary the types by key.
"""

from __future__ import annotations

from typing import Any

Shape = Any

DATES = ("identified_date", "acknowledged_date", "mitigated_date", "target_close_date")
ALL_DATES = ("created_date", "modified_date", *DATES, "actual_close_date")

_TEXTS: Shape = ["text"]
_NUMBERS: Shape = ["number"]
RANGE: Shape = {
    "type": "text",
    "after": "date",
    "before": "date",
    "preset_type": "text",
    "days": "number",
}
_SYNC: Shape = {"status": "text", "sync_date": "date", "sync_unit": "text", "sync_history": "text"}
_SYNC_FILTER: Shape = {
    "status": _TEXTS,
    "sync_date": RANGE,
    "sync_unit": _TEXTS,
    "sync_history": _TEXTS,
}
_SYNCED: Shape = {
    "external_reference": "text",
    "origin_system": "text",
    "last_sync_in": _SYNC,
    "last_sync_out": _SYNC,
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
    "stage_validation_options": _TEXTS,
    "custom_fields": "object",
    "custom_schema_spec": {
        "tenant_fragment": "bool",
        "subtype": "text",
        "apps": _TEXTS,
        "validate_required_fields": "bool",
        "drop": {"subtype": "bool", "apps": _TEXTS},
    },
    "external_source_data": _PEER_DATES,
    "staged_info": {
        "is_staged": "bool",
        "unresolved_fields": _TEXTS,
        "sync_in_unresolved_fields": _UNRESOLVED,
        "sync_out_unresolved_fields": _UNRESOLVED,
    },
    "sync_metadata": _SYNCED,
    **dict.fromkeys(DATES, "date"),
}
_LISTS: dict[str, Shape] = {
    **dict.fromkeys(
        ("owned_by", "applies_to_parts", "artifacts", "pia", "playbooks", "related_docs"), _TEXTS
    ),
    "tags": [{"tag_id": "text", "value": "text"}],
}
CREATE: Shape = _SINGLE | _LISTS | {"impact": {"count": "number", "customer_ids": _TEXTS}}
UPDATE: Shape = (
    {"id": "text", "impact": {"count": "number", "customer_ids": {"set": _TEXTS}}}
    | _SINGLE
    | {name: {"set": shape} for name, shape in _LISTS.items()}
)
PAGING: Shape = {"cursor": "text", "limit": "number", "mode": "text", "sort_by": _TEXTS}
LIST: Shape = {
    **PAGING,
    **dict.fromkeys(ALL_DATES, RANGE),
    **dict.fromkeys(("severity", "reported_by", "source"), _NUMBERS),
    **dict.fromkeys(
        ("stage", "owned_by", "created_by", "applies_to_parts", "pia", "playbooks"), _TEXTS
    ),
    **dict.fromkeys(("related_docs", "subtype", "title"), _TEXTS),
    "custom_fields": "object",
    "staged_info": {"is_staged": "bool"},
    "sync_metadata": {
        "external_reference": _TEXTS,
        "origin_system": _TEXTS,
        "last_sync_in": _SYNC_FILTER,
        "last_sync_out": _SYNC_FILTER,
    },
}
GROUP: Shape = LIST | {"group_by": "text", "limit_per_group": "number"}

#: What a null empties, where nulls are taken at all.
CLEARED = frozenset(
    {"body", "severity", "reported_by", "owned_by", "applies_to_parts", "tags", "impact", *DATES}
)

#: What the document of 2026-01 adds to requests.
_NEWER_SYNC: Shape = _SYNCED | {"external_record_id": "text", "external_record_type": "text"}
_NEWER_FILTERS: Shape = {"impacted_customers": _TEXTS, "include_child_parts": "bool"}
NEWER: dict[str, Shape] = {
    "incidents.create": CREATE | {"sync_metadata": _NEWER_SYNC},
    "incidents.update": UPDATE | {"sync_metadata": _NEWER_SYNC},
    "incidents.list": LIST | _NEWER_FILTERS,
    "incidents.group": GROUP | _NEWER_FILTERS,
}

_COMMENT: Shape = {
    "id": "text",
    "type": "text",
    "body": "text",
    "body_type": "text",
    "snap_kit_body": "object",
}
_LEAF: Shape = {"leaf_type": "text", "is_custom_leaf_type": "bool"}
_LEAVES: Shape = {"leaf_type": _TEXTS, "is_custom_leaf_type": "bool"}
_ONE: Shape = {"id": "text"}
_SET_OR_CHANGE: Shape = {"set": _TEXTS, "add": _TEXTS, "remove": _TEXTS}
_WEBHOOK: Shape = {"url": "text", "secret": "text"}
_HEADERS: Shape = [{"name": "text", "value": "text"}]
_NAMED: Shape = {"cursor": "text", "limit": "number", "sort_by": _TEXTS, "name": _TEXTS}

#: verb -> what its request may hold.
SHAPES: dict[str, Shape] = {
    "incidents.get": _ONE,
    "incidents.create": CREATE,
    "incidents.update": UPDATE,
    "incidents.delete": _ONE,
    "incidents.list": LIST,
    "incidents.group": GROUP,
    "timeline-entries.create": {key: shape for key, shape in _COMMENT.items() if key != "id"}
    | {
        "object": "text",
        "visibility": "text",
        "external_ref": "text",
        "expires_at": "date",
        **dict.fromkeys(("collections", "labels", "private_to", "artifacts"), _TEXTS),
        **dict.fromkeys(("link_previews", "snap_widget_body"), _TEXTS),
    },
    "timeline-entries.get": {"id": "text", "external_ref": "text"},
    "timeline-entries.update": _COMMENT
    | {"external_ref": "text?", "artifacts": _SET_OR_CHANGE, "link_previews": _SET_OR_CHANGE},
    "timeline-entries.delete": _ONE,
    "timeline-entries.list": {
        **{key: PAGING[key] for key in ("cursor", "limit", "mode")},
        "object": "text",
        **dict.fromkeys(("collections", "labels", "visibility"), _TEXTS),
    },
    "schemas.aggregated.get": _LEAF
    | {
        "custom_schema_spec": {"subtype": "text", "apps": _TEXTS},
        "custom_schema_fragments": _TEXTS,
        "stock_schema_fragment": "text",
    },
    "schemas.stock.get": {"id": "text", "leaf_type": "text"},
    "schemas.custom.list": PAGING
    | _LEAVES
    | dict.fromkeys(("app", "subtype", "types", "prune"), _TEXTS)
    | dict.fromkeys(("deprecated", "is_deprecated"), "bool"),
    "schemas.subtypes.list": {"leaf_type": "text", "leaf_types": _TEXTS},
    "stage-diagrams.get": _LEAF | _ONE,
    "stage-diagrams.list": _NAMED | _LEAVES,
    "stages.custom.list": _NAMED | {"ordinal": _NUMBERS},
    "states.custom.list": _NAMED | {"ordinal": _NUMBERS, "is_final": "bool"},
    "dev-users.self": {},
    "dev-users.list": PAGING
    | {"email": _TEXTS, "state": _TEXTS, "external_identity": [{"id": "text", "issuer": "text"}]},
    "parts.list": PAGING
    | dict.fromkeys(("type", "name", "owned_by", "created_by"), _TEXTS)
    | {"parent_part": {"parts": _TEXTS, "level": "number"}},
    "tags.list": PAGING | {"name": _TEXTS},
    "tags.create": {"name": "text", "allowed_values": _TEXTS, "description": "text"},
    "links.create": dict.fromkeys(("link_type", "source", "target"), "text"),
    "links.list": {"cursor": "text", "limit": "number", "mode": "text"}
    | {"object": "text", "link_type": "text", "object_types": _TEXTS, "direction": "text"},
    "webhooks.create": _WEBHOOK | {"event_types": _TEXTS, "headers": _HEADERS},
    "webhooks.get": _ONE,
    "webhooks.update": _WEBHOOK
    | _ONE
    | {"event_types": _SET_OR_CHANGE, "headers": {"set": _HEADERS}, "action": "text"},
    "webhooks.delete": _ONE,
    "webhooks.list": {},
}

#: verb -> the keys without which it refuses.
REQUIRED: dict[str, tuple[str, ...]] = {
    "incidents.get": ("id",),
    "incidents.create": ("title",),
    "incidents.update": ("id",),
    "incidents.delete": ("id",),
    "incidents.group": ("group_by",),
    "timeline-entries.create": ("object", "type"),
    "timeline-entries.get": ("id",),
    "timeline-entries.update": ("id", "type"),
    "timeline-entries.delete": ("id",),
    "timeline-entries.list": ("object",),
    "tags.create": ("name",),
    "links.create": ("link_type", "source", "target"),
    "links.list": ("object",),
    "webhooks.create": ("url",),
    "webhooks.get": ("id",),
    "webhooks.update": ("id",),
    "webhooks.delete": ("id",),
}

#: verb -> the key of its list, for those that list something.
LISTS = {
    "incidents.list": "incidents",
    "incidents.group": "groups",
    "timeline-entries.list": "timeline_entries",
    "dev-users.list": "dev_users",
    "parts.list": "parts",
    "tags.list": "tags",
    "links.list": "links",
    "schemas.custom.list": "result",
    "schemas.subtypes.list": "subtypes",
    "stages.custom.list": "result",
    "states.custom.list": "result",
    "stage-diagrams.list": "result",
    "webhooks.list": "webhooks",
}


def shape_of(verb: str, *, newer: bool) -> Shape:
    """Answer what a request may hold; ``newer`` is the document of 2026-01."""
    if newer and verb == "timeline-entries.list":
        dates = {"after": "date", "before": "date"}
        return SHAPES[verb] | {"created_date": dates, "panels": _TEXTS}
    return NEWER.get(verb, SHAPES[verb]) if newer else SHAPES[verb]
