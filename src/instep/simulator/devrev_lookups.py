"""The simulated DevRev organisation: its people, parts, tags, severities and stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from instep.simulator.devrev_checks import RefusedError, invalid_id

if TYPE_CHECKING:
    from collections.abc import Iterable

CORE = "don:core:dvrv-us-1:devo/SIM"
IDENTITY = "don:identity:dvrv-us-1:devo/SIM"
SEVERITIES = {1: "sev-0", 2: "sev-1", 3: "sev-2", 4: "sev-3"}
REPORTERS = {1: "Customer", 2: "Internal Users", 3: "System"}
# Which stage belongs to which state is not published: assumed.
STAGES = {
    "triage": ("open", ("acknowledged", "canceled", "duplicate")),
    "acknowledged": ("in_progress", ("fixing", "mitigated", "canceled", "duplicate")),
    "fixing": ("in_progress", ("mitigated", "resolved", "canceled", "duplicate")),
    "mitigated": ("in_progress", ("fixing", "resolved")),
    "resolved": ("closed", ()),
    "canceled": ("closed", ()),
    "duplicate": ("closed", ()),
}
STATES = ("open", "in_progress", "closed")
REGIONS = ("eu", "us", "ap")
CUSTOM_FIELDS = {"tnt__region": REGIONS, "tnt__ext_status": ()}
DIAGRAM = {"id": f"{CORE}:stage_diagram/6", "name": "incident_transitions"}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that an id can name; ``values`` are what a tag may be given."""

    kind: str
    id: str
    display_id: str
    name: str
    values: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Spell it as other objects mention it."""
        if self.kind == "dev_user":
            return person(self)
        if self.kind == "tag":
            style = {"color": "#33AA55"}
            return {"id": self.id, "display_id": self.display_id, "name": self.name} | {
                "style_new": style
            }
        named = {"id": self.id, "display_id": self.display_id, "name": self.name}
        return named | {"type": self.kind, "owned_by": []}


def person(user: Thing) -> dict[str, Any]:
    """Spell a person as other objects mention one."""
    return {
        "type": "dev_user",
        "id": user.id,
        "display_id": user.display_id,
        "display_name": user.name.split("@", maxsplit=1)[0],
        "full_name": user.name.split("@", maxsplit=1)[0].capitalize() + " Example",
        "email": user.name,
        "state": "deactivated" if user.name.startswith("eve") else "active",
    }


def _things(kind: str, root: str, prefix: str, names: Iterable[str], first: int) -> list[Thing]:
    return [
        Thing(kind, f"{root}/{number}", f"{prefix}-{number}", name)
        for number, name in enumerate(names, first)
    ]


NAMES = ("instep-bot", "ana", "ben", "chloe", "dmitri", "eve")
USERS = _things("dev_user", f"{IDENTITY}:devu", "DEVU", (f"{n}@example.com" for n in NAMES), 1)
BOT, ANA = USERS[0], USERS[1]
PARTS = [
    *_things(
        "runnable",
        f"{CORE}:runnable",
        "RUNN",
        ("Checkout", "Search", "Notifications", "Payments"),
        5,
    ),
    *_things("product", f"{CORE}:product", "PROD", ("Storefront",), 2),
]
TAGS = [
    Thing("tag", f"{CORE}:tag/9", "TAG-9", "region", REGIONS),
    Thing("tag", f"{CORE}:tag/10", "TAG-10", "customer-visible"),
]
STAGE_IDS = {name: f"{CORE}:custom_stage/{number}" for number, name in enumerate(STAGES, 40)}
STAGE_NAMES = {don: name for name, don in STAGE_IDS.items()}
STATE_IDS = {name: f"{CORE}:custom_state/{number}" for number, name in enumerate(STATES, 1)}
THINGS = {key: thing for thing in (*USERS, *PARTS, *TAGS) for key in (thing.id, thing.display_id)}


def find(key: str, kinds: tuple[str, ...], field_name: str) -> Thing:
    """Find what an id or display id names, or refuse it as the service does."""
    thing = THINGS.get(key)
    if thing is None:
        if key in STAGE_NAMES:
            raise RefusedError("unexpected_id_type", field_name=field_name)
        raise invalid_id(field_name)
    if kinds and thing.kind not in kinds:
        raise RefusedError("unexpected_id_type", field_name=field_name)
    return thing


def stage_of(key: str, field_name: str) -> str:
    """Find the name of the stage with this id; names and other ids are refused."""
    if key in STAGE_NAMES:
        return STAGE_NAMES[key]
    if key in THINGS:
        raise RefusedError("unexpected_id_type", field_name=field_name)
    raise invalid_id(field_name)


def is_final(stage: str) -> bool:
    """Answer whether the stage belongs to a final state."""
    return STAGES[stage][0] == "closed"


@cache
def stage_view(stage: str) -> dict[str, Any]:
    """Spell a stage with its state, as an incident shows it."""
    state = STAGES[stage][0]
    return {
        "stage": {"id": STAGE_IDS[stage], "name": stage},
        "state": {"id": STATE_IDS[state], "name": state, "is_final": is_final(stage)},
    }


def choice(labels: dict[int, str], number: int) -> dict[str, Any]:
    """Spell an enumerated value as an incident shows it."""
    return {"id": number, "label": labels[number], "ordinal": number}


def schema() -> dict[str, Any]:
    """Spell the aggregated schema of incidents."""

    def numbered(name: str, labels: dict[int, str]) -> dict[str, Any]:
        values = [choice(labels, number) for number in labels]
        return {"name": name, "field_type": "uenum", "is_filterable": True} | {
            "allowed_values": values
        }

    stock = [
        numbered("severity", SEVERITIES),
        numbered("reported_by", REPORTERS),
        {"name": "title", "field_type": "text", "is_required": True, "max_len": 256},
        {"name": "body", "field_type": "rich_text", "max_len": 65536},
    ]
    custom = [
        {"name": name, "is_filterable": True, "field_type": "enum" if values else "text"}
        | ({"allowed_values": list(values)} if values else {})
        for name, values in CUSTOM_FIELDS.items()
    ]
    return {
        "leaf_type": "incident",
        "custom_fields": custom,
        "custom_composite_schemas": [],
        "stock_composite_schemas": [],
        "stage_diagram_id": DIAGRAM,
        "stock_fields": stock,
    }


def diagram() -> dict[str, Any]:
    """Spell the stage diagram of incidents, with its transitions."""

    def named(stage: str) -> dict[str, str]:
        return {"id": STAGE_IDS[stage], "name": stage}

    nodes = [
        {
            "stage": named(stage),
            "is_start": stage == "triage",
            "transitions": [{"target_stage": named(target)} for target in targets],
        }
        for stage, (_, targets) in STAGES.items()
    ]
    return DIAGRAM | {"leaf_type": "incident", "is_default": True, "stages": nodes}


def stages(names: list[str] | None) -> list[dict[str, Any]]:
    """Spell the stages of these names, or all."""
    return [
        {"ordinal": number} | stage_view(stage)["stage"] | {"state": stage_view(stage)["state"]}
        for number, stage in enumerate(STAGES, 1)
        if names is None or stage in names
    ]


def tag_view(tag: Thing) -> dict[str, Any]:
    """Spell a tag as its own listing shows it."""
    return tag.summary() | {"allowed_values": list(tag.values)}
