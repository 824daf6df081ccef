"""The simulated DevRev organisation: its people, parts, tags, severities and stages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from instep.simulator.devrev.errors import invalid_id, not_permitted, other_kind

CORE = "don:core:dvrv-us-1:devo/SIM"
IDENTITY = "don:identity:dvrv-us-1:devo/SIM"
INTEGRATION = "don:integration:dvrv-us-1:devo/SIM"
SEVERITIES = {1: "sev-0", 2: "sev-1", 3: "sev-2", 4: "sev-3"}
#: Ids are stable, labels are an organisation's own.
RELABELLED = {1: "critical", 2: "major", 3: "minor", 4: "sev-3"}
REPORTERS = {1: "Customer", 2: "Internal Users", 3: "System"}
# What values there are is not published: assumed.
SOURCES = {1: "Monitoring", 2: "Support"}
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
PART_KINDS = ("capability", "enhancement", "feature", "linkable", "product", "runnable")
USER_KINDS = ("dev_user", "rev_user", "service_account", "sys_user")
USER_STATES = ("active", "deactivated", "deleted", "locked", "shadow", "unassigned")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that an id can name.

    ``values`` are what a tag may be given; ``parent`` is the part above. Users are named by their
    e-mail, those without one by another name; ``state`` is theirs alone.
    """

    kind: str
    id: str
    display_id: str
    name: str
    values: tuple[str, ...] = ()
    state: str = ""
    parent: str = ""

    @property
    def email(self) -> str:
        """Answer the e-mail of a user; not every user has one."""
        return self.name if "@" in self.name else ""

    def summary(self) -> dict[str, Any]:
        """Spell it as other objects mention it."""
        if self.kind in USER_KINDS:
            return person(self)
        named = {"id": self.id, "display_id": self.display_id}
        if self.kind == "tag":
            return named | {"name": self.name, "style_new": {"color": "#33AA55"}}
        if self.kind == "sync_unit":
            return {"id": self.id, "name": self.name, "external_system_type": "jira"}
        if self.kind in {"article", "incident"}:
            return named | {"type": self.kind, "title": self.name}
        if self.kind in PART_KINDS:
            return named | {"type": self.kind, "name": self.name, "owned_by": []}
        return named | {"type": self.kind, "display_name": self.name}


def person(user: Thing) -> dict[str, Any]:
    """Spell a person or an account as other objects mention one."""
    name = user.name.split("@", maxsplit=1)[0]
    said = {
        "type": user.kind,
        "id": user.id,
        "display_id": user.display_id,
        "display_name": name,
        "full_name": f"{name.capitalize()} Example",
    }
    return said | ({"email": user.email} if user.email else {}) | {"state": user.state}


def _user(name: str, number: int, state: str = "active") -> Thing:
    return Thing("dev_user", f"{IDENTITY}:devu/{number}", f"DEVU-{number}", name, (), state)


def _part(kind: str, number: int, name: str, parent: str = f"{CORE}:product/2") -> Thing:
    return Thing(
        kind, f"{CORE}:{kind}/{number}", f"{kind[:4].upper()}-{number}", name, (), "", parent
    )


USERS = [
    *(
        _user(f"{name}@example.com", number)
        for number, name in enumerate(("instep-bot", "ana", "ben", "chloe", "dmitri"), 1)
    ),
    _user("eve@example.com", 6, "deactivated"),
    # How the service compares e-mails is not told, and not everybody has one.
    _user("Farid.Haddad@Example.com", 7),
    _user("gwen", 8),
    _user("hugo@example.com", 9, "locked"),
    _user("iris@example.com", 10, "shadow"),
]
BOT, ANA = USERS[0], USERS[1]
SERVICE = Thing("service_account", f"{IDENTITY}:svcacc/3", "SVCACC-3", "sync-bot", (), "active")
OTHERS = [
    SERVICE,
    Thing("sys_user", f"{IDENTITY}:sysu/1", "SYSU-1", "system", (), "active"),
    Thing(
        "rev_user", f"{IDENTITY}:revo/6:revu/131", "REVU-131", "zoe@customer.example", (), "active"
    ),
]
PARTS = [
    _part("runnable", 5, "Checkout"),
    _part("runnable", 6, "Search"),
    _part("runnable", 7, "Notifications"),
    _part("runnable", 8, "Payments"),
    _part("product", 2, "Storefront", ""),
    # Names are not unique.
    _part("capability", 3, "Checkout"),
]
TAGS = [
    Thing("tag", f"{CORE}:tag/9", "TAG-9", "region", REGIONS),
    Thing("tag", f"{CORE}:tag/10", "TAG-10", "customer-visible"),
]
ARTICLES = [Thing("article", f"{CORE}:article/7", "ART-7", "How we review incidents")]
ACCOUNTS = [Thing("account", f"{IDENTITY}:account/1", "ACC-1", "Example Customer")]
ARTIFACTS = [Thing("artifact", f"{CORE}:artifact/4", "ARTIFACT-4", "graph.png")]
SYNC_UNITS = [Thing("sync_unit", f"{INTEGRATION}:sync_unit/jira-1", "", "Jira of the shop")]
STAGE_IDS = {name: f"{CORE}:custom_stage/{number}" for number, name in enumerate(STAGES, 40)}
STAGE_NAMES = {don: name for name, don in STAGE_IDS.items()}
#: A stage of tickets: names of stages are not unique in an organisation.
FOREIGN_STAGE = f"{CORE}:custom_stage/31"
STATE_IDS = {name: f"{CORE}:custom_state/{number}" for number, name in enumerate(STATES, 1)}
ALL = (*USERS, *OTHERS, *PARTS, *TAGS, *ARTICLES, *ACCOUNTS, *ARTIFACTS, *SYNC_UNITS)


class Directory:
    """What ids name in one organisation; it may learn of more."""

    def __init__(self, things: Iterable[Thing] = ALL) -> None:
        """Begin with ``things``."""
        self._named: dict[str, Thing] = {}
        for thing in things:
            self.add(thing)

    def add(self, thing: Thing) -> None:
        """Learn of one more; both of its ids name it."""
        self._named[thing.id] = thing
        if thing.display_id:
            self._named[thing.display_id] = thing

    def of(self, *kinds: str) -> list[Thing]:
        """Answer everything of some kinds, oldest first."""
        return [one for key, one in self._named.items() if key == one.id and one.kind in kinds]

    def find(self, key: str, kinds: Collection[str], field_name: str) -> Thing:
        """Find what an id or display id names, or refuse it as the service does."""
        thing = self._named.get(key)
        if thing is None:
            raise other_kind(field_name) if key in STAGE_NAMES else invalid_id(field_name)
        if kinds and thing.kind not in kinds:
            raise other_kind(field_name)
        return thing

    def knows(self, key: str) -> bool:
        """Answer whether an id names anything at all."""
        return key in self._named or key in STAGE_NAMES

    def stage(self, key: str, field_name: str) -> str:
        """Find the name of the incident stage with this id; names and other ids are refused."""
        if key in STAGE_NAMES:
            return STAGE_NAMES[key]
        if key == FOREIGN_STAGE:
            raise not_permitted(field_name, "not a stage of incidents")
        raise other_kind(field_name) if key in self._named else invalid_id(field_name)


def is_final(stage: str) -> bool:
    """Answer whether the stage belongs to a final state."""
    return STAGES[stage][0] == "closed"


@cache
def stage_view(stage: str) -> dict[str, Any]:
    """Spell a stage with its state, as an incident shows it."""
    return {
        "stage": {"id": STAGE_IDS[stage], "name": stage},
        "state": state_view(STAGES[stage][0]),
    }


def state_view(state: str) -> dict[str, Any]:
    """Spell a state."""
    return {"id": STATE_IDS[state], "name": state, "is_final": state == "closed"}


def choice(labels: Mapping[int, str], number: int) -> dict[str, Any]:
    """Spell an enumerated value as an incident shows it."""
    return {"id": number, "label": labels.get(number, str(number)), "ordinal": number}
